//! Element by element.

use rayon::prelude::*;

use super::math::{sigmoid, softplus};
use super::vectorised::vectorised;

/// Values that a thread takes at once: 64 KiB.
const BLOCK: usize = 1 << 14;
/// Sums that are kept side by side.
const LANES: usize = 16;

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

/// The sum of the binary cross-entropies of `sigmoid(logits)` against `target`, in nats: max(x, 0) - x t + ln(1 + exp(-|x|)).
/// Sums of blocks are added in their order, so the bytes do not depend on the number of threads.
pub fn bce_sum(logits: &[f32], target: &[f32]) -> f64 {
    assert_eq!(logits.len(), target.len());
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK));
    let sums: Vec<f64> = blocks.map(|(logits, target)| bce_block(logits, target)).collect();
    sums.into_iter().sum()
}

/// The gradient of `bce_sum` times `scale`: (sigmoid(x) - t) * scale.
pub fn bce_backward(logits: &[f32], target: &[f32], scale: f32, dx: &mut [f32]) {
    assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((logits, target), dx)| bce_backward_block(logits, target, scale, dx));
}

/// Adds `bias` `[columns]` to every row of `rows` `[.., columns]`.
pub fn add_bias(rows: &mut [f32], bias: &[f32]) {
    let block = (BLOCK / bias.len()).max(1) * bias.len();
    rows.par_chunks_mut(block).for_each(|rows| add_bias_block(rows, bias));
}

/// A running mean: `mean = decay * mean + (1 - decay) * value`, of values or of their squares.
pub fn move_mean(mean: &mut [f32], values: &[f32], decay: f64, squared: bool) {
    assert_eq!(mean.len(), values.len());
    let weights = [decay as f32, (1. - decay) as f32];
    mean.par_chunks_mut(BLOCK).zip(values.par_chunks(BLOCK)).for_each(|(mean, values)| {
        if squared { move_square(mean, values, weights) } else { move_value(mean, values, weights) }
    });
}

/// Adam's step: `parameter = parameter * kept - rate * mean / (sqrt(variance * unbias) + epsilon)`.
pub fn adam(parameter: &mut [f32], mean: &[f32], variance: &[f32], [kept, rate, unbias, epsilon]: [f64; 4]) {
    assert_eq!((mean.len(), variance.len()), (parameter.len(), parameter.len()));
    let settings = [kept, rate, unbias, epsilon].map(|value| value as f32);
    let moments = mean.par_chunks(BLOCK).zip(variance.par_chunks(BLOCK));
    let blocks = parameter.par_chunks_mut(BLOCK).zip(moments);
    blocks.for_each(|(parameter, (mean, variance))| adam_block(parameter, mean, variance, settings));
}

/// max(x, 0) - x t + ln(1 + exp(-|x|))
#[inline(always)]
fn bce(x: f32, t: f32) -> f32 {
    (x.max(0.) - x * t) + softplus(x)
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

    fn bce_block<'a>(logits: &'a [f32], target: &'a [f32]) -> f64 {
        let (lanes, rest) = logits.as_chunks::<LANES>();
        let (targets, targets_rest) = target.as_chunks::<LANES>();
        let mut total = 0f64;
        // f32 holds the sum of a few dozen terms well; more of them go into f64.
        for (lanes, targets) in lanes.chunks(64).zip(targets.chunks(64)) {
            let mut sums = [0f32; LANES];
            for (lane, target) in lanes.iter().zip(targets) {
                for i in 0..LANES {
                    sums[i] += bce(lane[i], target[i]);
                }
            }
            for sum in sums {
                total += f64::from(sum);
            }
        }
        for (&x, &t) in rest.iter().zip(targets_rest) {
            total += f64::from(bce(x, t));
        }
        total
    }

    fn bce_backward_block<'a>(logits: &'a [f32], target: &'a [f32], scale: f32, dx: &'a mut [f32]) -> () {
        for ((dx, &x), &t) in dx.iter_mut().zip(logits).zip(target) {
            *dx = (sigmoid(x) - t) * scale;
        }
    }

    fn add_bias_block<'a>(rows: &'a mut [f32], bias: &'a [f32]) -> () {
        for row in rows.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    }

    /// Adds up the rows of `rows` `[.., columns]`.
    pub fn sum_rows<'a>(rows: &'a [f32], sum: &'a mut [f32]) -> () {
        sum.fill(0.);
        for row in rows.chunks_exact(sum.len()) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    fn move_value<'a>(mean: &'a mut [f32], values: &'a [f32], weights: [f32; 2]) -> () {
        for (mean, &value) in mean.iter_mut().zip(values) {
            *mean = weights[0] * *mean + weights[1] * value;
        }
    }

    fn move_square<'a>(mean: &'a mut [f32], values: &'a [f32], weights: [f32; 2]) -> () {
        for (mean, &value) in mean.iter_mut().zip(values) {
            *mean = weights[0] * *mean + weights[1] * (value * value);
        }
    }

    fn adam_block<'a>(parameter: &'a mut [f32], mean: &'a [f32], variance: &'a [f32], settings: [f32; 4]) -> () {
        let [kept, rate, unbias, epsilon] = settings;
        for ((parameter, &mean), &variance) in parameter.iter_mut().zip(mean).zip(variance) {
            *parameter = *parameter * kept - rate * mean / ((variance * unbias).sqrt() + epsilon);
        }
    }
}
