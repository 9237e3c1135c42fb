//! Images laid out so that each kernel tap is at the same distance from every pixel.

use crate::simd::scratch::LINE;

/// Floats of the widest SIMD vector, a cache line: the lengths of buffers are multiples of it.
pub(super) const VECTOR: usize = LINE;

/// The most images in a group.
const GROUP: usize = 16;

/// The sizes of a convolution, or of the transposed one that computes its gradients.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub out_channels: usize,
    pub out_height: usize,
    pub out_width: usize,
    pub kernel: usize,
    /// Zeros on every side; if negative, as many rows and columns are cut off.
    pub padding: isize,
}

impl Geometry {
    /// The convolution in the other direction, from output to input, with the same connections.
    pub fn transposed(&self) -> Self {
        Self {
            channels: self.out_channels,
            height: self.out_height,
            width: self.out_width,
            out_channels: self.channels,
            out_height: self.height,
            out_width: self.width,
            kernel: self.kernel,
            padding: self.kernel as isize - 1 - self.padding,
        }
    }

    /// The floats of an input image.
    pub fn image(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// The floats of one channel of an output image.
    pub fn out_plane(&self) -> usize {
        self.out_height * self.out_width
    }

    /// The floats of an output image.
    pub fn out_image(&self) -> usize {
        self.out_channels * self.out_plane()
    }

    /// The floats of one output channel's weight.
    pub fn taps(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }
}

/// How a group of input images lies in a buffer.
///
/// An output pixel has one index, and each of its taps is at that index plus a constant. A dense panel numbers the pixels as an
/// output image does and holds a copy of the input for each kernel column. A sparse one holds the input once, in rows that
/// share the zeros between them, so some indices between the output's rows stand for no pixel.
pub(super) struct Panel {
    pub geometry: Geometry,
    pub dense: bool,
    /// Images in a group: one if dense.
    pub group: usize,
    /// Indices of a group.
    pub pixels: usize,
    /// Distance from one row to the next.
    pub stride: usize,
    /// Distance from one image to the next.
    pub plane: usize,
    /// Distance from one channel, or copy of a channel, to the next.
    pub length: usize,
}

impl Panel {
    /// A layout with about `pixels` indices in a group at most.
    pub fn new(geometry: Geometry, pixels: usize) -> Self {
        let Geometry { channels, out_channels, kernel, .. } = geometry;
        let out_plane = geometry.out_plane();
        // The copies of the input take about as long as moving a sparse output into place.
        if channels * (kernel - 1) <= out_channels && out_plane >= 32 * VECTOR {
            let stride = geometry.out_width;
            let plane = out_plane + (kernel - 1) * stride;
            let length = plane.next_multiple_of(VECTOR);
            return Self { geometry, dense: true, group: 1, pixels: out_plane, stride, plane, length };
        }
        Self::sparse(geometry, pixels)
    }

    /// As [`Panel::new`], but always sparse.
    pub fn sparse(geometry: Geometry, pixels: usize) -> Self {
        let Geometry { kernel, padding, .. } = geometry;
        let shared = padding.min(2 * padding);
        let stride = geometry.out_width.max(geometry.width.saturating_add_signed(shared));
        let rows = geometry.out_height.max(geometry.height.saturating_add_signed(shared));
        let plane = rows * stride;
        let group = (pixels / plane).clamp(1, GROUP);
        let pixels = (group * plane).next_multiple_of(VECTOR);
        let length = (pixels + (kernel - 1) * (stride + 1)).next_multiple_of(VECTOR);
        Self { geometry, dense: false, group, pixels, stride, plane, length }
    }

    /// The length of the buffer that `fill` fills.
    pub fn len(&self) -> usize {
        let copies = if self.dense { self.geometry.kernel } else { 1 };
        self.geometry.channels * copies * self.length
    }

    /// The length of the lines that `spread` fills and `gather` reads.
    pub fn lines(&self) -> usize {
        self.geometry.out_channels * self.pixels
    }

    /// The distances of the taps, in the order of a weight `[in, k, k]`.
    pub fn distances(&self) -> Vec<usize> {
        let kernel = self.geometry.kernel;
        (0..self.geometry.taps())
            .map(|tap| self.distance(tap / (kernel * kernel), [tap / kernel % kernel, tap % kernel]))
            .collect()
    }

