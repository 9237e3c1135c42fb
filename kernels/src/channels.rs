//! Normalisation over a batch: each channel by its mean and variance over all rows.

use rayon::prelude::*;

use crate::simd::vectorised::vectorised;

/// Outer slices whose sums are added up together, so that the result does not depend on the number of threads.
const GROUP: usize = 8;

/// Values `[outer, channels, inner]`: images are `[batch, channels, pixels]`, rows `[batch, channels, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Rows, or steps of all rows.
    pub outer: usize,
    /// Channels.
    pub channels: usize,
    /// Values of a channel that lie side by side.
    pub inner: usize,
}

impl Channels {
    fn slice(self) -> usize {
        self.channels * self.inner
    }

    /// Values of each channel.
    pub fn count(self) -> usize {
        self.outer * self.inner
    }

    /// Mean and variance of each channel, the variance that of these values.
    pub fn statistics(self, x: &[f32], mean: &mut [f32], variance: &mut [f32]) {
        self.sums(x, |x, sums| add_values(x, self.inner, sums), mean);
        let scale = 1. / self.count() as f32;
        mean.iter_mut().for_each(|sum| *sum *= scale);
        let centre: &[f32] = mean;
        self.sums(x, |x, sums| add_squares(x, self.inner, centre, sums), variance);
        variance.iter_mut().for_each(|sum| *sum *= scale);
    }

    /// `out = x * scale + shift`, by channel.
    pub fn scale(self, x: &[f32], [scale, shift]: [&[f32]; 2], out: &mut [f32]) {
        assert_eq!((x.len(), scale.len(), shift.len()), (out.len(), self.channels, self.channels));
        let block = GROUP * self.slice();
        x.par_chunks(block)
            .zip(out.par_chunks_mut(block))
            .for_each(|(x, out)| scale_values(x, self.inner, scale, shift, out));
    }

    /// `out = (x - mean) * inverse * weight + bias`, by channel, where `inverse` is one divided by the standard deviation.
    pub fn normalise(self, x: &[f32], [mean, inverse]: [&[f32]; 2], [weight, bias]: [&[f32]; 2], out: &mut [f32]) {
        let scale: Vec<f32> = weight.iter().zip(inverse).map(|(weight, inverse)| weight * inverse).collect();
        let shift = bias.iter().zip(mean).zip(&scale).map(|((bias, mean), scale)| bias - mean * scale);
        self.scale(x, [&scale, &shift.collect::<Vec<f32>>()], out);
    }

    /// The gradients of [`Self::normalise`] by weight and bias.
    pub fn parameter_gradients(
        self,
        [x, grad]: [&[f32]; 2],
        [mean, inverse]: [&[f32]; 2],
        [dweight, dbias]: [&mut [f32]; 2],
    ) {
        self.sums(grad, |grad, sums| add_values(grad, self.inner, sums), dbias);
        let both = |index: usize, sums: &mut [f32]| {
            let block = GROUP * self.slice();
            let range = index * block..x.len().min((index + 1) * block);
            add_products(&x[range.clone()], &grad[range], self.inner, mean, sums);
        };
        self.groups(both, dweight);
        dweight.iter_mut().zip(inverse).for_each(|(sum, inverse)| *sum *= inverse);
    }

    /// The gradient by `x`, mean and standard deviation being those of `x` itself, from the gradients by weight and bias.
    pub fn input_gradient(
        self,
        [x, grad]: [&[f32]; 2],
        [mean, inverse, weight]: [&[f32]; 3],
        [dweight, dbias]: [&[f32]; 2],
        dx: &mut [f32],
    ) {
        // dx = factor * (grad - dbias / n - (x - mean) * inverse * dweight / n) = a * grad + b * x + c
        let count = self.count() as f32;
        let [mut a, mut b, mut c] = [0, 1, 2].map(|_| vec![0.; self.channels]);
        for channel in 0..self.channels {
            a[channel] = weight[channel] * inverse[channel];
            b[channel] = -a[channel] * inverse[channel] * dweight[channel] / count;
            c[channel] = -a[channel] * dbias[channel] / count - b[channel] * mean[channel];
        }
        let block = GROUP * self.slice();
        let blocks = x.par_chunks(block).zip(grad.par_chunks(block)).zip(dx.par_chunks_mut(block));
        blocks.for_each(|((x, grad), dx)| combine(x, grad, self.inner, [&a, &b, &c], dx));
    }

    fn sums(self, x: &[f32], add: impl Fn(&[f32], &mut [f32]) + Sync, total: &mut [f32]) {
        assert_eq!((x.len(), total.len()), (self.outer * self.slice(), self.channels));
        let block = GROUP * self.slice();
        self.groups(|index, sums| add(&x[index * block..x.len().min((index + 1) * block)], sums), total);
    }

