//! Nearest-neighbour upsampling by 2 and a 3 x 3 convolution behind it, on one thread, without the upsampled image.
//!
//! The output's pixels of one phase, even or odd in row and in column, are a convolution of the small image with
//! 2 x 2 taps: sums of those taps of the kernel that meet the same pixel.

use super::conv::add_planes;
use super::panel::{Geometry, Panel, copy_rows};
use super::scratch::with_zeros;
use super::tiles::{Dots, Products, load, pack};
use pulp::{Arch, Simd, WithSimd};

/// The phases of the output, by parity of row and column.
const PHASES: usize = 4;
/// The taps of a phase, and of the kernel.
const TAPS: usize = 4;
const KERNEL: usize = 9;

/// Upsampling by 2 and a 3 x 3 convolution with stride 1 and padding 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpConv {
    /// Images.
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

impl UpConv {
    /// Between small images of `channels` and of `out_channels`.
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

    /// The layout of the gradient's phases, `[out, phase]` channels of small images, and the distances of
    /// their taps to a pixel of the input, `[out, phase, tap]`.
    fn transposed(&self, pixels: usize) -> (Panel, Vec<usize>) {
        let panel = Panel::sparse(self.geometry(PHASES * self.out_channels, self.in_channels), pixels);
        let taps = (0..PHASES * self.out_channels).flat_map(|channel| (0..TAPS).map(move |tap| (channel, tap)));
        let distances = taps.map(|(channel, tap)| panel.distance(channel, met(channel % PHASES, tap).map(|at| 2 - at)));
        let distances = distances.collect();
        (panel, distances)
    }
}

/// The row and column of the small image, from the ones before a pixel's own on, that a phase's tap meets.
fn met(phase: usize, tap: usize) -> [usize; 2] {
    [phase / 2 + tap / 2, phase % 2 + tap % 2]
}

/// The row and column, as of `met`, that a tap of the kernel meets in a phase.
fn met_by_kernel(phase: usize, tap: usize) -> [usize; 2] {
    [(phase / 2 + tap / 3).div_ceil(2), (phase % 2 + tap % 3).div_ceil(2)]
}

/// Calls `visit` with each of a kernel's taps and each tap of a phase, of all phases', that it is a part of.
#[inline(always)]
fn parts(mut visit: impl FnMut(usize, usize)) {
    for phase in 0..PHASES {
        for tap in 0..KERNEL {
            let [y, x] = met_by_kernel(phase, tap);
            visit(tap, phase * TAPS + 2 * (y - phase / 2) + x - phase % 2);
        }
    }
}

/// A kernel's taps `[3, 3]` summed up to those of the phases `[phase, tap]`.
fn phases(kernel: &[f32; KERNEL]) -> [f32; PHASES * TAPS] {
    let mut sums = [0.; PHASES * TAPS];
    parts(|from, to| sums[to] += kernel[from]);
    sums
}

/// `out = up(x) * weight + bias`, with `x` `[batch, in, height, width]`, `weight` `[out, in, 3, 3]`, `bias` `[out]` and
/// `out` `[batch, out, 2 height, 2 width]`.
pub fn forward(conv: &UpConv, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    conv.check(x, weight, out);
    assert_eq!(bias.len(), conv.out_channels, "[out]");
    // So few channels that their sums would leave most registers unused.
    let few = conv.out_channels <= 2 && conv.in_channels >= 4;
    let panel = Panel::sparse(conv.geometry(conv.in_channels, conv.out_channels), 256);
    let products = if few { KERNEL * conv.out_channels * panel.length } else { 0 };
    let packed = weight.len() / KERNEL * if few { KERNEL } else { PHASES * TAPS };
    with_zeros([panel.len(), packed, products, PHASES * panel.lines(), 2 * panel.pixels], |scratch| {
        Arch::new().dispatch(Forward { few, panel: &panel, x, weight, bias, out, scratch });
    });
}

