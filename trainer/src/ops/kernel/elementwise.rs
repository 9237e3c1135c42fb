//! Element by element.

use pulp::Arch;
use rayon::prelude::*;

use super::math::{sigmoid, softplus};

/// Values that a thread takes at once: 64 KiB.
const BLOCK: usize = 1 << 14;
/// Sums that are kept side by side.
const LANES: usize = 16;

/// `out = max(x, 0)`; what is no number stays none.
pub(in crate::ops) fn relu(x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    let arch = Arch::new();
    x.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK)).for_each(|(x, out)| {
        arch.dispatch(
            #[inline(always)]
            || out.iter_mut().zip(x).for_each(|(out, &x)| *out = if x < 0. { 0. } else { x }),
        );
    });
}

/// The gradient `dx` of `relu`'s `x`, which `out` was made of: `grad` where `out` is above zero.
pub(in crate::ops) fn relu_backward(out: &[f32], grad: &[f32], dx: &mut [f32]) {
    assert_eq!((out.len(), grad.len()), (dx.len(), dx.len()));
    let arch = Arch::new();
    let blocks = out.par_chunks(BLOCK).zip(grad.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((out, grad), dx)| {
        arch.dispatch(
            #[inline(always)]
            || {
                for ((dx, &out), &grad) in dx.iter_mut().zip(out).zip(grad) {
                    *dx = if out > 0. { grad } else { 0. };
                }
            },
        );
    });
}

/// The sum of the binary cross-entropies of `sigmoid(logits)` against `target`, in nats: max(x, 0) - x t + ln(1 + exp(-|x|)).
/// Sums of blocks are added in their order, so the bytes do not depend on the number of threads.
pub(in crate::ops) fn bce_sum(logits: &[f32], target: &[f32]) -> f64 {
    assert_eq!(logits.len(), target.len());
    let arch = Arch::new();
    let block = |(logits, target): (&[f32], &[f32])| {
        arch.dispatch(
            #[inline(always)]
            || {
                let term = |x: f32, t: f32| (x.max(0.) - x * t) + softplus(x);
                let (lanes, rest) = logits.as_chunks::<LANES>();
                let (targets, targets_rest) = target.as_chunks::<LANES>();
                let mut sums = [0f32; LANES];
                let mut total = 0f64;
                // f32 holds the sum of a few dozen terms well; more of them go into f64.
                for (lanes, targets) in lanes.chunks(64).zip(targets.chunks(64)) {
                    for (lane, target) in lanes.iter().zip(targets) {
                        for i in 0..LANES {
                            sums[i] += term(lane[i], target[i]);
                        }
                    }
                    total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
                    sums = [0.; LANES];
                }
                total + rest.iter().zip(targets_rest).map(|(&x, &t)| f64::from(term(x, t))).sum::<f64>()
            },
        )
    };
    let sums: Vec<f64> = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK)).map(block).collect();
    sums.into_iter().sum()
}

/// The gradient of `bce_sum` times `scale`: (sigmoid(x) - t) * scale.
pub(in crate::ops) fn bce_backward(logits: &[f32], target: &[f32], scale: f32, dx: &mut [f32]) {
    assert_eq!((logits.len(), target.len()), (dx.len(), dx.len()));
    let arch = Arch::new();
    let blocks = logits.par_chunks(BLOCK).zip(target.par_chunks(BLOCK)).zip(dx.par_chunks_mut(BLOCK));
    blocks.for_each(|((logits, target), dx)| {
        arch.dispatch(
            #[inline(always)]
            || {
                for ((dx, &x), &t) in dx.iter_mut().zip(logits).zip(target) {
                    *dx = (sigmoid(x) - t) * scale;
                }
            },
        );
    });
}

/// Adds `bias` `[columns]` to every row of `rows` `[.., columns]`.
pub(in crate::ops) fn add_bias(rows: &mut [f32], bias: &[f32]) {
    let arch = Arch::new();
    rows.par_chunks_mut((BLOCK / bias.len()).max(1) * bias.len()).for_each(|rows| {
        arch.dispatch(
            #[inline(always)]
            || {
                for row in rows.chunks_exact_mut(bias.len()) {
                    row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
                }
            },
        );
    });
}

/// Adds up the rows of `rows` `[.., columns]`.
pub(in crate::ops) fn sum_rows(rows: &[f32], sum: &mut [f32]) {
    sum.fill(0.);
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(sum.len()) {
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        },
    );
}

/// A running mean: `mean = decay * mean + (1 - decay) * value`, of values or of their squares.
pub(in crate::ops) fn move_mean(mean: &mut [f32], values: &[f32], decay: f64, squared: bool) {
    assert_eq!(mean.len(), values.len());
    let (decay, rest) = (decay as f32, (1. - decay) as f32);
    let arch = Arch::new();
    mean.par_chunks_mut(BLOCK).zip(values.par_chunks(BLOCK)).for_each(|(mean, values)| {
        arch.dispatch(
            #[inline(always)]
            || {
                for (mean, &value) in mean.iter_mut().zip(values) {
                    let value = if squared { value * value } else { value };
                    *mean = decay * *mean + rest * value;
                }
            },
        );
    });
}

/// Adam's step: `parameter = parameter * kept - rate * mean / (sqrt(variance * unbias) + epsilon)`.
pub(in crate::ops) fn adam(
    parameter: &mut [f32],
    mean: &[f32],
    variance: &[f32],
    [kept, rate, unbias, epsilon]: [f64; 4],
) {
    assert_eq!((mean.len(), variance.len()), (parameter.len(), parameter.len()));
    let [kept, rate, unbias, epsilon] = [kept, rate, unbias, epsilon].map(|value| value as f32);
    let arch = Arch::new();
    let moments = mean.par_chunks(BLOCK).zip(variance.par_chunks(BLOCK));
    parameter.par_chunks_mut(BLOCK).zip(moments).for_each(|(parameter, (mean, variance))| {
        arch.dispatch(
            #[inline(always)]
            || {
                for ((parameter, &mean), &variance) in parameter.iter_mut().zip(mean).zip(variance) {
                    *parameter = *parameter * kept - rate * mean / ((variance * unbias).sqrt() + epsilon);
                }
            },
        );
    });
}
