//! Products of matrices on one thread: who calls shares the rows between threads.

use pulp::{Arch, Simd, WithSimd};

/// The left matrix of a product.
#[derive(Clone, Copy)]
pub enum Left<'a> {
    /// `[m, k]`
    Rows(&'a [f32]),
    /// The transpose of the first `m` columns of this matrix of `k` rows, which begin every so many values.
    Columns(&'a [f32], usize),
}

/// What becomes of a product.
#[derive(Clone, Copy)]
pub enum Store<'a> {
    /// It is added to what is there.
    Add,
    /// It replaces what is there.
    Set,
    /// It replaces what is there, with a bias `[n]` for its columns.
    Bias(&'a [f32]),
    /// The same, and what is below zero becomes zero.
    Relu(&'a [f32]),
}

/// `out` `[m, n]` becomes `left` `[m, k]` times `right` `[k, n]`, or what `store` says. All are row-major.
pub fn product(left: Left, right: &[f32], [m, k, n]: [usize; 3], store: Store, out: &mut [f32]) {
    check(right, [m, k, n], store, out);
    Arch::new().dispatch(Product { left, right, sizes: [m, k, n], terms: None, store, out });
}

/// As `product`, of these of the `k` terms alone; the others are known to be zero.
pub fn product_of_terms(
    terms: &[usize],
    left: Left,
    right: &[f32],
    [m, k, n]: [usize; 3],
    store: Store,
    out: &mut [f32],
) {
    check(right, [m, k, n], store, out);
    Arch::new().dispatch(Product { left, right, sizes: [m, k, n], terms: Some(terms), store, out });
}

fn check(right: &[f32], [m, k, n]: [usize; 3], store: Store, out: &[f32]) {
    assert_eq!((right.len(), out.len()), (k * n, m * n), "[{m}, {k}] x [{k}, {n}]");
    if let Store::Bias(bias) | Store::Relu(bias) = store {
        assert_eq!(bias.len(), n, "[{n}]");
    }
}

/// Columns of `values` `[rows, columns]` from `first` on, as the rows of `out`.
pub fn transpose(values: &[f32], columns: usize, first: usize, out: &mut [f32]) {
    let rows = values.len() / columns;
    for (band, from) in values.chunks(TURNED * columns).enumerate() {
        for (column, out) in out.chunks_exact_mut(rows).enumerate() {
            let to = &mut out[band * TURNED..][..from.len() / columns];
            for (row, to) in to.iter_mut().enumerate() {
                *to = from[row * columns + first + column];
            }
        }
    }
}

/// Rows that `transpose` reads at once: their part of a column is a cache line.
const TURNED: usize = 16;

/// The most terms of a sum in a row: so many parts of `right`, as wide as a tile, stay in the cache for all tiles of their
/// columns.
const DEPTH: usize = 256;

struct Product<'a> {
    left: Left<'a>,
    right: &'a [f32],
    sizes: [usize; 3],
    /// All, or some.
    terms: Option<&'a [usize]>,
    store: Store<'a>,
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // As many sums as there are registers for, besides those for what is multiplied.
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

impl Product<'_> {
    /// Tiles of `M` rows and up to `N` vectors from row `start` on, as many as fit; returns the first row that is left.
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

    /// `M` rows of `N` vectors, or of a part of one: the terms of the sums in `from..to`.
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
                let terms = self.right[from * n..to * n].chunks_exact(n).enumerate();
                (self.sums::<S, M, N, PART>(simd, [row, column], terms.map(|(p, right)| (from + p, right))), k)
            }
            Some(terms) => {
                let some = terms[from..to].iter().map(|&p| (p, &self.right[p * n..][..n]));
                (self.sums::<S, M, N, PART>(simd, [row, column], some), terms.len())
            }
        };
        // What the first terms came to is there; only behind the last ones is a sum whole.
        let relu = to == k && matches!(self.store, Store::Relu(_));
        let store = if from == 0 { self.store } else { Store::Add };
        for i in 0..M {
            let out = &mut self.out[(row + i) * n + column..][..width];
            let sums = finish::<S, N, PART>(simd, sums[i], store, relu, column, out);
            if PART {
                simd.partial_store_f32s(out, sums[0]);
            } else {
                let (vectors, _) = S::as_mut_simd_f32s(out);
                vectors[..N].copy_from_slice(&sums);
            }
        }
    }

    /// The sums of a tile over `terms`, each with its row of the right matrix.
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
        match self.left {
            Left::Rows(values) => {
                let rows: [&[f32]; M] = std::array::from_fn(|i| &values[(row + i) * k..][..k]);
                for (p, right) in terms {
                    let right = load::<S, N, PART>(simd, &right[column..][..width]);
                    for i in 0..M {
                        let left = simd.splat_f32s(rows[i][p]);
                        for j in 0..N {
                            sums[i][j] = simd.mul_add_e_f32s(left, right[j], sums[i][j]);
                        }
                    }
                }
            }
            Left::Columns(values, stride) => {
                for (p, right) in terms {
                    let right = load::<S, N, PART>(simd, &right[column..][..width]);
                    let left = &values[p * stride + row..][..M];
                    for i in 0..M {
                        let left = simd.splat_f32s(left[i]);
                        for j in 0..N {
                            sums[i][j] = simd.mul_add_e_f32s(left, right[j], sums[i][j]);
                        }
                    }
                }
            }
        }
        sums
    }
}

/// What is stored in `out` from column `column` on.
#[inline(always)]
fn finish<S: Simd, const N: usize, const PART: bool>(
    simd: S,
    mut sums: [S::f32s; N],
    store: Store,
    relu: bool,
    column: usize,
    out: &[f32],
) -> [S::f32s; N] {
    let terms = match store {
        Store::Set => return sums,
        Store::Add => load::<S, N, PART>(simd, out),
        Store::Bias(bias) | Store::Relu(bias) => load::<S, N, PART>(simd, &bias[column..][..out.len()]),
    };
    let zero = simd.splat_f32s(0.);
    for j in 0..N {
        let sum = simd.add_f32s(sums[j], terms[j]);
        // What is no number stays none.
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
#[path = "product_tests.rs"]
mod tests;
