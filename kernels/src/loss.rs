//! Losses of `sigmoid(logits)`, or of values as they are, against targets, and their gradients.

use rayon::prelude::*;

use crate::simd::math::{ln_1p, sigmoid, sigmoid_and_exp};
use crate::simd::vectorised::vectorised;

/// Values that a thread takes at once: 64 KiB.
const BLOCK: usize = 1 << 14;
/// Sums that are kept side by side.
const LANES: usize = 16;
/// Terms of such a sum before it goes into f64.
const GROUP: usize = 32;

/// The gradient of the binary cross-entropy, times `scale`: (sigmoid(x) - t) * scale.
pub fn bce_backward(logits: &[f32], target: &[f32], scale: f32, dx: &mut [f32]) {
    assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((logits, target), dx)| bce_backward_block(logits, target, scale, dx));
}

/// Two sums over all elements of `sigmoid(logits)` against `target`: the binary cross-entropy in nats, max(x, 0) - x t + ln(1 +
/// exp(-|x|)), and the squared error. The sums of blocks are added in order, so the bytes do not depend on the number of
/// threads.
pub fn bce_and_squared_error(logits: &[f32], target: &[f32]) -> [f64; 2] {
    assert_eq!(logits.len(), target.len());
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK));
    let sums: Vec<[f64; 2]> = blocks.map(|(logits, target)| bce_and_squared_error_block(logits, target)).collect();
    sums.into_iter().fold([0.; 2], plus)
}

/// [`bce_and_squared_error`] on this thread alone.
pub fn bce_and_squared_error_serial(logits: &[f32], target: &[f32]) -> [f64; 2] {
    assert_eq!(logits.len(), target.len());
    let blocks = logits.chunks(BLOCK).zip(target.chunks(BLOCK));
    blocks.map(|(logits, target)| bce_and_squared_error_block(logits, target)).fold([0.; 2], plus)
}

/// The sum of the squared errors of `values` against `target`. The sums of blocks are added in order, so the bytes do not depend
/// on the number of threads.
pub fn squared_error(values: &[f32], target: &[f32]) -> f64 {
    assert_eq!(values.len(), target.len());
    let blocks = values.par_chunks(BLOCK).zip(target.par_chunks(BLOCK));
    let sums: Vec<f64> = blocks.map(|(values, target)| squared_error_block(values, target)).collect();
    sums.into_iter().sum()
}

/// [`squared_error`] on this thread alone.
pub fn squared_error_serial(values: &[f32], target: &[f32]) -> f64 {
    assert_eq!(values.len(), target.len());
    values.chunks(BLOCK).zip(target.chunks(BLOCK)).map(|(values, target)| squared_error_block(values, target)).sum()
}

fn plus(sum: [f64; 2], term: [f64; 2]) -> [f64; 2] {
    [sum[0] + term[0], sum[1] + term[1]]
}

/// The cross-entropy and the squared error of `sigmoid(x)` against `t`.
#[inline(always)]
fn both_errors(x: f32, t: f32) -> [f32; 2] {
    let (sigmoid, z) = sigmoid_and_exp(x);
    let error = sigmoid - t;
    [(x.max(0.) - x * t) + ln_1p(z), error * error]
}

vectorised! {
    fn bce_backward_block<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> () {
        for ((dx, &x), &t) in dx.iter_mut().zip(logits).zip(target) {
            *dx = (sigmoid(x) - t) * scale;
        }
    }

    /// The sum of the binary cross-entropy and, in `dx`, its gradient times `scale`, in one pass on one thread.
    pub fn bce_with_gradient<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> f64 {
        assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
        let (lanes, rest) = logits.as_chunks::<LANES>();
        let (targets, targets_rest) = target.as_chunks::<LANES>();
        let (gradients, gradients_rest) = dx.as_chunks_mut::<LANES>();
        // The product of all factors is `mantissa` times 2 to the power of `exponent`.
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
            // One logarithm for all. Each factor of a group is between 1 and 2, so their product is at most 2^512.
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
    pub fn sigmoid_squared_error_with_gradient<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> f64 {
        assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
        for ((dx, &x), &t) in dx.iter_mut().zip(logits).zip(target) {
            let y = sigmoid(x);
            *dx = 2. * (y - t) * (y * (1. - y)) * scale;
        }
        bce_and_squared_error_block(logits, target)[1]
    }

    /// The sum of the squared errors of `values` against `target` and, in `dx`, its gradient times `scale`.
    pub fn squared_error_with_gradient<'a>(values: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> f64 {
        assert_eq!((values.len(), target.len()), (dx.len(), dx.len()));
        for ((dx, &x), &t) in dx.iter_mut().zip(values).zip(target) {
            *dx = 2. * (x - t) * scale;
        }
        squared_error_block(values, target)
    }

    fn squared_error_block<'a>(values: &'a [f32], target: &'a [f32]) -> f64 {
        let mut total = 0f64;
        for (values, target) in values.chunks(GROUP * LANES).zip(target.chunks(GROUP * LANES)) {
            let mut squares = [0f32; LANES];
            let (lanes, rest) = values.as_chunks::<LANES>();
            let (targets, targets_rest) = target.as_chunks::<LANES>();
            for (x, t) in lanes.iter().zip(targets) {
                for i in 0..LANES {
                    squares[i] += (x[i] - t[i]) * (x[i] - t[i]);
                }
            }
            total += rest.iter().zip(targets_rest).map(|(x, t)| f64::from((x - t) * (x - t))).sum::<f64>();
            total += squares.iter().map(|&square| f64::from(square)).sum::<f64>();
        }
        total
    }

    fn bce_and_squared_error_block<'a>(logits: &'a [f32], target: &'a [f32]) -> [f64; 2] {
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
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
