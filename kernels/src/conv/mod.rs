//! Convolutions with stride 1 and their gradients, on one thread; the caller shares images between threads.

mod few_channels;
mod panel;
mod phases;
mod register_tile;
mod upsampled;
mod windows;

use pulp::{Simd, WithSimd};

use crate::simd::arch::arch;
use crate::simd::scratch::with_zeros;
use panel::{Geometry, Panel};
use register_tile::{TapSums, WeightGradient, add_planes, pack};
pub use upsampled::UpsampledConv;
pub use windows::Windows;

/// A convolution with stride 1 and `padding` zeros on all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Number of images.
    pub batch: usize,
    /// Channels of an image.
    pub in_channels: usize,
    /// The height of an image.
    pub height: usize,
    /// The width of an image.
    pub width: usize,
    /// Channels of an output image.
    pub out_channels: usize,
    /// The height and width of the kernel.
    pub kernel: usize,
    /// Zeros on every side.
    pub padding: usize,
}

impl Conv {
    /// The height of an output image.
    pub fn out_height(&self) -> usize {
        self.height + 2 * self.padding + 1 - self.kernel
    }

    /// The width of an output image.
    pub fn out_width(&self) -> usize {
        self.width + 2 * self.padding + 1 - self.kernel
    }

    /// `out = x * weight + bias`, with `x` `[batch, in, height, width]`, `weight` `[out, in, k, k]`,
    /// `bias` `[out]` and `out` `[batch, out, out height, out width]`.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
        self.check(x, weight, out);
        assert_eq!(bias.len(), self.out_channels, "[out]");
        convolve(self.geometry(), x, weight, bias, out);
    }

    /// The gradient `dx` of `x`, from the gradient `grad` of the output.
    pub fn backward_input(&self, grad: &[f32], weight: &[f32], dx: &mut [f32]) {
        self.check(dx, weight, grad);
        let flipped = exchange(weight, self.out_channels, self.in_channels, self.kernel);
        convolve(self.geometry().transposed(), grad, &flipped, &vec![0.0; self.in_channels], dx);
    }

    /// Adds the gradients of `weight` and `bias` to `dweight` `[out, in, k, k]` and `dbias` `[out]`, from that of the output.
    pub fn backward_weight(&self, x: &[f32], grad: &[f32], dweight: &mut [f32], dbias: &mut [f32]) {
        self.check(x, dweight, grad);
        assert_eq!(dbias.len(), self.out_channels, "[out]");
        // A tap's input is read once for several output channels, so the side with more channels should be the output.
        if self.out_channels >= self.in_channels {
            return correlate(self.geometry(), x, grad, false, dweight, dbias);
        }
        with_zeros([dweight.len()], |[sums]| {
            correlate(self.geometry().transposed(), grad, x, true, sums, dbias);
            let terms = exchange(sums, self.in_channels, self.out_channels, self.kernel);
            dweight.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        });
    }

    fn geometry(&self) -> Geometry {
        Geometry {
            channels: self.in_channels,
            height: self.height,
            width: self.width,
            out_channels: self.out_channels,
            out_height: self.out_height(),
            out_width: self.out_width(),
            kernel: self.kernel,
            padding: self.padding as isize,
        }
    }

    fn check(&self, x: &[f32], weight: &[f32], out: &[f32]) {
        let smaller = self.height.min(self.width) + 2 * self.padding;
        assert!(self.kernel % 2 == 1 && self.kernel <= smaller, "an odd kernel, no larger than the padded image");
        let geometry = self.geometry();
        assert_eq!(x.len(), self.batch * geometry.image(), "[batch, in, height, width]");
        assert_eq!(weight.len(), self.out_channels * geometry.taps(), "[out, in, k, k]");
        assert_eq!(out.len(), self.batch * geometry.out_image(), "[batch, out, out height, out width]");
    }
}

