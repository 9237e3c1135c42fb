//! Convolutions with stride 1 and their gradients, on one thread: who calls shares the images between threads.
use super::few;
use super::panel::{Geometry, Panel};
use super::scratch::with_zeros;
use super::tiles::{Dots, Products, pack};
use pulp::{Arch, Simd, WithSimd};

/// A convolution with stride 1 and `padding` zeros on all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Images.
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

/// `out = x * weight + bias`, with `x` `[batch, in, height, width]`, `weight` `[out, in, k, k]`,
/// `bias` `[out]` and `out` `[batch, out, out height, out width]`.
pub fn forward(conv: &Conv, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    conv.check(x, weight, out);
    assert_eq!(bias.len(), conv.out_channels, "[out]");
    convolve(conv.geometry(), x, weight, bias, out);
}

/// The gradient `dx` of `x`, from the gradient `grad` of the output.
pub fn backward_input(conv: &Conv, grad: &[f32], weight: &[f32], dx: &mut [f32]) {
    conv.check(dx, weight, grad);
    let flipped = exchange(weight, conv.out_channels, conv.in_channels, conv.kernel);
    convolve(conv.geometry().transposed(), grad, &flipped, &vec![0.0; conv.in_channels], dx);
}

/// Adds the gradients of `weight` and `bias` to `dweight` `[out, in, k, k]` and `dbias` `[out]`, from that of the output.
pub fn backward_weight(conv: &Conv, x: &[f32], grad: &[f32], dweight: &mut [f32], dbias: &mut [f32]) {
    conv.check(x, dweight, grad);
    assert_eq!(dbias.len(), conv.out_channels, "[out]");
    // A tap's input is read once for several channels of the output: those should be the many.
    if conv.out_channels >= conv.in_channels {
        return correlate(conv.geometry(), x, grad, false, dweight, dbias);
    }
    with_zeros([dweight.len()], |[sums]| {
        correlate(conv.geometry().transposed(), grad, x, true, sums, dbias);
        let terms = exchange(sums, conv.in_channels, conv.out_channels, conv.kernel);
        dweight.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    });
}

/// A weight `[out, in, k, k]` as `[in, out, k, k]`, with the rows and columns in reverse.
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

/// `forward` of the convolution or, with its weight exchanged, of the transposed one.
fn convolve(geometry: Geometry, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    if few::fits(&geometry) {
        return few::convolve(geometry, x, weight, bias, out);
    }
    let panel = Panel::new(geometry, 256);
    let distances = panel.distances();
    let lines = if panel.dense { 0 } else { panel.lines() };
    with_zeros([panel.len(), lines, weight.len()], |scratch| {
        Arch::new().dispatch(Convolve { panel: &panel, distances: &distances, x, weight, bias, out, scratch });
    });
}

/// A convolution of some images.
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
            Products { simd, pixels, distances, buffer, weight: packed, bias: self.bias, line, to }.all();
            if !panel.dense {
                panel.gather(lines, out);
            }
        }
    }
}

/// Adds to `dweight[o, i, y, x]` the sum of `grad[n, o, ..] * x[n, i, .. + (y, x)]`, and to `dbias` the sums by channel of
/// `grad`, or of `x` if that is the gradient.
fn correlate(geometry: Geometry, x: &[f32], grad: &[f32], transposed: bool, dweight: &mut [f32], dbias: &mut [f32]) {
    let panel = Panel::new(geometry, 1024);
    let distances = panel.distances();
    let lines = if panel.dense { 0 } else { panel.lines() };
    with_zeros([panel.len(), lines], |scratch| {
        let (panel, distances) = (&panel, &distances[..]);
        Arch::new().dispatch(Correlate { panel, distances, x, grad, transposed, dweight, dbias, scratch });
    });
}

/// `correlate` of some images.
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
            // The missing images of the last group must not be those of the one before.
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
            Dots { simd, pixels: panel.pixels, distances: self.distances, buffer, grad, dweight }.all();
        }
    }
}

/// Adds the sums of the planes of `images` `[.., channel, plane]` by channel.
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
