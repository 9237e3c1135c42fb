//! Linear layers for inference: weights are packed once, bias and activation applied while the sums are still in registers.

use pulp::{Simd, WithSimd};

use super::dot::{PARTS, Terms, accumulate, accumulate_nonzero, add, many_zeros, sum_interleaved, terms_in};
use super::sparse::STRIDE;
use crate::activation::{Activation, apply};
use crate::simd::aligned::Aligned;
use crate::simd::arch::arch;
use crate::simd::prefetch::Prefetch;
use crate::simd::scratch::LINE;

/// Vectors of outputs that are summed side by side.
const PANEL: usize = 2;
/// From this length on, a sum is made of parts.
const LONG: usize = 128;

/// A linear layer: `[rows, inputs] -> [rows, outputs]`.
pub struct Dense {
    inputs: usize,
    outputs: usize,
    /// Packed by panels of outputs, `[inputs, panel]` each, the last one padded with zeros.
    weight: Aligned,
    bias: Aligned,
}

impl Dense {
    /// Packs `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    ///
    /// # Panics
    ///
    /// When there are no outputs or no inputs, or the weight has another length than `outputs * inputs`.
    pub fn new(weight: &[f32], bias: &[f32]) -> Self {
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
        assert!(inputs > 0 && weight.len() == outputs * inputs, "[outputs, inputs]");
        arch().dispatch(Pack { weight, bias, inputs })
    }

    /// Values in a row of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values in a row of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Replaces the bias.
    ///
    /// # Panics
    ///
    /// When `bias` has another length than the outputs.
    pub fn set_bias(&mut self, bias: &[f32]) {
        assert_eq!(bias.len(), self.outputs, "[outputs]");
        self.bias.get_mut()[..self.outputs].copy_from_slice(bias);
    }

    /// `[rows, inputs] -> [rows, outputs]`, then the activation, on this thread.
    ///
    /// # Panics
    ///
    /// When the lengths do not fit.
    pub fn forward(&self, x: &[f32], activation: Activation, out: &mut [f32]) {
        let rows = x.len() / self.inputs;
        assert_eq!(
            (x.len(), out.len()),
            (rows * self.inputs, rows * self.outputs),
            "[rows, inputs] and [rows, outputs]"
        );
        arch().dispatch(Forward { dense: self, activation, x, out });
    }
}

struct Pack<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    inputs: usize,
}

impl WithSimd for Pack<'_> {
    type Output = Dense;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Dense {
        let Self { weight, bias, inputs } = self;
        let outputs = bias.len();
        let padded = outputs.next_multiple_of(S::F32_LANES);
        let (mut packed, mut packed_bias) = (Aligned::zeros(padded * inputs), Aligned::zeros(padded));
        packed_bias.get_mut()[..outputs].copy_from_slice(bias);
        let panels = packed.get_mut().chunks_mut(PANEL * S::F32_LANES * inputs);
        for (panel, rows) in panels.zip(weight.chunks(PANEL * S::F32_LANES * inputs)) {
            let width = (rows.len() / inputs).next_multiple_of(S::F32_LANES);
            for (index, row) in rows.chunks_exact(inputs).enumerate() {
                for (to, from) in panel[index..].iter_mut().step_by(width).zip(row) {
                    *to = *from;
                }
            }
        }
        Dense { inputs, outputs, weight: packed, bias: packed_bias }
    }
}

struct Forward<'a> {
    dense: &'a Dense,
    activation: Activation,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { dense, activation, mut x, mut out } = self;
        let mut prefetch = Prefetch::new(x);
        while !x.is_empty() {
            let rows = tile_rows::<S>(x.len() / dense.inputs, dense.inputs >= LONG);
            let (now, rest) = x.split_at(rows * dense.inputs);
            let (to, rest_out) = out.split_at_mut(rows * dense.outputs);
            (x, out) = (rest, rest_out);
            let tile = Tile { simd, dense, activation, x: now, out: to, prefetch: &mut prefetch };
            match rows {
                12 if many::<S>() => tile.panels::<12>(),
                8 if many::<S>() => tile.panels::<8>(),
                6 if !many::<S>() => tile.panels::<6>(),
                4 => tile.panels::<4>(),
                2 => tile.panels::<2>(),
                _ => tile.panels::<1>(),
            }
        }
    }
}

