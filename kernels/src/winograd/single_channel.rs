//! 3 x 3 convolutions with stride 1 and padding 1 from or to a single channel, as matrix products.

use crate::elementwise::{add_rows, sum_rows};
use crate::gemm::{Epilogue, Lhs, gemm, transpose};
use crate::simd::scratch::with_scratch;

/// The taps of a kernel.
const TAPS: usize = 9;
/// The output pixels that depend on an input pixel when the image is upsampled by 2 and convolved: four rows of four.
const REACH: usize = 16;

/// A convolution of images of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromSingleChannel {
    /// The height of an image.
    pub height: usize,
    /// The width of an image.
    pub width: usize,
    /// Channels of an output image.
    pub out_channels: usize,
}

impl FromSingleChannel {
    /// `out = x * weight + bias`, with `x` `[batch, height, width]`, `weight` `[3, 3, out]`, `bias` `[out]` and `out`
    /// `[batch, height, width, out]`.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
        with_scratch([x.len() * TAPS], |[taps]| {
            self.taps(x, taps);
            gemm(Lhs::Rows(taps), weight, [x.len(), TAPS, self.out_channels], Epilogue::Bias(bias), out);
        });
    }

    /// Adds the gradients of `weight` and `bias` to `dweight` `[3, 3, out]` and `dbias` `[out]`, from that of the output.
    pub fn backward(&self, x: &[f32], grad: &[f32], dweight: &mut [f32], dbias: &mut [f32]) {
        add_rows(grad, self.out_channels, dbias);
        with_scratch([x.len() * TAPS], |[taps]| {
            self.taps(x, taps);
            gemm(Lhs::Columns(taps, TAPS), grad, [TAPS, x.len(), self.out_channels], Epilogue::Add, dweight);
        });
    }

    /// The gradient `dx` of `x`, from that of the output and a weight `[out, 3, 3]`.
    pub fn backward_input(&self, weight: &[f32], grad: &[f32], dx: &mut [f32]) {
        with_scratch([dx.len() * TAPS], |[taps]| {
            gemm(Lhs::Rows(grad), weight, [dx.len(), self.out_channels, TAPS], Epilogue::Set, taps);
            add_windows::<3>([self.height, self.width], 1, 0., taps, dx);
        });
    }

    /// The pixels under each output pixel's taps, `[batch, height, width, 3, 3]`.
    fn taps(&self, x: &[f32], taps: &mut [f32]) {
        windows::<3>([self.height, self.width], 1, x, taps);
    }

    /// The gradient of a weight `[out, 3, 3]` from that of a weight `[3, 3, out]`.
    pub fn fold_gradient(&self, sums: &[f32], dweight: &mut [f32]) {
        transpose(sums, self.out_channels, 0, dweight);
    }
}

/// A convolution to one channel of images upsampled by 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpsampledToSingleChannel {
    /// The height of an image, half of an output image's.
    pub height: usize,
    /// The width of an image, half of an output image's.
    pub width: usize,
    /// Channels of an image.
    pub in_channels: usize,
}

impl UpsampledToSingleChannel {
    /// The length of the transformed weight.
    pub fn transformed_len(&self) -> usize {
        2 * self.gradient_len()
    }

    /// The length of the gradient of the transformed weight.
    pub fn gradient_len(&self) -> usize {
        REACH * self.in_channels
    }

    /// Transforms a weight `[in, 3, 3]` to what [`Self::forward`] and [`Self::backward`] take: the weight of a pixel for each
    /// output pixel that depends on it, `[in, 4, 4]` and `[4, 4, in]`.
    pub fn transform_weight(&self, weight: &[f32], out: &mut [f32]) {
        let (forward, backward) = out.split_at_mut(self.gradient_len());
        for (kernel, reach) in weight.as_chunks::<TAPS>().0.iter().zip(forward.as_chunks_mut::<REACH>().0) {
            *reach = [0.; REACH];
            each_part(|tap, part| reach[part] += kernel[tap]);
        }
        transpose(forward, REACH, 0, backward);
    }

    /// Transforms the gradient that [`Self::backward`] adds up in `sums` back to that of a weight `[in, 3, 3]`.
    pub fn fold_gradient(&self, sums: &[f32], dweight: &mut [f32]) {
        for (channel, kernel) in dweight.as_chunks_mut::<TAPS>().0.iter_mut().enumerate() {
            *kernel = [0.; TAPS];
            each_part(|tap, part| kernel[tap] += sums[part * self.in_channels + channel]);
        }
    }

