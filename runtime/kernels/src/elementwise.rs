//! Element by element.

use rayon::prelude::*;

use super::math::{ln_1p, sigmoid, sigmoid_and_exp};
use super::vectorised::vectorised;

/// Values that a thread takes at once: 64 KiB.
const BLOCK: usize = 1 << 14;
/// Sums that are kept side by side.
const LANES: usize = 16;
/// Terms of such a sum before it goes into f64.
const GROUP: usize = 32;

/// `out = max(x, 0)`; what is no number stays none.
pub fn relu(x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    x.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK)).for_each(|(x, out)| {
        out.copy_from_slice(x);
        relu_in_place(out);
    });
}

/// The gradient `dx` of `relu`'s `x`, which `out` was made of: `grad` where `out` is above zero.
pub fn relu_backward(out: &[f32], grad: &[f32], dx: &mut [f32]) {
    assert_eq!((out.len(), grad.len()), (dx.len(), dx.len()));
    let blocks = out.par_chunks(BLOCK).zip(grad.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((out, grad), dx)| {
        dx.copy_from_slice(grad);
        mask_in_place(out, dx);
    });
}

/// The gradient of the cross-entropy of `errors` times `scale`: (sigmoid(x) - t) * scale.
pub fn bce_backward(logits: &[f32], target: &[f32], scale: f32, dx: &mut [f32]) {
    assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((logits, target), dx)| bce_backward_block(logits, target, scale, dx));
}

/// The errors of `sigmoid(logits)` against `target`, summed: the binary cross-entropy in nats, max(x, 0) - x t + ln(1 + exp(-|x|)),
/// and the square. Sums of blocks are added in their order, so the bytes do not depend on the number of threads.
pub fn errors(logits: &[f32], target: &[f32]) -> [f64; 2] {
    assert_eq!(logits.len(), target.len());
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK));
    let sums: Vec<[f64; 2]> = blocks.map(|(logits, target)| errors_block(logits, target)).collect();
    sums.into_iter().fold([0.; 2], plus)
}

/// The same, on this thread alone.
pub fn errors_of_few(logits: &[f32], target: &[f32]) -> [f64; 2] {
    assert_eq!(logits.len(), target.len());
    let blocks = logits.chunks(BLOCK).zip(target.chunks(BLOCK));
    blocks.map(|(logits, target)| errors_block(logits, target)).fold([0.; 2], plus)
}

fn plus(sum: [f64; 2], term: [f64; 2]) -> [f64; 2] {
    [sum[0] + term[0], sum[1] + term[1]]
}

/// The cross-entropy and the squared error of `sigmoid(x)`.
#[inline(always)]
fn both_errors(x: f32, t: f32) -> [f32; 2] {
    let (sigmoid, z) = sigmoid_and_exp(x);
    let error = sigmoid - t;
    [(x.max(0.) - x * t) + ln_1p(z), error * error]
}

