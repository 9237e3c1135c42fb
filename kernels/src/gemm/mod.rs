//! Matrix products on one thread; the caller shares rows between threads. `dense` and `dot` are for few rows and fixed weights.

mod dense;
mod dot;
mod sparse;

use pulp::{Simd, WithSimd};

use crate::simd::arch::arch;

pub use dense::Dense;

/// The left matrix of a product.
#[derive(Clone, Copy)]
pub enum Lhs<'a> {
    /// `[m, k]`
    Rows(&'a [f32]),
    /// `(values, stride)`: the first `m` columns of a matrix of `k` rows, transposed; a row begins every `stride` values.
    Columns(&'a [f32], usize),
}

/// How a product is written to the output.
#[derive(Clone, Copy)]
pub enum Epilogue<'a> {
    /// Added to the values there.
    Add,
    /// In place of the values there.
    Set,
    /// In place of the values there, with a bias `[n]` added to each row.
    Bias(&'a [f32]),
    /// As `Bias`, then max(x, 0).
    Relu(&'a [f32]),
}

/// `out` `[m, n]` becomes `lhs` `[m, k]` times `rhs` `[k, n]`, written as `epilogue` says. All are row-major.
pub fn gemm(lhs: Lhs, rhs: &[f32], [m, k, n]: [usize; 3], epilogue: Epilogue, out: &mut [f32]) {
    check(rhs, [m, k, n], epilogue, out);
    arch().dispatch(Gemm { lhs, rhs, sizes: [m, k, n], terms: None, epilogue, out });
}

/// [`gemm`] over some of the `k` terms alone; the others are known to be zero.
pub fn gemm_of_terms(
    terms: &[usize],
    lhs: Lhs,
    rhs: &[f32],
    [m, k, n]: [usize; 3],
    epilogue: Epilogue,
    out: &mut [f32],
) {
    check(rhs, [m, k, n], epilogue, out);
    arch().dispatch(Gemm { lhs, rhs, sizes: [m, k, n], terms: Some(terms), epilogue, out });
}

fn check(rhs: &[f32], [m, k, n]: [usize; 3], epilogue: Epilogue, out: &[f32]) {
    assert_eq!((rhs.len(), out.len()), (k * n, m * n), "[{m}, {k}] x [{k}, {n}]");
    if let Epilogue::Bias(bias) | Epilogue::Relu(bias) = epilogue {
        assert_eq!(bias.len(), n, "[{n}]");
    }
}

/// The columns of `values` `[rows, columns]` from `first` on become the rows of `out`.
pub fn transpose(values: &[f32], columns: usize, first: usize, out: &mut [f32]) {
    let rows = values.len() / columns;
    for (band, from) in values.chunks(BAND * columns).enumerate() {
        for (column, out) in out.chunks_exact_mut(rows).enumerate() {
            let to = &mut out[band * BAND..][..from.len() / columns];
            for (row, to) in to.iter_mut().enumerate() {
                *to = from[row * columns + first + column];
            }
        }
    }
}

/// Rows that `transpose` reads at once: their part of a column is a cache line.
const BAND: usize = 16;

/// The most terms that are summed in one go: this many rows of `rhs`, as wide as a tile, stay in the cache for all tiles of
/// their columns.
const DEPTH: usize = 256;

struct Gemm<'a> {
    lhs: Lhs<'a>,
    rhs: &'a [f32],
    sizes: [usize; 3],
    /// Some of the `k` terms, or all.
    terms: Option<&'a [usize]>,
    epilogue: Epilogue<'a>,
    out: &'a mut [f32],
}

impl WithSimd for Gemm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // As many sums as registers can hold, besides the factors.
        if S::REGISTER_COUNT >= 32 {
            let row = self.rows::<S, 8, 3>(simd, 0);
            let row = self.rows::<S, 4, 3>(simd, row);
            self.rows::<S, 1, 3>(simd, row);
        } else {
            let row = self.rows::<S, 4, 2>(simd, 0);
            self.rows::<S, 1, 2>(simd, row);
        }
    }
}