    /// What `add` adds for each group, added up in order.
    fn groups(self, add: impl Fn(usize, &mut [f32]) + Sync, total: &mut [f32]) {
        let part = |index: usize| {
            let mut sums = vec![0f32; self.channels];
            add(index, &mut sums);
            sums
        };
        let parts: Vec<Vec<f32>> = (0..self.outer.div_ceil(GROUP)).into_par_iter().map(part).collect();
        let mut exact = vec![0f64; self.channels];
        parts.iter().for_each(|part| exact.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(*part)));
        total.iter_mut().zip(exact).for_each(|(total, sum)| *total = sum as f32);
    }
}

/// Sums that are kept side by side.
const LANES: usize = 16;

vectorised! {
    fn add_values<'a>(x: &'a [f32], inner: usize, sums: &'a mut [f32]) -> () {
        for row in x.chunks_exact(sums.len() * inner) {
            if inner == 1 {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
                continue;
            }
            for (sum, values) in sums.iter_mut().zip(row.chunks_exact(inner)) {
                let (lanes, rest) = values.as_chunks::<LANES>();
                let mut parts = [0f32; LANES];
                for lane in lanes {
                    for i in 0..LANES {
                        parts[i] += lane[i];
                    }
                }
                for value in parts.iter().chain(rest) {
                    *sum += value;
                }
            }
        }
    }

    fn add_squares<'a>(x: &'a [f32], inner: usize, mean: &'a [f32], sums: &'a mut [f32]) -> () {
        for row in x.chunks_exact(sums.len() * inner) {
            if inner == 1 {
                for ((sum, value), mean) in sums.iter_mut().zip(row).zip(mean) {
                    let distance = value - mean;
                    *sum += distance * distance;
                }
                continue;
            }
            for ((sum, values), mean) in sums.iter_mut().zip(row.chunks_exact(inner)).zip(mean) {
                let (lanes, rest) = values.as_chunks::<LANES>();
                let mut parts = [0f32; LANES];
                for lane in lanes {
                    for i in 0..LANES {
                        let distance = lane[i] - mean;
                        parts[i] += distance * distance;
                    }
                }
                for value in rest {
                    parts[0] += (value - mean) * (value - mean);
                }
                for part in parts {
                    *sum += part;
                }
            }
        }
    }

    /// Sums of `(x - mean) * grad`.
    fn add_products<'a>(x: &'a [f32], grad: &'a [f32], inner: usize, mean: &'a [f32], sums: &'a mut [f32]) -> () {
        let size = sums.len() * inner;
        for (x, grad) in x.chunks_exact(size).zip(grad.chunks_exact(size)) {
            if inner == 1 {
                for (((sum, x), grad), mean) in sums.iter_mut().zip(x).zip(grad).zip(mean) {
                    *sum += (x - mean) * grad;
                }
                continue;
            }
            let channels = sums.iter_mut().zip(x.chunks_exact(inner)).zip(grad.chunks_exact(inner)).zip(mean);
            for (((sum, x), grad), mean) in channels {
                let (x_lanes, x_rest) = x.as_chunks::<LANES>();
                let (grad_lanes, grad_rest) = grad.as_chunks::<LANES>();
                let mut parts = [0f32; LANES];
                for (x, grad) in x_lanes.iter().zip(grad_lanes) {
                    for i in 0..LANES {
                        parts[i] += (x[i] - mean) * grad[i];
                    }
                }
                for (x, grad) in x_rest.iter().zip(grad_rest) {
                    parts[0] += (x - mean) * grad;
                }
                for part in parts {
                    *sum += part;
                }
            }
        }
    }

    fn scale_values<'a>(x: &'a [f32], inner: usize, scale: &'a [f32], shift: &'a [f32], out: &'a mut [f32]) -> () {
        let size = scale.len() * inner;
        for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            let channels = x.chunks_exact(inner).zip(out.chunks_exact_mut(inner)).zip(scale.iter().zip(shift));
            if inner == 1 {
                for (((x, out), scale), shift) in x.iter().zip(out).zip(scale).zip(shift) {
                    *out = x.mul_add(*scale, *shift);
                }
                continue;
            }
            for ((x, out), (scale, shift)) in channels {
                for (x, out) in x.iter().zip(out) {
                    *out = x.mul_add(*scale, *shift);
                }
            }
        }
    }

    /// `dx = a * grad + b * x + c`, by channel.
    fn combine<'a>(x: &'a [f32], grad: &'a [f32], inner: usize, factors: [&'a [f32]; 3], dx: &'a mut [f32]) -> () {
        let [a, b, c] = factors;
        let size = a.len() * inner;
        for ((x, grad), dx) in x.chunks_exact(size).zip(grad.chunks_exact(size)).zip(dx.chunks_exact_mut(size)) {
            for channel in 0..a.len() {
                let range = channel * inner..(channel + 1) * inner;
                let (a, b, c) = (a[channel], b[channel], c[channel]);
                for ((x, grad), dx) in x[range.clone()].iter().zip(&grad[range.clone()]).zip(&mut dx[range]) {
                    *dx = grad.mul_add(a, x.mul_add(b, c));
                }
            }
        }
    }
}
