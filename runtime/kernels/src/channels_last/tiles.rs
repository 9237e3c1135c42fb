//! Images as the values of their tiles, and back.

use pulp::{Simd, WithSimd};

use super::tiled::Tiled;
use super::transform::{Change, Output, OutputBack, Window, WindowBack, both};
use crate::tiles::load;

/// The rows and columns of a tile.
pub(super) const TILE: usize = 2;

impl Tiled {
    /// The image, row and column of all tiles, of `tiles`.
    #[inline(always)]
    fn each(&self, tiles: usize) -> impl Iterator<Item = (usize, [usize; 3])> {
        let [rows, columns] = self.tiles();
        let rows = (0..tiles / (rows * columns)).flat_map(move |image| (0..rows).map(move |row| (image, row)));
        rows.flat_map(move |(image, row)| (0..columns).map(move |column| [image, row, column])).enumerate()
    }

    /// Where the pixels of a tile's window begin, in its image; nothing for those outside.
    #[inline(always)]
    fn met<const N: usize>(&self, [image, row, column]: [usize; 3]) -> [[Option<usize>; N]; N] {
        let step = if self.up { 1 } else { TILE };
        let first = [step * row, step * column].map(|first| first.wrapping_sub(1));
        places(first, [self.height, self.width], [image, self.in_channels])
    }

    /// The same of a tile of the output.
    #[inline(always)]
    fn made(&self, [image, row, column]: [usize; 3]) -> [[Option<usize>; TILE]; TILE] {
        places([TILE * row, TILE * column], self.out_size(), [image, self.out_channels])
    }
}

/// Where a square of pixels lies among images of this size, from the row and column `first` on, which may be just outside.
#[inline(always)]
fn places<const N: usize>(
    first: [usize; 2],
    [height, width]: [usize; 2],
    [image, channels]: [usize; 2],
) -> [[Option<usize>; N]; N] {
    let mut places = [[None; N]; N];
    for (row, places) in places.iter_mut().enumerate() {
        for (column, place) in places.iter_mut().enumerate() {
            let (y, x) = (first[0].wrapping_add(row), first[1].wrapping_add(column));
            if y < height && x < width {
                *place = Some(((image * height + y) * width + x) * channels);
            }
        }
    }
    places
}

/// From what to what.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// Images to windows.
    Windows,
    /// Products to output images, with this bias.
    Outputs(&'a [f32]),
    /// The gradient of output images to that of products.
    OutputsBack,
    /// The gradient of windows to that of images.
    WindowsBack,
}

/// From images to the values of their tiles, `[place, tile, channel]` with windows of `N` by `N`, or back.
pub(super) struct Moved<'a, const N: usize> {
    pub conv: &'a Tiled,
    pub way: Way<'a>,
    pub channels: usize,
    pub from: &'a [f32],
    pub to: &'a mut [f32],
}

impl<const N: usize> WithSimd for Moved<'_, N>
where
    Window: Change<N, N>,
    WindowBack: Change<N, N>,
    Output: Change<N, TILE>,
    OutputBack: Change<TILE, N>,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { conv, way, channels, from, to } = self;
        match way {
            Way::Windows => {
                let line = to.len() / (N * N);
                for (tile, place) in conv.each(line / channels) {
                    let met = conv.met::<N>(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let window = pixels::<S, N>(simd, from, met, channel);
                        let values = both::<S, Window, N, N>(simd, window);
                        put::<S, N>(to, line, tile * channels + channel, values);
                    }
                }
            }
            Way::Outputs(bias) => {
                let line = from.len() / (N * N);
                for (tile, place) in conv.each(line / channels) {
                    let made = conv.made(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let products = take::<S, N>(simd, from, line, tile * channels + channel);
                        let values = both::<S, Output, N, TILE>(simd, products);
                        let bias = load::<S>(bias, channel);
                        for (value, place) in values.as_flattened().iter().zip(made.as_flattened()) {
                            if let Some(at) = place {
                                store::<S>(to, at + channel, simd.add_f32s(*value, bias));
                            }
                        }
                    }
                }
            }
            Way::OutputsBack => {
                let line = to.len() / (N * N);
                for (tile, place) in conv.each(line / channels) {
                    let made = conv.made(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let grad = pixels::<S, TILE>(simd, from, made, channel);
                        let values = both::<S, OutputBack, TILE, N>(simd, grad);
                        put::<S, N>(to, line, tile * channels + channel, values);
                    }
                }
            }
            Way::WindowsBack => {
                let line = from.len() / (N * N);
                to.fill(0.);
                for (tile, place) in conv.each(line / channels) {
                    let met = conv.met::<N>(place);
                    for channel in (0..channels).step_by(S::F32_LANES) {
                        let grad = take::<S, N>(simd, from, line, tile * channels + channel);
                        let values = both::<S, WindowBack, N, N>(simd, grad);
                        for (value, place) in values.as_flattened().iter().zip(met.as_flattened()) {
                            if let Some(at) = place {
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

/// A vector of channels of each pixel at `places`, zeros outside.
#[inline(always)]
fn pixels<S: Simd, const N: usize>(
    simd: S,
    images: &[f32],
    places: [[Option<usize>; N]; N],
    channel: usize,
) -> [[S::f32s; N]; N] {
    let mut pixels = [[simd.splat_f32s(0.); N]; N];
    for (pixel, place) in pixels.as_flattened_mut().iter_mut().zip(places.as_flattened()) {
        if let Some(at) = place {
            *pixel = load::<S>(images, at + channel);
        }
    }
    pixels
}

/// The vectors at `at` in each of lines.
#[inline(always)]
fn take<S: Simd, const N: usize>(simd: S, lines: &[f32], line: usize, at: usize) -> [[S::f32s; N]; N] {
    let mut values = [[simd.splat_f32s(0.); N]; N];
    for (index, value) in values.as_flattened_mut().iter_mut().enumerate() {
        *value = load::<S>(lines, index * line + at);
    }
    values
}

/// The opposite of `take`.
#[inline(always)]
fn put<S: Simd, const N: usize>(lines: &mut [f32], line: usize, at: usize, values: [[S::f32s; N]; N]) {
    for (index, value) in values.as_flattened().iter().enumerate() {
        store::<S>(lines, index * line + at, *value);
    }
}

#[inline(always)]
fn store<S: Simd>(floats: &mut [f32], at: usize, value: S::f32s) {
    S::as_mut_simd_f32s(&mut floats[at..at + S::F32_LANES]).0[0] = value;
}