impl Gemm<'_> {
    /// As many tiles of `M` rows and up to `N` vectors as fit from row `start` on; returns the first row that is left.
    #[inline(always)]
    fn rows<S: Simd, const M: usize, const N: usize>(&mut self, simd: S, start: usize) -> usize {
        let [m, k, n] = self.sizes;
        let k = self.terms.map_or(k, <[usize]>::len);
        let end = start + (m - start) / M * M;
        if start == end {
            return end;
        }
        let parts = k.div_ceil(DEPTH).max(1);
        for part in 0..parts {
            let depth = [part * k / parts, (part + 1) * k / parts];
            let mut column = 0;
            while column < n {
                let vectors = ((n - column) / S::F32_LANES).min(N);
                for row in (start..end).step_by(M) {
                    match vectors {
                        0 => self.tile::<S, M, 1, true>(simd, [row, column], depth),
                        1 => self.tile::<S, M, 1, false>(simd, [row, column], depth),
                        2 => self.tile::<S, M, 2, false>(simd, [row, column], depth),
                        _ => self.tile::<S, M, N, false>(simd, [row, column], depth),
                    }
                }
                column += vectors.max(1) * S::F32_LANES;
            }
        }
        end
    }

    /// Computes `M` rows of `N` vectors, or of a part of a vector, over the terms in `from..to`.
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize, const PART: bool>(
        &mut self,
        simd: S,
        [row, column]: [usize; 2],
        [from, to]: [usize; 2],
    ) {
        let [_, k, n] = self.sizes;
        let width = if PART { n - column } else { N * S::F32_LANES };
        let (sums, k) = match self.terms {
            None => {
                let terms = self.rhs[from * n..to * n].chunks_exact(n).enumerate();
                (self.sums::<S, M, N, PART>(simd, [row, column], terms.map(|(p, rhs)| (from + p, rhs))), k)
            }
            Some(terms) => {
                let some = terms[from..to].iter().map(|&p| (p, &self.rhs[p * n..][..n]));
                (self.sums::<S, M, N, PART>(simd, [row, column], some), terms.len())
            }
        };
        // The sums of earlier terms are already in `out`; a sum is complete only after the last terms.
        let relu = to == k && matches!(self.epilogue, Epilogue::Relu(_));
        let epilogue = if from == 0 { self.epilogue } else { Epilogue::Add };
        for i in 0..M {
            let out = &mut self.out[(row + i) * n + column..][..width];
            let sums = finish::<S, N, PART>(simd, sums[i], epilogue, relu, column, out);
            if PART {
                simd.partial_store_f32s(out, sums[0]);
            } else {
                let (vectors, _) = S::as_mut_simd_f32s(out);
                vectors[..N].copy_from_slice(&sums);
            }
        }
    }

    /// The sums of a tile over `terms`, each of which comes with its row of `rhs`.
    #[inline(always)]
    fn sums<'b, S: Simd, const M: usize, const N: usize, const PART: bool>(
        &self,
        simd: S,
        [row, column]: [usize; 2],
        terms: impl Iterator<Item = (usize, &'b [f32])>,
    ) -> [[S::f32s; N]; M] {
        let [_, k, n] = self.sizes;
        let width = if PART { n - column } else { N * S::F32_LANES };
        let mut sums = [[simd.splat_f32s(0.); N]; M];
        match self.lhs {
            Lhs::Rows(values) => {
                let rows: [&[f32]; M] = std::array::from_fn(|i| &values[(row + i) * k..][..k]);
                for (p, rhs) in terms {
                    let rhs = load::<S, N, PART>(simd, &rhs[column..][..width]);
                    for i in 0..M {
                        let lhs = simd.splat_f32s(rows[i][p]);
                        for j in 0..N {
                            sums[i][j] = simd.mul_add_e_f32s(lhs, rhs[j], sums[i][j]);
                        }
                    }
                }
            }
            Lhs::Columns(values, stride) => {
                for (p, rhs) in terms {
                    let rhs = load::<S, N, PART>(simd, &rhs[column..][..width]);
                    let lhs = &values[p * stride + row..][..M];
                    for i in 0..M {
                        let lhs = simd.splat_f32s(lhs[i]);
                        for j in 0..N {
                            sums[i][j] = simd.mul_add_e_f32s(lhs, rhs[j], sums[i][j]);
                        }
                    }
                }
            }
        }
        sums
    }
}

/// The values that are stored in `out`, from column `column` on.
#[inline(always)]
fn finish<S: Simd, const N: usize, const PART: bool>(
    simd: S,
    mut sums: [S::f32s; N],
    epilogue: Epilogue,
    relu: bool,
    column: usize,
    out: &[f32],
) -> [S::f32s; N] {
    let terms = match epilogue {
        Epilogue::Set => return sums,
        Epilogue::Add => load::<S, N, PART>(simd, out),
        Epilogue::Bias(bias) | Epilogue::Relu(bias) => load::<S, N, PART>(simd, &bias[column..][..out.len()]),
    };
    let zero = simd.splat_f32s(0.);
    for j in 0..N {
        let sum = simd.add_f32s(sums[j], terms[j]);
        // NaN stays NaN.
        sums[j] = if relu { simd.select_f32s(simd.less_than_f32s(sum, zero), zero, sum) } else { sum };
    }
    sums
}

#[inline(always)]
fn load<S: Simd, const N: usize, const PART: bool>(simd: S, values: &[f32]) -> [S::f32s; N] {
    if PART {
        return [simd.partial_load_f32s(values); N];
    }
    let (vectors, _) = S::as_simd_f32s(values);
    std::array::from_fn(|j| vectors[j])
}

#[cfg(test)]
mod tests;