/// A weight `[out, in, k, k]` as `[in, out, k, k]`, with rows and columns reversed.
fn exchange(weight: &[f32], out_channels: usize, in_channels: usize, kernel: usize) -> Vec<f32> {
    let area = kernel * kernel;
    let mut exchanged = Vec::with_capacity(weight.len());
    for from in 0..in_channels {
        for to in 0..out_channels {
            exchanged.extend(weight[(to * in_channels + from) * area..][..area].iter().rev());
        }
    }
    exchanged
}

/// The convolution or, with its weight exchanged, the transposed one.
fn convolve(geometry: Geometry, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    if few_channels::fits(&geometry) {
        return few_channels::convolve(geometry, x, weight, bias, out);
    }
    let panel = Panel::new(geometry, 256);
    let distances = panel.distances();
    let lines = if panel.dense { 0 } else { panel.lines() };
    with_zeros([panel.len(), lines, weight.len()], |scratch| {
        arch().dispatch(Convolve { panel: &panel, distances: &distances, x, weight, bias, out, scratch });
    });
}

/// [`convolve`], compiled for each kind of vector.
struct Convolve<'a> {
    panel: &'a Panel,
    distances: &'a [usize],
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
    scratch: [&'a mut [f32]; 3],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let panel = self.panel;
        let geometry = panel.geometry;
        let [buffer, lines, packed] = self.scratch;
        pack::<S>(self.weight, geometry.out_channels, packed);
        let groups = self.x.chunks(panel.group * geometry.image());
        for (x, out) in groups.zip(self.out.chunks_mut(panel.group * geometry.out_image())) {
            panel.fill(x, buffer);
            let to = if panel.dense { &mut *out } else { &mut *lines };
            let (pixels, line, distances) = (panel.pixels, panel.pixels, self.distances);
            TapSums { simd, pixels, distances, buffer, weight: packed, bias: self.bias, line, to }.all();
            if !panel.dense {
                panel.gather(lines, out);
            }
        }
    }
}

/// Adds to `dweight[o, i, y, x]` the sum of `grad[n, o, ..] * x[n, i, .. + (y, x)]`, and to `dbias` the sums of each channel of
/// `grad`, or of `x` where that is the gradient (`transposed`).
fn correlate(geometry: Geometry, x: &[f32], grad: &[f32], transposed: bool, dweight: &mut [f32], dbias: &mut [f32]) {
    let panel = Panel::new(geometry, 1024);
    let distances = panel.distances();
    let lines = if panel.dense { 0 } else { panel.lines() };
    with_zeros([panel.len(), lines], |scratch| {
        let (panel, distances) = (&panel, &distances[..]);
        arch().dispatch(Correlate { panel, distances, x, grad, transposed, dweight, dbias, scratch });
    });
}

/// [`correlate`], compiled for each kind of vector.
struct Correlate<'a> {
    panel: &'a Panel,
    distances: &'a [usize],
    x: &'a [f32],
    grad: &'a [f32],
    transposed: bool,
    dweight: &'a mut [f32],
    dbias: &'a mut [f32],
    scratch: [&'a mut [f32]; 2],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let panel = self.panel;
        let geometry = panel.geometry;
        let [buffer, lines] = self.scratch;
        let (dweight, dbias) = (self.dweight, self.dbias);
        let groups = self.x.chunks(panel.group * geometry.image());
        for (x, grad) in groups.zip(self.grad.chunks(panel.group * geometry.out_image())) {
            // The last group may be smaller: clear what is left of the one before.
            if x.len() < panel.group * geometry.image() {
                buffer.fill(0.0);
                lines.fill(0.0);
            }
            panel.fill(x, buffer);
            match self.transposed {
                true => add_planes(simd, x, geometry.height * geometry.width, dbias),
                false => add_planes(simd, grad, geometry.out_plane(), dbias),
            }
            let grad = if panel.dense {
                grad
            } else {
                panel.spread(grad, lines);
                &*lines
            };
            WeightGradient { simd, pixels: panel.pixels, distances: self.distances, buffer, grad, dweight }.all();
        }
    }
}

#[cfg(test)]
mod tests;