    /// The distance of a channel's tap in row `y` and column `x`.
    pub fn distance(&self, channel: usize, [y, x]: [usize; 2]) -> usize {
        match self.dense {
            true => (channel * self.geometry.kernel + x) * self.length + y * self.stride,
            false => channel * self.length + y * self.stride + x,
        }
    }

    /// Copies up to a group of images `[images, in, height, width]` into a buffer of zeros.
    #[inline(always)]
    pub fn fill(&self, images: &[f32], buffer: &mut [f32]) {
        let Geometry { channels, height, width, out_width, out_height, kernel, padding, .. } = self.geometry;
        let rows = visible(height, padding, out_height + kernel - 1);
        let copies = if self.dense { kernel } else { 1 };
        for copy in 0..copies {
            let shift = padding - copy as isize;
            let columns = visible(width, shift, if self.dense { out_width } else { out_width + kernel - 1 });
            let from = rows.start * width + columns.start;
            let to =
                rows.start.saturating_add_signed(padding) * self.stride + columns.start.saturating_add_signed(shift);
            for (index, plane) in images.chunks_exact(height * width).enumerate() {
                let line = index % channels * copies + copy;
                let start = line * self.length + index / channels * self.plane + to;
                copy_rows(rows.len(), columns.len(), (&plane[from..], width), (&mut buffer[start..], self.stride));
            }
        }
    }

    /// Copies the rows of images `[images, out, height, width]`, shaped like the output, to their indices in `lines`
    /// `[out, pixels]`.
    #[inline(always)]
    pub fn spread(&self, images: &[f32], lines: &mut [f32]) {
        let Geometry { out_channels, out_height, out_width, .. } = self.geometry;
        for (index, plane) in images.chunks_exact(out_height * out_width).enumerate() {
            let start = index % out_channels * self.pixels + index / out_channels * self.plane;
            copy_rows(out_height, out_width, (plane, out_width), (&mut lines[start..], self.stride));
        }
    }

    /// The opposite of `spread`.
    #[inline(always)]
    pub fn gather(&self, lines: &[f32], images: &mut [f32]) {
        let Geometry { out_channels, out_height, out_width, .. } = self.geometry;
        for (index, plane) in images.chunks_exact_mut(out_height * out_width).enumerate() {
            let start = index % out_channels * self.pixels + index / out_channels * self.plane;
            copy_rows(out_height, out_width, (&lines[start..], self.stride), (plane, out_width));
        }
    }
}

/// The part of `0..size` that, moved by `shift`, lies in `0..limit`.
fn visible(size: usize, shift: isize, limit: usize) -> std::ops::Range<usize> {
    let (shift, limit) = (shift, limit as isize);
    (-shift).clamp(0, size as isize) as usize..(limit - shift).clamp(0, size as isize) as usize
}

/// Copies the first `width` floats of each row. `from` and `to` come with their strides.
#[inline(always)]
pub(super) fn copy_rows(rows: usize, width: usize, from: (&[f32], usize), to: (&mut [f32], usize)) {
    // A copy of unknown length is a function call, which takes longer than copying most rows.
    match width {
        4..8 => copy_ends::<4>(rows, width, from, to),
        8..16 => copy_ends::<8>(rows, width, from, to),
        16..=32 => copy_ends::<16>(rows, width, from, to),
        _ => {
            for row in 0..rows {
                to.0[row * to.1..][..width].copy_from_slice(&from.0[row * from.1..][..width]);
            }
        }
    }
}

/// [`copy_rows`] for `N` to `2 * N` floats: copies the first `N` and the last `N`, which may overlap.
#[inline(always)]
fn copy_ends<const N: usize>(rows: usize, width: usize, from: (&[f32], usize), to: (&mut [f32], usize)) {
    for row in 0..rows {
        let (from, to) = (&from.0[row * from.1..], &mut to.0[row * to.1..]);
        for start in [0, width - N] {
            to[start..start + N].copy_from_slice(&from[start..start + N]);
        }
    }
}
