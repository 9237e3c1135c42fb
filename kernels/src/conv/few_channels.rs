//! Convolutions to very few output channels, whose sums would leave most registers unused.
//!
//! The taps of a channel are computed as if they were outputs of each input pixel, then shifted and added.

use pulp::{Simd, WithSimd};

use super::panel::{Geometry, VECTOR};
use super::register_tile::{TapSums, pack};
use crate::simd::arch::arch;
use crate::simd::scratch::with_zeros;
use crate::simd::vector::{load, store};

/// Whether this way of convolving is possible and likely to be the faster one.
pub(super) fn fits(geometry: &Geometry) -> bool {
    let same = (geometry.out_height, geometry.out_width) == (geometry.height, geometry.width);
    same && geometry.out_channels <= 2 && geometry.channels >= 4 && geometry.out_plane() >= VECTOR
}

/// `out = x * weight + bias`, as `Conv::forward`.
pub(super) fn convolve(geometry: Geometry, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    let Geometry { channels, width, kernel, .. } = geometry;
    let (area, plane) = (kernel * kernel, geometry.out_plane());
    let weight: Vec<f32> = weight
        .chunks_exact(geometry.taps())
        .flat_map(|weight| (0..geometry.taps()).map(|i| weight[i % channels * area + i / channels]))
        .collect();
    let columns: Vec<f32> = (0..kernel * plane)
        .map(|at| if (kernel / 2..kernel / 2 + width).contains(&(at / plane + at % width)) { 1.0 } else { 0.0 })
        .collect();
    let distances: Vec<usize> = (0..channels).map(|channel| channel * plane).collect();
    let margin = (kernel / 2 * (width + 1)).next_multiple_of(VECTOR);
    let line = (plane + 2 * margin).next_multiple_of(VECTOR);
    with_zeros([weight.len(), area * line], |scratch| {
        let (geometry, weight, columns, distances) = (&geometry, &weight, &columns, &distances);
        arch().dispatch(FewChannels { geometry, margin, line, distances, x, weight, columns, bias, out, scratch });
    });
}

/// [`convolve`], compiled for each kind of vector.
struct FewChannels<'a> {
    geometry: &'a Geometry,
    /// The zeros before and after the pixels of a line.
    margin: usize,
    line: usize,
    distances: &'a [usize],
    x: &'a [f32],
    /// `[out, k, k, in]`
    weight: &'a [f32],
    /// `[k, height, width]`: 1 where a kernel's column is inside the image, else 0.
    columns: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
    scratch: [&'a mut [f32]; 2],
}

impl WithSimd for FewChannels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Geometry { channels, width, kernel, .. } = *self.geometry;
        let (area, plane) = (kernel * kernel, self.geometry.out_plane());
        let [packed, lines] = self.scratch;
        for (weight, packed) in self.weight.chunks_exact(area * channels).zip(packed.chunks_exact_mut(area * channels))
        {
            pack::<S>(weight, area, packed);
        }
        let zeros = vec![0.0; area];
        let images = self.x.chunks_exact(self.geometry.image());
        for (x, out) in images.zip(self.out.chunks_exact_mut(self.geometry.out_image())) {
            for (channel, out) in out.chunks_exact_mut(plane).enumerate() {
                TapSums {
                    simd,
                    pixels: plane,
                    distances: self.distances,
                    buffer: x,
                    weight: &packed[channel * area * channels..],
                    bias: &zeros,
                    line: self.line,
                    to: &mut lines[self.margin..],
                }
                .all();
                for at in (0..plane).step_by(S::F32_LANES) {
                    let at = at.min(plane - S::F32_LANES);
                    let mut sum = simd.splat_f32s(self.bias[channel]);
                    for column in 0..kernel {
                        let mut terms = simd.splat_f32s(0.0);
                        for row in 0..kernel {
                            let line = (row * kernel + column) * self.line + self.margin;
                            let from = line + at + row * width + column - kernel / 2 * (width + 1);
                            terms = simd.add_f32s(terms, load::<S>(lines, from));
                        }
                        sum = simd.mul_add_e_f32s(terms, load::<S>(self.columns, column * plane + at), sum);
                    }
                    store::<S>(out, at, sum);
                }
            }
        }
    }
}
