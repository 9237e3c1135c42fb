//! 3 x 3 convolutions by tiles of 2 x 2 output pixels, on one thread: a tile is made of one product for each value of its
//! window, after additions for window, kernel and output, where plain sums have one for each tap and pixel.

use pulp::Arch;

use super::CHANNELS;
use super::tiles::{Moved, TILE, Way};
use super::transform::{Change, Kernel, KernelBack, both};
use crate::elementwise::add_rows;
use crate::product::{Left, Store, product};
use crate::scratch::with_scratch;

/// The taps of a kernel.
const TAPS: usize = 9;

/// A convolution of 3 x 3 with stride 1 and padding 1, of an image or of it upsampled by 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiled {
    /// Whether each pixel stands for four.
    pub up: bool,
    /// The height of an image.
    pub height: usize,
    /// The width of an image.
    pub width: usize,
    /// Channels of an image, a multiple of [`CHANNELS`](super::CHANNELS).
    pub in_channels: usize,
    /// Channels of an output image, a multiple of [`CHANNELS`](super::CHANNELS).
    pub out_channels: usize,
}

impl Tiled {
    /// The rows and columns of a tile's window.
    fn window(&self) -> usize {
        if self.up { 3 } else { 4 }
    }

    /// Tiles above and beside each other in an image.
    pub(super) fn tiles(&self) -> [usize; 2] {
        [self.height, self.width].map(|size| if self.up { size } else { size.div_ceil(TILE) })
    }

    pub(super) fn out_size(&self) -> [usize; 2] {
        [self.height, self.width].map(|size| if self.up { TILE * size } else { size })
    }