/// `forward` of some images.
struct Forward<'a> {
    few: bool,
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
        if self.few {
            // [out, 3, 3, in]
            for (index, kernel) in kernels.iter().enumerate() {
                let to = weight[index / channels * KERNEL * channels + index % channels..].iter_mut();
                to.step_by(channels).zip(kernel).for_each(|(to, from)| *to = *from);
            }
            pack::<S>(&weight, KERNEL * out_channels, packed);
        } else {
            // [phase, out, in, tap]
            for (index, kernel) in kernels.iter().enumerate() {
                for (phase, taps) in phases(kernel).as_chunks::<TAPS>().0.iter().enumerate() {
                    weight[(phase * kernels.len() + index) * TAPS..][..TAPS].copy_from_slice(taps);
                }
            }
            let length = kernels.len() * TAPS;
            for (weight, packed) in weight.chunks_exact(length).zip(packed.chunks_exact_mut(length)) {
                pack::<S>(weight, out_channels, packed);
            }
        }
        let distances: Vec<usize> = if self.few {
            (0..channels).map(|channel| panel.distance(channel, [0, 0])).collect()
        } else {
            let taps = (0..PHASES).flat_map(|phase| (0..channels * TAPS).map(move |tap| (phase, tap)));
            taps.map(|(phase, tap)| panel.distance(tap / TAPS, met(phase, tap % TAPS))).collect()
        };
        let zeros = vec![0.; KERNEL * out_channels];
        let groups = self.x.chunks(panel.group * panel.geometry.image());
        for (x, out) in groups.zip(self.out.chunks_mut(PHASES * panel.group * panel.geometry.out_image())) {
            panel.fill(x, buffer);
            if self.few {
                let (pixels, line, distances) = (panel.length, panel.length, &distances[..]);
                Products { simd, pixels, distances, buffer, weight: packed, bias: &zeros, line, to: products }.all();
                add_taps(simd, panel, products, bias, lines);
            } else {
                let weights = packed.chunks_exact(packed.len() / PHASES).zip(distances.chunks_exact(channels * TAPS));
                for ((weight, distances), to) in weights.zip(lines.chunks_exact_mut(panel.lines())) {
                    let (pixels, line) = (panel.pixels, panel.pixels);
                    Products { simd, pixels, distances, buffer, weight, bias, line, to }.all();
                }
            }
            gather(panel, lines, rows, out);
        }
    }
}

/// Adds up the kernel's taps' `products` `[out, 3, 3, length]` with each pixel to `lines` `[phase, out, pixels]`.
#[inline(always)]
fn add_taps<S: Simd>(simd: S, panel: &Panel, products: &[f32], bias: &[f32], lines: &mut [f32]) {
    for (index, line) in lines.chunks_exact_mut(panel.pixels).enumerate() {
        let (phase, channel) = (index / bias.len(), index % bias.len());
        let mut from = [0; KERNEL];
        for (tap, from) in from.iter_mut().enumerate() {
            *from = panel.distance(channel * KERNEL + tap, met_by_kernel(phase, tap));
        }
        for (at, out) in S::as_mut_simd_f32s(line).0.iter_mut().enumerate() {
            *out = simd.splat_f32s(bias[channel]);
            for from in from {
                *out = simd.add_f32s(*out, load::<S>(products, from + at * S::F32_LANES));
            }
        }
    }
}

/// Moves `lines` `[phase, out, pixels]` to images `[images, out, 2 height, 2 width]`; `rows` is room for two lines.
#[inline(always)]
fn gather(panel: &Panel, lines: &[f32], rows: &mut [f32], images: &mut [f32]) {
    let Geometry { out_channels, height, width, .. } = panel.geometry;
    for channel in 0..out_channels {
        for row in 0..2 {
            let mut columns =
                [0, 1].map(|column| &lines[((2 * row + column) * out_channels + channel) * panel.pixels..]);
            columns = columns.map(|line| &line[..panel.pixels]);
            let [even, odd] = columns;
            for (pair, (even, odd)) in rows.as_chunks_mut::<2>().0.iter_mut().zip(even.iter().zip(odd)) {
                *pair = [*even, *odd];
            }
            let planes = images.chunks_exact_mut(4 * height * width).skip(channel).step_by(out_channels);
            for (image, plane) in planes.enumerate() {
                let from = (&rows[2 * image * panel.plane..], 2 * panel.stride);
                copy_rows(height, 2 * width, from, (&mut plane[2 * row * width..], 4 * width));
            }
        }
    }
}