/// Whether the registers can hold the sums of more than six rows.
#[inline(always)]
fn many<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// How many of the remaining rows to compute next: as many as have room for their sums in registers, and no small remainder.
#[inline(always)]
fn tile_rows<S: Simd>(rows: usize, long: bool) -> usize {
    match rows {
        12 | 24.. if many::<S>() && !long => 12,
        8.. if many::<S>() => 8,
        6 | 7 | 10.. if !many::<S>() => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// A few rows.
struct Tile<'a, 'x, S> {
    simd: S,
    dense: &'a Dense,
    activation: Activation,
    x: &'a [f32],
    out: &'a mut [f32],
    /// Reads the rows of the next tiles.
    prefetch: &'a mut Prefetch<'x>,
}

impl<S: Simd> Tile<'_, '_, S> {
    #[inline(always)]
    fn panels<const R: usize>(mut self) {
        let Dense { inputs, outputs, .. } = *self.dense;
        let mut rows = [&[][..]; R];
        for (row, x) in rows.iter_mut().zip(self.x.chunks_exact(inputs)) {
            *row = x;
        }
        let skip = R > 2 && inputs >= LONG && many_zeros(rows[0]);
        let mut first = 0;
        while first < outputs {
            if outputs - first > S::F32_LANES {
                self.panel::<R, PANEL>(rows, first, skip);
            } else {
                self.panel::<R, 1>(rows, first, skip);
            }
            first += PANEL * S::F32_LANES;
        }
    }

    /// Computes `P` vectors of outputs from `first` on for `R` rows.
    #[inline(always)]
    fn panel<const R: usize, const P: usize>(&mut self, rows: [&[f32]; R], first: usize, skip: bool) {
        let (simd, inputs) = (self.simd, self.dense.inputs);
        let weight = &self.dense.weight.get()[first * inputs..][..P * S::F32_LANES * inputs];
        let weight = S::as_simd_f32s(weight).0.as_chunks::<P>().0;
        let bias = S::as_simd_f32s(&self.dense.bias.get()[first..][..P * S::F32_LANES]).0;
        let mut start = [simd.splat_f32s(0.); P];
        start.copy_from_slice(bias);
        let total = if inputs < LONG {
            let mut total = [start; R];
            accumulate(simd, (rows, weight), &mut total, None);
            total
        } else if R <= 2 {
            sum_interleaved(simd, rows, weight, part_of(inputs), start)
        } else {
            self.parts((rows, weight), start, skip)
        };
        let outputs = self.dense.outputs;
        let (width, activation) = (P * S::F32_LANES, self.activation);
        for (sums, out) in total.iter().zip(self.out.chunks_exact_mut(outputs)) {
            // A length that is known at compile time keeps all of this in registers.
            if let Some(out) = out.get_mut(first..first + width) {
                S::as_mut_simd_f32s(out).0.copy_from_slice(sums);
                apply(activation, out);
            } else {
                let mut whole = [0.; PANEL * LINE];
                S::as_mut_simd_f32s(&mut whole[..width]).0.copy_from_slice(sums);
                let out = &mut out[first..];
                out.copy_from_slice(&whole[..out.len()]);
                apply(activation, out);
            }
        }
    }

    /// The sums of all parts, computed one after the other, beginning with `start`.
    #[inline(always)]
    fn parts<const R: usize, const P: usize>(
        &mut self,
        terms: Terms<S, R, P>,
        start: [S::f32s; P],
        skip: bool,
    ) -> [[S::f32s; P]; R] {
        let (simd, inputs) = (self.simd, self.dense.inputs);
        let (mut total, part) = ([start; R], part_of(inputs));
        for from in (0..inputs).step_by(part) {
            let terms = terms_in::<S, R, P>(terms, from..(from + part).min(inputs));
            let mut sums = if from == 0 { total } else { [[simd.splat_f32s(0.); P]; R] };
            if skip {
                accumulate_nonzero(simd, terms, &mut sums, self.prefetch);
            } else {
                accumulate(simd, terms, &mut sums, Some(self.prefetch));
            }
            if from > 0 {
                add(simd, &mut sums, &total);
            }
            total = sums;
        }
        total
    }
}

/// The number of terms in a part of a long sum.
#[inline(always)]
fn part_of(inputs: usize) -> usize {
    inputs.div_ceil(PARTS).next_multiple_of(STRIDE)
}

#[cfg(test)]
#[path = "dense_tests.rs"]
mod tests;
