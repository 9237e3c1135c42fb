//! Nearest-neighbour upsampling by 2 and the 3 x 3 convolution that follows it, on one thread, without the upsampled image.

use pulp::{Simd, WithSimd};

use super::panel::{Geometry, Panel};
use super::phases::{KERNEL, PHASES, TAPS, each_part, fill, gather, kernel_tap_offset, phase_tap_offset, phase_taps};
use super::register_tile::{TapSums, WeightGradient, add_planes, pack};
use crate::simd::arch::arch;
use crate::simd::scratch::with_zeros;
use crate::simd::vector::load;

/// Upsampling by 2 and a 3 x 3 convolution with stride 1 and padding 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpsampledConv {
    /// Number of images.
    pub batch: usize,
    /// Channels of an image.
    pub in_channels: usize,
    /// The height of an image, half of an output image's.
    pub height: usize,
    /// The width of an image, half of an output image's.
    pub width: usize,
    /// Channels of an output image.
    pub out_channels: usize,
}

impl UpsampledConv {
    /// `out = up(x) * weight + bias`, with `x` `[batch, in, height, width]`, `weight` `[out, in, 3, 3]`, `bias` `[out]` and
    /// `out` `[batch, out, 2 height, 2 width]`.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
        self.check(x, weight, out);
        assert_eq!(bias.len(), self.out_channels, "[out]");
        // With so few channels, the sums of phases would leave most registers unused.
        let few_channels = self.out_channels <= 2 && self.in_channels >= 4;
        let panel = Panel::sparse(self.geometry(self.in_channels, self.out_channels), 256);
        let products = if few_channels { KERNEL * self.out_channels * panel.length } else { 0 };
        let packed = weight.len() / KERNEL * if few_channels { KERNEL } else { PHASES * TAPS };
        with_zeros([panel.len(), packed, products, PHASES * panel.lines(), 2 * panel.pixels], |scratch| {
            arch().dispatch(Forward { few_channels, panel: &panel, x, weight, bias, out, scratch });
        });
    }

    /// The gradient `dx` of `x`, from the gradient `grad` of the output.
    pub fn backward_input(&self, grad: &[f32], weight: &[f32], dx: &mut [f32]) {
        self.check(dx, weight, grad);
        let (panel, distances) = self.transposed(256);
        let packed = weight.len() / KERNEL * PHASES * TAPS;
        with_zeros([panel.len(), packed, panel.lines(), 2 * panel.pixels], |scratch| {
            let (panel, distances) = (&panel, &distances[..]);
            arch().dispatch(BackwardInput { panel, distances, grad, weight, dx, scratch });
        });
    }

    /// Adds the gradients of `weight` and `bias` to `dweight` `[out, in, 3, 3]` and `dbias` `[out]`, from that of the
    /// output.
    pub fn backward_weight(&self, x: &[f32], grad: &[f32], dweight: &mut [f32], dbias: &mut [f32]) {
        self.check(x, dweight, grad);
        assert_eq!(dbias.len(), self.out_channels, "[out]");
        let (panel, distances) = self.transposed(1024);
        let sums = dweight.len() / KERNEL * PHASES * TAPS;
        with_zeros([panel.len(), sums, panel.lines(), 2 * panel.pixels], |scratch| {
            let (panel, distances) = (&panel, &distances[..]);
            arch().dispatch(BackwardWeight { panel, distances, x, grad, dweight, dbias, scratch });
        });
    }

    /// The geometry between small images with these numbers of channels.
    fn geometry(&self, channels: usize, out_channels: usize) -> Geometry {
        let Self { height, width, .. } = *self;
        Geometry { channels, height, width, out_channels, out_height: height, out_width: width, kernel: 3, padding: 1 }
    }

    fn check(&self, x: &[f32], weight: &[f32], out: &[f32]) {
        let plane = self.height * self.width;
        assert_eq!(x.len(), self.batch * self.in_channels * plane, "[batch, in, height, width]");
        assert_eq!(weight.len(), self.out_channels * self.in_channels * KERNEL, "[out, in, 3, 3]");
        assert_eq!(out.len(), PHASES * self.batch * self.out_channels * plane, "[batch, out, 2 height, 2 width]");
    }

    /// The layout of the gradient as `[out, phase]` channels of small images, and the distances of its taps from a pixel of the
    /// input, `[out, phase, tap]`.
    fn transposed(&self, pixels: usize) -> (Panel, Vec<usize>) {
        let panel = Panel::sparse(self.geometry(PHASES * self.out_channels, self.in_channels), pixels);
        let taps = (0..PHASES * self.out_channels).flat_map(|channel| (0..TAPS).map(move |tap| (channel, tap)));
        let distances = taps
            .map(|(channel, tap)| panel.distance(channel, phase_tap_offset(channel % PHASES, tap).map(|at| 2 - at)));
        let distances = distances.collect();
        (panel, distances)
    }
}

