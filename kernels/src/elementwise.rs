//! Element by element: ReLU, sums of rows, and conversions.

use rayon::prelude::*;

use crate::simd::math::sigmoid_and_exp;
use crate::simd::vectorised::vectorised;

/// Values that a thread takes at once: 64 KiB.
const BLOCK: usize = 1 << 14;
/// Sums that are kept side by side.
const LANES: usize = 16;

/// `out = max(x, 0)`; NaN stays NaN.
pub fn relu(x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    x.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK)).for_each(|(x, out)| {
        out.copy_from_slice(x);
        relu_in_place(out);
    });
}

/// The gradient `dx` of the input of [`relu`], from its output `out`: `grad` where `out` is above zero.
pub fn relu_backward(out: &[f32], grad: &[f32], dx: &mut [f32]) {
    assert_eq!((out.len(), grad.len()), (dx.len(), dx.len()));
    let blocks = out.par_chunks(BLOCK).zip(grad.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((out, grad), dx)| {
        dx.copy_from_slice(grad);
        relu_backward_in_place(out, dx);
    });
}

vectorised! {
    /// [`relu`] on one thread.
    pub fn relu_in_place<'a>(x: &'a mut [f32]) -> () {
        for x in x {
            *x = if *x < 0. { 0. } else { *x };
        }
    }

    /// [`relu_backward`] on one thread: `grad` becomes zero where `out` is not above zero.
    pub fn relu_backward_in_place<'a>(out: &'a [f32], grad: &'a mut [f32]) -> () {
        assert_eq!(out.len(), grad.len());
        for (grad, &out) in grad.iter_mut().zip(out) {
            *grad = if out > 0. { *grad } else { 0. };
        }
    }

    /// Adds the first values of each row to `sum`; a row begins every `stride` values.
    pub fn add_rows<'a>(rows: &'a [f32], stride: usize, sum: &'a mut [f32]) -> () {
        for row in rows.chunks(stride) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    /// The sum of each row, `length` values each.
    pub fn sum_rows<'a>(rows: &'a [f32], length: usize, sums: &'a mut [f32]) -> () {
        for (sum, row) in sums.iter_mut().zip(rows.chunks(length)) {
            let (lanes, rest) = row.as_chunks::<LANES>();
            let mut parts = [0f32; LANES];
            for lane in lanes {
                for i in 0..LANES {
                    parts[i] += lane[i];
                }
            }
            *sum = 0.;
            for value in parts.iter().chain(rest) {
                *sum += value;
            }
        }
    }

    /// `out = exp(x / 2)`
    pub fn exp_of_half<'a>(x: &'a [f32], out: &'a mut [f32]) -> () {
        for (out, &x) in out.iter_mut().zip(x) {
            let (_, z) = sigmoid_and_exp(0.5 * x);
            *out = if x > 0. { 1. / z } else { z };
        }
    }

    /// Bytes as fractions of `max_value`, rounded as a division rounds.
    pub fn scale_bytes<'a>(bytes: &'a [u8], max_value: f32, out: &'a mut [f32]) -> () {
        let inverse = 1. / max_value;
        for (out, &byte) in out.iter_mut().zip(bytes) {
            // A product and one step of Newton's method: a third of a division's time.
            let byte = f32::from(byte);
            let fraction = byte * inverse;
            *out = (-fraction).mul_add(max_value, byte).mul_add(inverse, fraction);
        }
    }
}