    fn image(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    fn out_image(&self) -> usize {
        self.out_size().iter().product::<usize>() * self.out_channels
    }

    /// Values of `sums` in `backward`.
    pub fn sums(&self) -> usize {
        self.window().pow(2) * self.in_channels * self.out_channels
    }

    /// Values of the transformed weight.
    pub fn transformed(&self) -> usize {
        2 * self.sums()
    }

    /// What `forward` and `backward` take of a weight `[out, in, 3, 3]`.
    pub fn transform(&self, weight: &[f32], out: &mut [f32]) {
        assert_eq!((weight.len(), out.len()), (self.in_channels * self.out_channels * TAPS, self.transformed()));
        if self.up { self.transform_to::<3>(weight, out) } else { self.transform_to::<4>(weight, out) }
    }

    /// `[place, in, out]` and `[place, out, in]`
    fn transform_to<const N: usize>(&self, weight: &[f32], out: &mut [f32])
    where
        Kernel: Change<3, N>,
    {
        let Self { in_channels, out_channels, .. } = *self;
        let area = in_channels * out_channels;
        let (forward, backward) = out.split_at_mut(self.sums());
        for (index, kernel) in weight.as_chunks::<TAPS>().0.iter().enumerate() {
            let (o, i) = (index / in_channels, index % in_channels);
            let kernel = [
                [kernel[0], kernel[1], kernel[2]],
                [kernel[3], kernel[4], kernel[5]],
                [kernel[6], kernel[7], kernel[8]],
            ];
            let values = both::<_, Kernel, 3, N>(pulp::Scalar, kernel);
            for (place, value) in values.as_flattened().iter().enumerate() {
                forward[place * area + i * out_channels + o] = *value;
                backward[place * area + o * in_channels + i] = *value;
            }
        }
    }

    /// The gradient of a weight `[out, in, 3, 3]` that `sums` stand for.
    pub fn fold(&self, sums: &[f32], dweight: &mut [f32]) {
        assert_eq!((dweight.len(), sums.len()), (self.in_channels * self.out_channels * TAPS, self.sums()));
        if self.up { self.fold_from::<3>(sums, dweight) } else { self.fold_from::<4>(sums, dweight) }
    }

    fn fold_from<const N: usize>(&self, sums: &[f32], dweight: &mut [f32])
    where
        KernelBack: Change<N, 3>,
    {
        let Self { in_channels, out_channels, .. } = *self;
        for (index, kernel) in dweight.as_chunks_mut::<TAPS>().0.iter_mut().enumerate() {
            let mut values = [[0.; N]; N];
            for (place, value) in values.as_flattened_mut().iter_mut().enumerate() {
                *value = sums[(place * in_channels + index % in_channels) * out_channels + index / in_channels];
            }
            kernel.copy_from_slice(both::<_, KernelBack, N, 3>(pulp::Scalar, values).as_flattened());
        }
    }

    /// Checks the lengths; the number of tiles.
    fn check(&self, x: &[f32], transformed: &[f32], out: &[f32]) -> usize {
        let images = x.len() / self.image();
        assert_eq!((self.in_channels % CHANNELS, self.out_channels % CHANNELS), (0, 0), "multiples of {CHANNELS}");
        assert_eq!(transformed.len(), self.transformed(), "a transformed weight");
        let lengths = (images * self.image(), images * self.out_image());
        assert_eq!((x.len(), out.len()), lengths, "[batch, height, width, channels]");
        images * self.tiles().iter().product::<usize>()
    }

    /// `out = x * weight + bias`, with `x` `[batch, height, width, in]`, the `transformed` weight, `bias` `[out]` and `out`
    /// `[batch, out height, out width, out]`.
    pub fn forward(&self, x: &[f32], transformed: &[f32], bias: &[f32], out: &mut [f32]) {
        let (tiles, places) = (self.check(x, transformed, out), self.window().pow(2));
        let Self { in_channels, out_channels, .. } = *self;
        assert_eq!(bias.len(), out_channels, "[out]");
        with_scratch([places * tiles * in_channels, places * tiles * out_channels], |[windows, products]| {
            self.change(Way::Windows, x, windows);
            let weights = transformed.chunks_exact(in_channels * out_channels);
            let factors = windows.chunks_exact(tiles * in_channels).zip(weights);
            for ((x, weight), out) in factors.zip(products.chunks_exact_mut(tiles * out_channels)) {
                product(Left::Rows(x), weight, [tiles, in_channels, out_channels], Store::Set, out);
            }
            self.change(Way::Outputs(bias), products, out);
        });
    }

    /// Adds the gradients of the weight, which `fold` makes of `sums`, and of the bias `[out]`, from that of the output,
    /// and sets `dx`, that of `x`, if it is asked for.
    pub fn backward(
        &self,
        x: &[f32],
        transformed: &[f32],
        grad: &[f32],
        [sums, dbias]: [&mut [f32]; 2],
        dx: Option<&mut [f32]>,
    ) {
        let (tiles, places) = (self.check(x, transformed, grad), self.window().pow(2));
        let Self { in_channels, out_channels, .. } = *self;
        assert_eq!((sums.len(), dbias.len()), (self.sums(), out_channels), "[place, in, out] and [out]");
        add_rows(grad, out_channels, dbias);
        with_scratch([places * tiles * in_channels, places * tiles * out_channels], |[windows, products]| {
            self.change(Way::Windows, x, windows);
            self.change(Way::OutputsBack, grad, products);
            let grads = products.chunks_exact(tiles * out_channels);
            let factors = windows.chunks_exact(tiles * in_channels).zip(grads.clone());
            for ((x, grad), sums) in factors.zip(sums.chunks_exact_mut(in_channels * out_channels)) {
                let left = Left::Columns(x, in_channels);
                product(left, grad, [in_channels, tiles, out_channels], Store::Add, sums);
            }
            let Some(dx) = dx else { return };
            assert_eq!(dx.len(), x.len(), "[batch, height, width, in]");
            let weights = transformed[self.sums()..].chunks_exact(in_channels * out_channels);
            for ((grad, weight), dx) in grads.zip(weights).zip(windows.chunks_exact_mut(tiles * in_channels)) {
                product(Left::Rows(grad), weight, [tiles, out_channels, in_channels], Store::Set, dx);
            }
            self.change(Way::WindowsBack, windows, dx);
        });
    }

    /// Takes images to the values of their tiles, `[place, tile, channel]`, or back.
    fn change(&self, way: Way, from: &[f32], to: &mut [f32]) {
        let channels = match way {
            Way::Windows | Way::WindowsBack => self.in_channels,
            Way::Outputs(_) | Way::OutputsBack => self.out_channels,
        };
        if self.up {
            Arch::new().dispatch(Moved::<3> { conv: self, way, channels, from, to });
        } else {
            Arch::new().dispatch(Moved::<4> { conv: self, way, channels, from, to });
        }
    }
}