/// [`UpsampledConv::forward`], compiled for each kind of vector.
struct Forward<'a> {
    few_channels: bool,
    panel: &'a Panel,
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
    scratch: [&'a mut [f32]; 5],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panel, bias, .. } = self;
        let Geometry { channels, out_channels, .. } = panel.geometry;
        let [buffer, packed, products, lines, rows] = self.scratch;
        let kernels = self.weight.as_chunks::<KERNEL>().0;
        let mut weight = vec![0.; packed.len()];
        if self.few_channels {
            // [out, 3, 3, in]
            for (index, kernel) in kernels.iter().enumerate() {
                let to = weight[index / channels * KERNEL * channels + index % channels..].iter_mut();
                to.step_by(channels).zip(kernel).for_each(|(to, from)| *to = *from);
            }
            pack::<S>(&weight, KERNEL * out_channels, packed);
        } else {
            // [phase, out, in, tap]
            for (index, kernel) in kernels.iter().enumerate() {
                for (phase, taps) in phase_taps(kernel).as_chunks::<TAPS>().0.iter().enumerate() {
                    weight[(phase * kernels.len() + index) * TAPS..][..TAPS].copy_from_slice(taps);
                }
            }
            let length = kernels.len() * TAPS;
            for (weight, packed) in weight.chunks_exact(length).zip(packed.chunks_exact_mut(length)) {
                pack::<S>(weight, out_channels, packed);
            }
        }
        let distances: Vec<usize> = if self.few_channels {
            (0..channels).map(|channel| panel.distance(channel, [0, 0])).collect()
        } else {
            let taps = (0..PHASES).flat_map(|phase| (0..channels * TAPS).map(move |tap| (phase, tap)));
            taps.map(|(phase, tap)| panel.distance(tap / TAPS, phase_tap_offset(phase, tap % TAPS))).collect()
        };
        let zeros = vec![0.; KERNEL * out_channels];
        let groups = self.x.chunks(panel.group * panel.geometry.image());
        for (x, out) in groups.zip(self.out.chunks_mut(PHASES * panel.group * panel.geometry.out_image())) {
            panel.fill(x, buffer);
            if self.few_channels {
                let (pixels, line, distances) = (panel.length, panel.length, &distances[..]);
                TapSums { simd, pixels, distances, buffer, weight: packed, bias: &zeros, line, to: products }.all();
                add_taps(simd, panel, products, bias, lines);
            } else {
                let weights = packed.chunks_exact(packed.len() / PHASES).zip(distances.chunks_exact(channels * TAPS));
                for ((weight, distances), to) in weights.zip(lines.chunks_exact_mut(panel.lines())) {
                    let (pixels, line) = (panel.pixels, panel.pixels);
                    TapSums { simd, pixels, distances, buffer, weight, bias, line, to }.all();
                }
            }
            gather(panel, lines, rows, out);
        }
    }
}

