//! The inner loop of the recurrence: products for a tile of rows, with the sums in registers.

use std::array::from_fn;

use pulp::{Simd, WithSimd};

use super::layout::{Gates, LANES, Lane, Lstm, load};
use crate::simd::math::{sigmoid, tanh};

/// Rows, or columns of the weight gradient, of one tile: 16 sums of the 32 registers of AVX-512, 8 of the 16 of AVX2.
pub(super) const ROWS: usize = 4;

/// The gates of [`ROWS`] rows before their nonlinearities; rows beyond the last repeat it.
#[inline(always)]
pub(super) fn tile_gates<S: Simd>(
    simd: S,
    lstm: &Lstm,
    projected: &[f32],
    states: &[f32],
    panel: &[Gates],
    [first, step, chunk]: [usize; 3],
) -> [Gates; ROWS] {
    let units = lstm.units;
    let rows = tile_rows(first, lstm.batch).map(|row| row * lstm.steps + step);
    let mut tile = [[[0.0; LANES]; 4]; ROWS];
    for (gates, row) in tile.iter_mut().zip(rows) {
        for (gate, sum) in gates.iter_mut().enumerate() {
            load(&projected[(row * 4 + gate) * units..][..units], chunk, sum);
        }
    }
    if step > 0 {
        let left = rows.map(|row| &states[(row - 1) * units..][..units]);
        TileProduct { left, stride: 1, right: panel, sums: &mut tile }.add(simd);
    }
    tile
}

/// Adds to row `r` of `sums` the products of `left[r][k * stride]` with `right[k]`, over all `k` in order.
pub(super) struct TileProduct<'a, const P: usize> {
    pub(super) left: [&'a [f32]; ROWS],
    pub(super) stride: usize,
    pub(super) right: &'a [[Lane; P]],
    pub(super) sums: &'a mut [[Lane; P]; ROWS],
}

impl<const P: usize> TileProduct<'_, P> {
    /// Not inlined, so that the sums have all registers to themselves.
    #[inline(never)]
    pub(super) fn add<S: Simd>(self, simd: S) {
        simd.vectorize(self);
    }

    /// Does the `N` vectors of each row from `first` on, whose sums stay in registers.
    #[inline(always)]
    fn vectors<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
        for (sums, source) in sums.iter_mut().zip(&*self.sums) {
            sums.copy_from_slice(&S::as_simd_f32s(source.as_flattened()).0[first..first + N]);
        }
        for (k, right) in self.right.iter().enumerate() {
            let right = &S::as_simd_f32s(right.as_flattened()).0[first..first + N];
            for (sums, left) in sums.iter_mut().zip(self.left) {
                let left = simd.splat_f32s(left[k * self.stride]);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = simd.mul_add_f32s(left, *right, *sum);
                }
            }
        }
        for (sums, target) in sums.iter().zip(&mut *self.sums) {
            S::as_mut_simd_f32s(target.as_flattened_mut()).0[first..first + N].copy_from_slice(sums);
        }
    }
}

impl<const P: usize> WithSimd for TileProduct<'_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match S::F32_LANES {
            LANES => self.vectors::<S, P>(simd, 0),
            // Narrower registers are also fewer, so these take one lane of every row at a time.
            8 => (0..2 * P).step_by(2).for_each(|first| self.vectors::<S, 2>(simd, first)),
            4 => (0..4 * P).step_by(4).for_each(|first| self.vectors::<S, 4>(simd, first)),
            _ => (0..LANES * P).for_each(|first| self.vectors::<S, 1>(simd, first)),
        }
    }
}

/// Applies the nonlinearities to the gates and moves the cell one step on; returns the tanh of the new cell.
#[inline(always)]
pub(super) fn advance(gates: &mut Gates, cell: &mut Lane) -> Lane {
    let mut result = [0.0; LANES];
    for l in 0..LANES {
        let [input, forget, new, output] = [gates[0][l], gates[1][l], gates[2][l], gates[3][l]];
        let [input, forget, new, output] = [sigmoid(input), sigmoid(forget), tanh(new), sigmoid(output)];
        cell[l] = forget.mul_add(cell[l], input * new);
        result[l] = tanh(cell[l]);
        [gates[0][l], gates[1][l], gates[2][l], gates[3][l]] = [input, forget, new, output];
    }
    result
}

/// Positions of a tile; those beyond the last repeat it.
#[inline(always)]
pub(super) fn tile_rows(first: usize, count: usize) -> [usize; ROWS] {
    from_fn(|r| (first + r).min(count - 1))
}
