//! Transforms images to the values of their tiles, and back.

use pulp::{Simd, WithSimd};

use super::geometry::{TILE, WinogradConv};
use super::transform::{Output, OutputBack, Transform, Window, WindowBack, transform_2d};
use crate::simd::vector::{load, store};

/// What is transformed to what.
#[derive(Clone, Copy)]
pub(super) enum Direction<'a> {
    /// Images to windows.
    Windows,
    /// Products to output images, with this bias.
    Outputs(&'a [f32]),
    /// The gradient of output images to that of products.
    OutputGradients,
    /// The gradient of windows to that of images.
    WindowGradients,
}

/// Transforms images to the values of their tiles, `[place, tile, channel]` with windows of `N` by `N`, or back.
pub(super) struct TileTransform<'a, const N: usize> {
    pub conv: &'a WinogradConv,
    pub direction: Direction<'a>,
    pub channels: usize,
    pub from: &'a [f32],
    pub to: &'a mut [f32],
}

impl<const N: usize> WithSimd for TileTransform<'_, N>
where
    Window: Transform<N, N>,
    WindowBack: Transform<N, N>,
    Output: Transform<N, TILE>,
    OutputBack: Transform<TILE, N>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { conv, direction, channels, from, to } = self;
        match direction {
            Direction::Windows => {
                let line = to.len() / (N * N);
                for (tile, place) in conv.each_tile(line / channels) {
                    let window_offsets = conv.window_offsets::<N>(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let window = pixels::<S, N>(simd, from, window_offsets, channel);
                        let values = transform_2d::<S, Window, N, N>(simd, window);
                        scatter::<S, N>(to, line, tile * channels + channel, values);
                    }
                }
            }
            Direction::Outputs(bias) => {
                let line = from.len() / (N * N);
                for (tile, place) in conv.each_tile(line / channels) {
                    let output_offsets = conv.output_offsets(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let products = gather::<S, N>(simd, from, line, tile * channels + channel);
                        let values = transform_2d::<S, Output, N, TILE>(simd, products);
                        let bias = load::<S>(bias, channel);
                        for (value, offset) in values.as_flattened().iter().zip(output_offsets.as_flattened()) {
                            if let Some(at) = offset {
                                store::<S>(to, at + channel, simd.add_f32s(*value, bias));
                            }
                        }
                    }
                }
            }
            Direction::OutputGradients => {
                let line = to.len() / (N * N);
                for (tile, place) in conv.each_tile(line / channels) {
                    let output_offsets = conv.output_offsets(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let grad = pixels::<S, TILE>(simd, from, output_offsets, channel);
                        let values = transform_2d::<S, OutputBack, TILE, N>(simd, grad);
                        scatter::<S, N>(to, line, tile * channels + channel, values);
                    }
                }
            }
            Direction::WindowGradients => {
                let line = from.len() / (N * N);
                to.fill(0.);
                for (tile, place) in conv.each_tile(line / channels) {
                    let window_offsets = conv.window_offsets::<N>(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let grad = gather::<S, N>(simd, from, line, tile * channels + channel);
                        let values = transform_2d::<S, WindowBack, N, N>(simd, grad);
                        for (value, offset) in values.as_flattened().iter().zip(window_offsets.as_flattened()) {
                            if let Some(at) = offset {
                                let sum = simd.add_f32s(load::<S>(to, at + channel), *value);
                                store::<S>(to, at + channel, sum);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A vector of channels of each pixel at `offsets`, zeros outside.
#[inline(always)]
fn pixels<S: Simd, const N: usize>(
    simd: S,
    images: &[f32],
    offsets: [[Option<usize>; N]; N],
    channel: usize,
) -> [[S::f32s; N]; N] {
    let mut pixels = [[simd.splat_f32s(0.); N]; N];
    for (pixel, offset) in pixels.as_flattened_mut().iter_mut().zip(offsets.as_flattened()) {
        if let Some(at) = offset {
            *pixel = load::<S>(images, at + channel);
        }
    }
    pixels
}

/// The vector at `at` in each line.
#[inline(always)]
fn gather<S: Simd, const N: usize>(simd: S, lines: &[f32], line: usize, at: usize) -> [[S::f32s; N]; N] {
    let mut values = [[simd.splat_f32s(0.); N]; N];
    for (index, value) in values.as_flattened_mut().iter_mut().enumerate() {
        *value = load::<S>(lines, index * line + at);
    }
    values
}

/// The opposite of [`gather`].
#[inline(always)]
fn scatter<S: Simd, const N: usize>(lines: &mut [f32], line: usize, at: usize, values: [[S::f32s; N]; N]) {
    for (index, value) in values.as_flattened().iter().enumerate() {
        store::<S>(lines, index * line + at, *value);
    }
}