vectorised! {
    /// `relu`, on one thread.
    pub fn relu_in_place<'a>(x: &'a mut [f32]) -> () {
        for x in x {
            *x = if *x < 0. { 0. } else { *x };
        }
    }

    /// `relu_backward`, on one thread: `grad` becomes zero where `out` is not above zero.
    pub fn mask_in_place<'a>(out: &'a [f32], grad: &'a mut [f32]) -> () {
        assert_eq!(out.len(), grad.len());
        for (grad, &out) in grad.iter_mut().zip(out) {
            *grad = if out > 0. { *grad } else { 0. };
        }
    }

    fn bce_backward_block<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> () {
        for ((dx, &x), &t) in dx.iter_mut().zip(logits).zip(target) {
            *dx = (sigmoid(x) - t) * scale;
        }
    }

    /// Adds the first values of rows, which begin every so many values, to `sum`.
    pub fn add_rows<'a>(rows: &'a [f32], stride: usize, sum: &'a mut [f32]) -> () {
        for row in rows.chunks(stride) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    /// Adds up each of the rows, of `length` values.
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

    /// The cross-entropy of `errors` and `bce_backward` of a few rows on one thread, in one pass.
    pub fn bce_with_gradient<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> f64 {
        assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
        let (lanes, rest) = logits.as_chunks::<LANES>();
        let (targets, targets_rest) = target.as_chunks::<LANES>();
        let (gradients, gradients_rest) = dx.as_chunks_mut::<LANES>();
        // Of all factors, the product is `mantissa` times 2 to the power of `exponent`.
        let (mut total, mut mantissa, mut exponent) = (0f64, 1f64, 0u64);
        let groups = lanes.chunks(GROUP).zip(targets.chunks(GROUP)).zip(gradients.chunks_mut(GROUP));
        for ((lanes, targets), gradients) in groups {
            let (mut sums, mut factors) = ([0f32; LANES], [1f32; LANES]);
            for ((x, t), dx) in lanes.iter().zip(targets).zip(gradients) {
                for i in 0..LANES {
                    let (sigmoid, z) = sigmoid_and_exp(x[i]);
                    dx[i] = (sigmoid - t[i]) * scale;
                    sums[i] += x[i].max(0.) - x[i] * t[i];
                    factors[i] *= 1. + z;
                }
            }
            // One logarithm for all. The factors of a group are from 1 to 2 each, so their product is at most 2^512.
            for i in 0..LANES {
                total += f64::from(sums[i]);
                mantissa *= f64::from(factors[i]);
            }
            exponent += (mantissa.to_bits() >> 52) - 1023;
            mantissa = f64::from_bits(mantissa.to_bits() << 12 >> 12 | 1f64.to_bits());
        }
        total += mantissa.ln() + exponent as f64 * std::f64::consts::LN_2;
        for ((&x, &t), dx) in rest.iter().zip(targets_rest).zip(gradients_rest) {
            let (sigmoid, z) = sigmoid_and_exp(x);
            *dx = (sigmoid - t) * scale;
            total += f64::from((x.max(0.) - x * t) + ln_1p(z));
        }
        total
    }

    /// The sum of the squared errors of `sigmoid(logits)` against `target` and, in `dx`, its gradient times `scale`.
    pub fn square_with_gradient<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> f64 {
        assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
        for ((dx, &x), &t) in dx.iter_mut().zip(logits).zip(target) {
            let y = sigmoid(x);
            *dx = 2. * (y - t) * (y * (1. - y)) * scale;
        }
        errors_block(logits, target)[1]
    }

    fn errors_block<'a>(logits: &'a [f32], target: &'a [f32]) -> [f64; 2] {
        let mut totals = [0f64; 2];
        for (logits, target) in logits.chunks(GROUP * LANES).zip(target.chunks(GROUP * LANES)) {
            let (mut bces, mut squares) = ([0f32; LANES], [0f32; LANES]);
            let (lanes, rest) = logits.as_chunks::<LANES>();
            let (targets, targets_rest) = target.as_chunks::<LANES>();
            for (x, t) in lanes.iter().zip(targets) {
                for i in 0..LANES {
                    let [bce, square] = both_errors(x[i], t[i]);
                    bces[i] += bce;
                    squares[i] += square;
                }
            }
            for (&x, &t) in rest.iter().zip(targets_rest) {
                let [bce, square] = both_errors(x, t);
                totals[0] += f64::from(bce);
                totals[1] += f64::from(square);
            }
            for i in 0..LANES {
                totals[0] += f64::from(bces[i]);
                totals[1] += f64::from(squares[i]);
            }
        }
        totals
    }

    /// Bytes as parts of `white`, rounded as a division is.
    pub fn parts_of_white<'a>(bytes: &'a [u8], white: f32, out: &'a mut [f32]) -> () {
        let inverse = 1. / white;
        for (out, &byte) in out.iter_mut().zip(bytes) {
            // A product and one step of Newton's, which takes a third of a division's time.
            let byte = f32::from(byte);
            let part = byte * inverse;
            *out = (-part).mul_add(white, byte).mul_add(inverse, part);
        }
    }
}