/// Adds up `products` `[out, 3, 3, length]`, those of each kernel tap with each pixel, to `lines` `[phase, out, pixels]`.
#[inline(always)]
fn add_taps<S: Simd>(simd: S, panel: &Panel, products: &[f32], bias: &[f32], lines: &mut [f32]) {
    for (index, line) in lines.chunks_exact_mut(panel.pixels).enumerate() {
        let (phase, channel) = (index / bias.len(), index % bias.len());
        let mut from = [0; KERNEL];
        for (tap, from) in from.iter_mut().enumerate() {
            *from = panel.distance(channel * KERNEL + tap, kernel_tap_offset(phase, tap));
        }
        for (at, out) in S::as_mut_simd_f32s(line).0.iter_mut().enumerate() {
            *out = simd.splat_f32s(bias[channel]);
            for from in from {
                *out = simd.add_f32s(*out, load::<S>(products, from + at * S::F32_LANES));
            }
        }
    }
}

/// [`UpsampledConv::backward_input`], compiled for each kind of vector.
struct BackwardInput<'a> {
    panel: &'a Panel,
    distances: &'a [usize],
    grad: &'a [f32],
    weight: &'a [f32],
    dx: &'a mut [f32],
    scratch: [&'a mut [f32]; 4],
}

impl WithSimd for BackwardInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panel, distances, .. } = self;
        let Geometry { channels, out_channels: in_channels, .. } = panel.geometry;
        let [buffer, packed, lines, rows] = self.scratch;
        let out_channels = channels / PHASES;
        // [in, out, phase, tap]
        let mut weight = vec![0.; packed.len()];
        for (index, kernel) in self.weight.as_chunks::<KERNEL>().0.iter().enumerate() {
            let to = (index % in_channels * out_channels + index / in_channels) * PHASES * TAPS;
            weight[to..][..PHASES * TAPS].copy_from_slice(&phase_taps(kernel));
        }
        pack::<S>(&weight, in_channels, packed);
        let zeros = vec![0.; in_channels];
        let groups = self.grad.chunks(panel.group * panel.geometry.image());
        for (grad, dx) in groups.zip(self.dx.chunks_mut(panel.group * panel.geometry.out_image())) {
            fill(panel, grad, rows, buffer);
            let (pixels, line) = (panel.pixels, panel.pixels);
            TapSums { simd, pixels, distances, buffer, weight: packed, bias: &zeros, line, to: lines }.all();
            panel.gather(lines, dx);
        }
    }
}

/// [`UpsampledConv::backward_weight`], compiled for each kind of vector.
struct BackwardWeight<'a> {
    panel: &'a Panel,
    distances: &'a [usize],
    x: &'a [f32],
    grad: &'a [f32],
    dweight: &'a mut [f32],
    dbias: &'a mut [f32],
    scratch: [&'a mut [f32]; 4],
}

impl WithSimd for BackwardWeight<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panel, distances, dbias, .. } = self;
        let geometry = panel.geometry;
        let [buffer, sums, lines, rows] = self.scratch;
        let groups = self.x.chunks(panel.group * geometry.out_image());
        for (x, grad) in groups.zip(self.grad.chunks(panel.group * geometry.image())) {
            // The last group may be smaller: clear what is left of the one before.
            if x.len() < panel.group * geometry.out_image() {
                rows.fill(0.);
                lines.fill(0.);
            }
            add_planes(simd, grad, PHASES * geometry.out_plane(), dbias);
            fill(panel, grad, rows, buffer);
            panel.spread(x, lines);
            WeightGradient { simd, pixels: panel.pixels, distances, buffer, grad: lines, dweight: sums }.all();
        }
        // [in, out, phase, tap]
        let sums = sums.as_chunks::<{ PHASES * TAPS }>().0;
        let (in_channels, out_channels) = (geometry.out_channels, dbias.len());
        for (index, kernel) in self.dweight.as_chunks_mut::<KERNEL>().0.iter_mut().enumerate() {
            let sums = sums[index % in_channels * out_channels + index / in_channels];
            each_part(|to, from| kernel[to] += sums[from]);
        }
    }
}
