//! The inner loops of convolutions, which keep a tile of sums in registers.

use pulp::Simd;

use crate::simd::vector::load;

/// `count` channels in blocks whose sums fit in the registers, as `(first, size)`; the sizes are 9, 8, 4, 2 and 1.
#[inline(always)]
pub(super) fn blocks<S: Simd>(count: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let many = S::REGISTER_COUNT >= 32;
        let size = match count - first {
            0 => return None,
            1 => 1,
            2..4 => 2,
            9 if many => 9,
            8.. if many => 8,
            _ => 4,
        };
        first += size;
        Some((first - size, size))
    })
}

/// Calls `block::<SIZE>(first)` for each of [`blocks`].
macro_rules! each_block {
    ($this:ident, $count:expr) => {
        for (first, size) in blocks::<S>($count) {
            match size {
                9 => $this.block::<9>(first),
                8 => $this.block::<8>(first),
                4 => $this.block::<4>(first),
                2 => $this.block::<2>(first),
                _ => $this.block::<1>(first),
            }
        }
    };
}

/// Packs the rows `[count, ..]`: within each of [`blocks`], rows become columns.
#[inline(always)]
pub(super) fn pack<S: Simd>(rows: &[f32], count: usize, packed: &mut [f32]) {
    let length = rows.len() / count;
    for (first, size) in blocks::<S>(count) {
        let block = &mut packed[first * length..][..size * length];
        for (index, row) in rows[first * length..][..size * length].chunks_exact(length).enumerate() {
            block.iter_mut().skip(index).step_by(size).zip(row).for_each(|(to, from)| *to = *from);
        }
    }
}

/// `to[o, i] = bias[o] + sum over t of weight[o, t] * buffer[distances[t] + i]` for all `pixels`.
pub(super) struct TapSums<'a, S> {
    pub simd: S,
    pub pixels: usize,
    pub distances: &'a [usize],
    pub buffer: &'a [f32],
    /// Packed by blocks of outputs: `[taps, block]`.
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    /// Distance from one output to the next.
    pub line: usize,
    pub to: &'a mut [f32],
}

impl<S: Simd> TapSums<'_, S> {
    #[inline(always)]
    pub fn all(&mut self) {
        each_block!(self, self.bias.len());
    }

    #[inline(always)]
    fn block<const C: usize>(&mut self, first: usize) {
        let last = self.pixels - S::F32_LANES;
        let mut at = 0;
        while at + 2 * S::F32_LANES <= last {
            self.tile::<C, 3>(first, at);
            at += 3 * S::F32_LANES;
        }
        while at < self.pixels {
            // The last vector may overlap the one before; the shared part is computed twice.
            self.tile::<C, 1>(first, at.min(last));
            at += S::F32_LANES;
        }
    }

    /// Computes `C` outputs of `P` vectors of pixels.
    #[inline(always)]
    fn tile<const C: usize, const P: usize>(&mut self, first: usize, at: usize) {
        let (simd, taps, width) = (self.simd, self.distances.len(), P * S::F32_LANES);
        let mut sums = [[simd.splat_f32s(0.0); P]; C];
        for (c, sums) in sums.iter_mut().enumerate() {
            *sums = [simd.splat_f32s(self.bias[first + c]); P];
        }
        let weights = self.weight[first * taps..][..C * taps].as_chunks::<C>().0;
        for (&distance, weights) in self.distances.iter().zip(weights) {
            let pixels = S::as_simd_f32s(&self.buffer[distance + at..][..width]).0;
            for (sums, &weight) in sums.iter_mut().zip(weights) {
                let weight = simd.splat_f32s(weight);
                for (sum, &pixel) in sums.iter_mut().zip(pixels) {
                    *sum = simd.mul_add_e_f32s(weight, pixel, *sum);
                }
            }
        }
        for (c, sums) in sums.iter().enumerate() {
            let line = &mut self.to[(first + c) * self.line + at..][..width];
            S::as_mut_simd_f32s(line).0.copy_from_slice(sums);
        }
    }
}

/// Adds the gradient of a weight over one group, whose `grad` is `[out, pixels]`.
pub(super) struct WeightGradient<'a, S> {
    pub simd: S,
    pub pixels: usize,
    pub distances: &'a [usize],
    pub buffer: &'a [f32],
    pub grad: &'a [f32],
    pub dweight: &'a mut [f32],
}

impl<S: Simd> WeightGradient<'_, S> {
    #[inline(always)]
    pub fn all(&mut self) {
        each_block!(self, self.grad.len() / self.pixels);
    }

    #[inline(always)]
    fn block<const C: usize>(&mut self, first: usize) {
        let (threes, _) = self.distances.as_chunks::<3>();
        for tap in 0..threes.len() {
            self.tile::<C, 3>(first, 3 * tap);
        }
        for tap in 3 * threes.len()..self.distances.len() {
            self.tile::<C, 1>(first, tap);
        }
    }

    /// Adds the sums of `T` taps of `C` channels.
    #[inline(always)]
    fn tile<const C: usize, const T: usize>(&mut self, first: usize, tap: usize) {
        let (simd, pixels, taps) = (self.simd, self.pixels, self.distances.len());
        let (mut grads, mut inputs) = ([&[][..]; C], [&[][..]; T]);
        for (grad, line) in grads.iter_mut().zip(self.grad[first * pixels..].chunks_exact(pixels)) {
            *grad = line;
        }
        for (input, &distance) in inputs.iter_mut().zip(&self.distances[tap..]) {
            *input = &self.buffer[distance..][..pixels];
        }
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; C]; T];
        let mut vectors = [zero; T];
        let whole = pixels - pixels % S::F32_LANES;
        for at in (0..whole).step_by(S::F32_LANES) {
            for (vector, input) in vectors.iter_mut().zip(inputs) {
                *vector = load::<S>(input, at);
            }
            for c in 0..C {
                let grad = load::<S>(grads[c], at);
                for (sums, &vector) in sums.iter_mut().zip(&vectors) {
                    sums[c] = simd.mul_add_e_f32s(vector, grad, sums[c]);
                }
            }
        }
        if whole < pixels {
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = simd.partial_load_f32s(&input[whole..]);
                for (sum, grad) in sums.iter_mut().zip(grads) {
                    *sum = simd.mul_add_e_f32s(input, simd.partial_load_f32s(&grad[whole..]), *sum);
                }
            }
        }
        // In a loop of its own: one that is too long to unroll would keep the sums in memory.
        let mut totals = [[0.0; C]; T];
        for (totals, sums) in totals.iter_mut().zip(&sums) {
            for (total, &sum) in totals.iter_mut().zip(sums) {
                *total = simd.reduce_sum_f32s(sum);
            }
        }
        for (t, totals) in totals.iter().enumerate() {
            for (c, total) in totals.iter().enumerate() {
                self.dweight[(first + c) * taps + tap + t] += total;
            }
        }
    }
}

/// Adds the sum of each channel of `images` `[.., channel, plane]` to `sums`.
#[inline(always)]
pub(super) fn add_planes<S: Simd>(simd: S, images: &[f32], plane: usize, sums: &mut [f32]) {
    for image in images.chunks_exact(sums.len() * plane) {
        for (plane, total) in image.chunks_exact(plane).zip(&mut *sums) {
            let (head, tail) = S::as_simd_f32s(plane);
            let mut sum = simd.partial_load_f32s(tail);
            for &vector in head {
                sum = simd.add_f32s(sum, vector);
            }
            *total += simd.reduce_sum_f32s(sum);
        }
    }
}