/// The opposite of `gather`: copies a gradient `[images, out, 2 height, 2 width]` into a buffer of
/// `[out, phase]` channels; between the pixels, `rows` holds zeros.
#[inline(always)]
fn fill(panel: &Panel, images: &[f32], rows: &mut [f32], buffer: &mut [f32]) {
    let Geometry { channels, height, width, .. } = panel.geometry;
    let (out_channels, first) = (channels / PHASES, panel.distance(0, [1, 1]));
    for (index, lines) in buffer.chunks_exact_mut(2 * panel.length).enumerate() {
        let (channel, row) = (index / 2, index % 2);
        let planes = images.chunks_exact(4 * height * width).skip(channel).step_by(out_channels);
        for (image, plane) in planes.enumerate() {
            let to = (&mut rows[2 * image * panel.plane..], 2 * panel.stride);
            copy_rows(height, 2 * width, (&plane[2 * row * width..], 4 * width), to);
        }
        let (even, odd) = lines.split_at_mut(panel.length);
        let columns = even[first..].iter_mut().zip(&mut odd[first..]);
        for (pair, (even, odd)) in rows.as_chunks::<2>().0.iter().zip(columns) {
            (*even, *odd) = (pair[0], pair[1]);
        }
    }
}

/// The gradient `dx` of `x`, from the gradient `grad` of the output.
pub fn backward_input(conv: &UpConv, grad: &[f32], weight: &[f32], dx: &mut [f32]) {
    conv.check(dx, weight, grad);
    let (panel, distances) = conv.transposed(256);
    let packed = weight.len() / KERNEL * PHASES * TAPS;
    with_zeros([panel.len(), packed, panel.lines(), 2 * panel.pixels], |scratch| {
        let (panel, distances) = (&panel, &distances[..]);
        Arch::new().dispatch(BackwardInput { panel, distances, grad, weight, dx, scratch });
    });
}

/// `backward_input` of some images.
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
            weight[to..][..PHASES * TAPS].copy_from_slice(&phases(kernel));
        }
        pack::<S>(&weight, in_channels, packed);
        let zeros = vec![0.; in_channels];
        let groups = self.grad.chunks(panel.group * panel.geometry.image());
        for (grad, dx) in groups.zip(self.dx.chunks_mut(panel.group * panel.geometry.out_image())) {
            fill(panel, grad, rows, buffer);
            let (pixels, line) = (panel.pixels, panel.pixels);
            Products { simd, pixels, distances, buffer, weight: packed, bias: &zeros, line, to: lines }.all();
            panel.gather(lines, dx);
        }
    }
}

/// Adds the gradients of `weight` and `bias` to `dweight` `[out, in, 3, 3]` and `dbias` `[out]`, from that of the
/// output.
pub fn backward_weight(conv: &UpConv, x: &[f32], grad: &[f32], dweight: &mut [f32], dbias: &mut [f32]) {
    conv.check(x, dweight, grad);
    assert_eq!(dbias.len(), conv.out_channels, "[out]");
    let (panel, distances) = conv.transposed(1024);
    let sums = dweight.len() / KERNEL * PHASES * TAPS;
    with_zeros([panel.len(), sums, panel.lines(), 2 * panel.pixels], |scratch| {
        let (panel, distances) = (&panel, &distances[..]);
        Arch::new().dispatch(BackwardWeight { panel, distances, x, grad, dweight, dbias, scratch });
    });
}

/// `backward_weight` of some images.
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
            // The missing images of the last group must not be those of the one before.
            if x.len() < panel.group * geometry.out_image() {
                rows.fill(0.);
                lines.fill(0.);
            }
            add_planes(simd, grad, PHASES * geometry.out_plane(), dbias);
            fill(panel, grad, rows, buffer);
            panel.spread(x, lines);
            Dots { simd, pixels: panel.pixels, distances, buffer, grad: lines, dweight: sums }.all();
        }
        // [in, out, phase, tap]
        let sums = sums.as_chunks::<{ PHASES * TAPS }>().0;
        let (in_channels, out_channels) = (geometry.out_channels, dbias.len());
        for (index, kernel) in self.dweight.as_chunks_mut::<KERNEL>().0.iter_mut().enumerate() {
            let sums = sums[index % in_channels * out_channels + index / in_channels];
            parts(|to, from| kernel[to] += sums[from]);
        }
    }
}
