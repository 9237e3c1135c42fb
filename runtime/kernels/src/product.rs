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
    assert_eq!((right.len(), out.len()), (k * n, m * n), "[{m}, {k}] x [{k}, {n}]");
    if let Store::Bias(bias) | Store::Relu(bias) = store {
        assert_eq!(bias.len(), n, "[{n}]");
    }
    Arch::new().dispatch(Product { left, right, sizes: [m, k, n], store, out });
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

/// The most terms of a sum in a row: so many vectors of `right`, as wide as a tile, stay in the fast cache for all tiles below each other.
const DEPTH: usize = 256;

struct Product<'a> {
    left: Left<'a>,
    right: &'a [f32],
    sizes: [usize; 3],
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
        let mut sums = [[simd.splat_f32s(0.); N]; M];
        let right = self.right[from * n..to * n].chunks_exact(n);
        match self.left {
            Left::Rows(values) => {
                let rows: [&[f32]; M] = std::array::from_fn(|i| &values[(row + i) * k..][from..to]);
                for (p, right) in right.enumerate() {
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
                for (p, right) in right.enumerate() {
                    let right = load::<S, N, PART>(simd, &right[column..][..width]);
                    let left = &values[(from + p) * stride + row..][..M];
                    for i in 0..M {
                        let left = simd.splat_f32s(left[i]);
                        for j in 0..N {
                            sums[i][j] = simd.mul_add_e_f32s(left, right[j], sums[i][j]);
                        }
                    }
                }
            }
        }
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
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.).collect()
    }

    #[test]
    fn products_of_all_shapes_are_those_of_plain_loops() {
        // Whole tiles, rows and columns that are left over, and both.
        for sizes @ [m, k, n] in [
            [1, 1, 1],
            [8, 16, 48],
            [16, 100, 32],
            [5, 7, 9],
            [13, 33, 100],
            [64, 20, 784],
            [9, 5, 17],
            [3, 0, 20],
            [5, 600, 40],
        ] {
            let (a, b, bias, before) = (numbers(m * k, 1), numbers(k * n, 2), numbers(n, 3), numbers(m * n, 4));
            let mut turned = vec![0.; m * k];
            transpose(&a, k.max(1), 0, &mut turned);
            for left in [Left::Rows(&a), Left::Columns(&turned, m)] {
                for store in [Store::Add, Store::Set, Store::Bias(&bias), Store::Relu(&bias)] {
                    let mut out = before.clone();
                    product(left, &b, sizes, store, &mut out);
                    for (index, found) in out.into_iter().enumerate() {
                        let (i, j) = (index / n, index % n);
                        let term = |p| f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
                        let sum: f64 = (0..k).map(term).sum();
                        let expected = match store {
                            Store::Add => sum + f64::from(before[index]),
                            Store::Set => sum,
                            Store::Bias(bias) => sum + f64::from(bias[j]),
                            Store::Relu(bias) => (sum + f64::from(bias[j])).max(0.),
                        };
                        // Terms below 1, whose sums are below 60 and rounded by 6e-8 of that each.
                        assert!(
                            (f64::from(found) - expected).abs() < 1e-7 * (100 + k) as f64,
                            "{sizes:?} at {index}: {found} {expected}"
                        );
                    }
                }
            }
        }
    }
}