    /// `out = up(x) * weight + bias`, with `x` `[batch, height, width, in]`, the `transformed` weight and `out`
    /// `[batch, 2 height, 2 width]`.
    pub fn forward(&self, x: &[f32], transformed: &[f32], bias: f32, out: &mut [f32]) {
        let Self { height, width, in_channels } = *self;
        let pixels = x.len() / in_channels;
        with_scratch([pixels * REACH], |[parts]| {
            gemm(Lhs::Rows(x), &transformed[..self.gradient_len()], [pixels, in_channels, REACH], Epilogue::Set, parts);
            add_windows::<4>([2 * height, 2 * width], 2, bias, parts, out);
        });
    }

    /// From the gradient of the output: adds that of the transformed weight to `sums` `[4, 4, in]` (see
    /// [`Self::fold_gradient`]) and that of the bias to `dbias`, and sets `dx`, that of `x`, where it is asked for.
    pub fn backward(
        &self,
        x: &[f32],
        transformed: &[f32],
        grad: &[f32],
        [sums, dbias]: [&mut [f32]; 2],
        dx: Option<&mut [f32]>,
    ) {
        let Self { height, width, in_channels } = *self;
        let pixels = x.len() / in_channels;
        let mut total = [0.];
        sum_rows(grad, grad.len().max(1), &mut total);
        dbias[0] += total[0];
        with_scratch([pixels * REACH], |[parts]| {
            windows::<4>([2 * height, 2 * width], 2, grad, parts);
            gemm(Lhs::Columns(parts, REACH), x, [REACH, pixels, in_channels], Epilogue::Add, sums);
            if let Some(dx) = dx {
                let weight = &transformed[self.gradient_len()..];
                gemm(Lhs::Rows(parts), weight, [pixels, REACH, in_channels], Epilogue::Set, dx);
            }
        });
    }
}

/// Calls `visit` with each tap of a kernel and each place of `REACH` that it contributes to.
fn each_part(mut visit: impl FnMut(usize, usize)) {
    // A pixel meets the last tap where it is the right or lower neighbour of the pixel that the output pixel lies in, and so
    // on.
    const PARTS: [[usize; 2]; 3] = [[2, 3], [1, 2], [0, 1]];
    for tap in 0..TAPS {
        for row in PARTS[tap / 3] {
            for column in PARTS[tap % 3] {
                visit(tap, 4 * row + column);
            }
        }
    }
}

/// The `K` by `K` pixels around each `step`-th one of images, zeros outside: `[batch, height / step, width / step, K, K]`.
fn windows<const K: usize>(size: [usize; 2], step: usize, images: &[f32], windows: &mut [f32]) {
    let [height, width] = size;
    let (stride, places) = (width + 2, height / step * (width / step));
    with_scratch([(height + 2) * stride], |[padded]| {
        padded.fill(0.);
        for (image, windows) in images.chunks_exact(height * width).zip(windows.chunks_exact_mut(places * K * K)) {
            for (row, padded) in image.chunks_exact(width).zip(padded.chunks_exact_mut(stride).skip(1)) {
                padded[1..=width].copy_from_slice(row);
            }
            for (window, first) in windows.chunks_exact_mut(K * K).zip(firsts(size, step)) {
                for (row, window) in window.as_chunks_mut::<K>().0.iter_mut().enumerate() {
                    if let Some(pixels) = padded[first + row * stride..].first_chunk() {
                        *window = *pixels;
                    }
                }
            }
        }
    });
}

/// The opposite of `windows`: adds them up to images that begin with `start` everywhere.
fn add_windows<const K: usize>(size: [usize; 2], step: usize, start: f32, windows: &[f32], images: &mut [f32]) {
    let [height, width] = size;
    let (stride, places) = (width + 2, height / step * (width / step));
    with_scratch([(height + 2) * stride], |[padded]| {
        for (image, windows) in images.chunks_exact_mut(height * width).zip(windows.chunks_exact(places * K * K)) {
            padded.fill(start);
            for (window, first) in windows.chunks_exact(K * K).zip(firsts(size, step)) {
                for (row, window) in window.as_chunks::<K>().0.iter().enumerate() {
                    if let Some(sums) = padded[first + row * stride..].first_chunk_mut::<K>() {
                        *sums = std::array::from_fn(|column| sums[column] + window[column]);
                    }
                }
            }
            for (row, padded) in image.chunks_exact_mut(width).zip(padded.chunks_exact(stride).skip(1)) {
                row.copy_from_slice(&padded[1..=width]);
            }
        }
    });
}

/// Where the windows begin in an image with a margin of one pixel.
fn firsts([height, width]: [usize; 2], step: usize) -> impl Iterator<Item = usize> {
    let rows = (0..height / step).map(move |row| row * step * (width + 2));
    rows.flat_map(move |row| (0..width / step).map(move |column| row + column * step))
}
