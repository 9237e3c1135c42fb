//! Convolutions with steps, and transposed ones, on images with their channels last: windows are laid out and multiplied.

use crate::gemm::{Epilogue, Lhs, gemm};
use crate::simd::scratch::with_scratch;
use crate::simd::vectorised::vectorised;

/// Values of windows that are laid out together: 512 KiB.
const LAID_OUT: usize = 1 << 17;

/// Windows of a large image, each of which is a pixel of a small one. A convolution goes from the large image to the small one, a
/// transposed convolution back. Images are `[height, width, channels]`; the weight is `[small, large, kernel..]`, which is the layout of both
/// kinds of layers. A sequence is an image of height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Channels, height and width of the large image.
    pub large: [usize; 3],
    /// Those of the small image.
    pub small: [usize; 3],
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Pixels from a window to the next, downwards and to the right.
    pub stride: [usize; 2],
    /// Zeros above and below the large image, and on its sides.
    pub padding: [usize; 2],
}

impl Windows {
    fn large_len(self) -> usize {
        self.large.iter().product()
    }

    fn small_len(self) -> usize {
        self.small.iter().product()
    }

    /// Values of a window.
    fn window(self) -> usize {
        self.large[0] * self.kernel[0] * self.kernel[1]
    }

    /// Windows of an image.
    fn count(self) -> usize {
        self.small[1] * self.small[2]
    }

    /// Images whose windows are laid out together.
    fn together(self) -> usize {
        (LAID_OUT / (self.window() * self.count())).max(1)
    }

    /// Values of the packed weight: `[small, window]`, then `[window, small]`.
    pub fn packed_len(self) -> usize {
        2 * self.small[0] * self.window()
    }

    /// Packs the weight.
    pub fn pack(self, weight: &[f32], packed: &mut [f32]) {
        let (rows, columns) = packed.split_at_mut(self.small[0] * self.window());
        self.reorder(|by_channel, by_window| rows[by_window] = weight[by_channel]);
        crate::gemm::transpose(rows, self.window(), 0, columns);
    }

    /// The gradient of the weight from the sum of [`Self::weight_gradient`].
    pub fn fold_gradient(self, sums: &[f32], dweight: &mut [f32]) {
        self.reorder(|by_channel, by_window| dweight[by_channel] = sums[by_window]);
    }

    /// Calls `work` with the place of each weight in `[small, large, kernel..]`, and in `[small, kernel.., large]`.
    fn reorder(self, mut work: impl FnMut(usize, usize)) {
        let (large, places) = (self.large[0], self.kernel[0] * self.kernel[1]);
        for small in 0..self.small[0] {
            for channel in 0..large {
                for place in 0..places {
                    work((small * large + channel) * places + place, (small * places + place) * large + channel);
                }
            }
        }
    }

    /// From large images to small ones, with a `bias` for each channel.
    pub fn shrink(self, large: &[f32], packed: &[f32], bias: Option<&[f32]>, small: &mut [f32]) {
        let (window, channels) = (self.window(), self.small[0]);
        let weight = &packed[channels * window..];
        self.each(large, small, |windows, small| {
            let sizes = [windows.len() / window, window, channels];
            gemm(Lhs::Rows(windows), weight, sizes, bias.map_or(Epilogue::Set, Epilogue::Bias), small);
        });
    }

    /// From small images to large ones, with a `bias` for each channel.
    pub fn enlarge(self, small: &[f32], packed: &[f32], bias: Option<&[f32]>, large: &mut [f32]) {
        let (window, channels) = (self.window(), self.small[0]);
        let weight = &packed[..channels * window];
        let images = self.together();
        let blocks = small.chunks(images * self.small_len()).zip(large.chunks_mut(images * self.large_len()));
        for (small, large) in blocks {
            with_scratch([small.len() / channels * window], |[windows]| {
                let sizes = [small.len() / channels, channels, window];
                gemm(Lhs::Rows(small), weight, sizes, Epilogue::Set, windows);
                match bias {
                    Some(bias) => large.chunks_exact_mut(bias.len()).for_each(|pixel| pixel.copy_from_slice(bias)),
                    None => large.fill(0.),
                }
                let images = windows.chunks(self.count() * window).zip(large.chunks_mut(self.large_len()));
                images.for_each(|(windows, large)| self.add_windows(windows, large));
            });
        }
    }

    /// Adds the gradient of the weight, `[small, window]`, one image being the input and the other the gradient of the output.
    pub fn weight_gradient(self, large: &[f32], small: &[f32], sums: &mut [f32]) {
        let (window, channels) = (self.window(), self.small[0]);
        let images = self.together();
        let blocks = large.chunks(images * self.large_len()).zip(small.chunks(images * self.small_len()));
        for (large, small) in blocks {
            with_scratch([small.len() / channels * window], |[windows]| {
                self.lay_out(large, windows);
                let sizes = [channels, small.len() / channels, window];
                gemm(Lhs::Columns(small, channels), windows, sizes, Epilogue::Add, sums);
            });
        }
    }

    /// Calls `work` with the windows of some large images, and the small ones that belong to them.
    fn each(self, large: &[f32], small: &mut [f32], work: impl Fn(&[f32], &mut [f32])) {
        let images = self.together();
        let blocks = large.chunks(images * self.large_len()).zip(small.chunks_mut(images * self.small_len()));
        for (large, small) in blocks {
            with_scratch([small.len() / self.small[0] * self.window()], |[windows]| {
                self.lay_out(large, windows);
                work(windows, small);
            });
        }
    }

    fn lay_out(self, large: &[f32], windows: &mut [f32]) {
        let images = large.chunks_exact(self.large_len()).zip(windows.chunks_exact_mut(self.count() * self.window()));
        for (large, windows) in images {
            windows.fill(0.);
            self.for_each_line(|in_window, in_image, len| {
                windows[in_window..in_window + len].copy_from_slice(&large[in_image..in_image + len]);
            });
        }
    }

    fn add_windows(self, windows: &[f32], large: &mut [f32]) {
        self.for_each_line(|in_window, in_image, len| {
            add(&windows[in_window..in_window + len], &mut large[in_image..in_image + len]);
        });
    }

    /// Calls `work` with the place of every line of every window among all windows, its place in the image, and its length.
    #[inline(always)]
    fn for_each_line(self, mut work: impl FnMut(usize, usize, usize)) {
        let Self { large: [channels, height, width], small: [_, rows, columns], kernel, stride, padding } = self;
        let line = kernel[1] * channels;
        for row in 0..rows {
            for column in 0..columns {
                let window = (row * columns + column) * kernel[0] * line;
                let left = column * stride[1];
                let first = padding[1].saturating_sub(left);
                let end = kernel[1].min((width + padding[1]).saturating_sub(left));
                if first >= end {
                    continue;
                }
                for place in 0..kernel[0] {
                    let y = (row * stride[0] + place).checked_sub(padding[0]).filter(|y| *y < height);
                    let Some(y) = y else { continue };
                    let x = left + first - padding[1];
                    let in_window = window + place * line + first * channels;
                    work(in_window, (y * width + x) * channels, (end - first) * channels);
                }
            }
        }
    }
}

vectorised! {
    fn add<'a>(values: &'a [f32], sum: &'a mut [f32]) -> () {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += value;
        }
    }
}
