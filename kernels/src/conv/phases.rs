//! The phases of an upsampled image: the output pixels that are even or odd in row and in column.
//!
//! The pixels of one phase are a convolution of the small image with 2 x 2 taps: sums of those taps of the 3 x 3 kernel that
//! meet the same pixel.

use super::panel::{Geometry, Panel, copy_rows};

/// The phases of the output, by parity of row and column.
pub(super) const PHASES: usize = 4;
/// The taps of a phase.
pub(super) const TAPS: usize = 4;
/// The taps of the kernel.
pub(super) const KERNEL: usize = 9;

/// The row and column of the small image that a phase's tap meets, counted from the row and column before the pixel's own.
pub(super) fn phase_tap_offset(phase: usize, tap: usize) -> [usize; 2] {
    [phase / 2 + tap / 2, phase % 2 + tap % 2]
}

/// The row and column that a tap of the kernel meets in a phase, counted as in [`phase_tap_offset`].
pub(super) fn kernel_tap_offset(phase: usize, tap: usize) -> [usize; 2] {
    [(phase / 2 + tap / 3).div_ceil(2), (phase % 2 + tap % 3).div_ceil(2)]
}

/// Calls `visit` with each tap of the kernel and each tap of a phase that it is a part of.
#[inline(always)]
pub(super) fn each_part(mut visit: impl FnMut(usize, usize)) {
    for phase in 0..PHASES {
        for tap in 0..KERNEL {
            let [y, x] = kernel_tap_offset(phase, tap);
            visit(tap, phase * TAPS + 2 * (y - phase / 2) + x - phase % 2);
        }
    }
}

/// The taps of the phases `[phase, tap]`: sums of the kernel's taps `[3, 3]`.
pub(super) fn phase_taps(kernel: &[f32; KERNEL]) -> [f32; PHASES * TAPS] {
    let mut sums = [0.; PHASES * TAPS];
    each_part(|from, to| sums[to] += kernel[from]);
    sums
}

/// Moves `lines` `[phase, out, pixels]` to images `[images, out, 2 height, 2 width]`; `rows` is scratch for two lines.
#[inline(always)]
pub(super) fn gather(panel: &Panel, lines: &[f32], rows: &mut [f32], images: &mut [f32]) {
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

/// The opposite of [`gather`]: copies a gradient `[images, out, 2 height, 2 width]` into a buffer of `[out, phase]` channels;
/// `rows` must hold zeros between the pixels.
#[inline(always)]
pub(super) fn fill(panel: &Panel, images: &[f32], rows: &mut [f32], buffer: &mut [f32]) {
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
