//! Winograd's 3 x 3 convolution: after additions on window, kernel and output, a tile of 2 x 2 output pixels takes one product
//! for each value of its window, where plain sums take one for each tap and pixel.

use super::geometry::{CHANNELS, TAPS, WinogradConv};
use super::tiles::{Direction, TileTransform};
use super::transform::{Kernel, KernelBack, Transform, transform_2d};
use crate::elementwise::add_rows;
use crate::gemm::{Epilogue, Lhs, gemm};
use crate::simd::arch::arch;
use crate::simd::scratch::with_scratch;

impl WinogradConv {
    /// Transforms a weight `[out, in, 3, 3]` to what [`Self::forward`] and [`Self::backward`] take.
    pub fn transform_weight(&self, weight: &[f32], out: &mut [f32]) {
        assert_eq!((weight.len(), out.len()), (self.in_channels * self.out_channels * TAPS, self.transformed_len()));
        if self.upsampled {
            self.transform_weight_to::<3>(weight, out)
        } else {
            self.transform_weight_to::<4>(weight, out)
        }
    }

    /// `[place, in, out]` and `[place, out, in]`
    fn transform_weight_to<const N: usize>(&self, weight: &[f32], out: &mut [f32])
    where
        Kernel: Transform<3, N>,
    {
        let Self { in_channels, out_channels, .. } = *self;
        let area = in_channels * out_channels;
        let (forward, backward) = out.split_at_mut(self.gradient_len());
        for (index, kernel) in weight.as_chunks::<TAPS>().0.iter().enumerate() {
            let (o, i) = (index / in_channels, index % in_channels);
            let kernel = [
                [kernel[0], kernel[1], kernel[2]],
                [kernel[3], kernel[4], kernel[5]],
                [kernel[6], kernel[7], kernel[8]],
            ];
            let values = transform_2d::<_, Kernel, 3, N>(pulp::Scalar, kernel);
            for (place, value) in values.as_flattened().iter().enumerate() {
                forward[place * area + i * out_channels + o] = *value;
                backward[place * area + o * in_channels + i] = *value;
            }
        }
    }

    /// Transforms the gradient that [`Self::backward`] adds up in `sums` back to that of a weight `[out, in, 3, 3]`.
    pub fn fold_gradient(&self, sums: &[f32], dweight: &mut [f32]) {
        assert_eq!((dweight.len(), sums.len()), (self.in_channels * self.out_channels * TAPS, self.gradient_len()));
        if self.upsampled {
            self.fold_gradient_from::<3>(sums, dweight)
        } else {
            self.fold_gradient_from::<4>(sums, dweight)
        }
    }

    fn fold_gradient_from<const N: usize>(&self, sums: &[f32], dweight: &mut [f32])
    where
        KernelBack: Transform<N, 3>,
    {
        let Self { in_channels, out_channels, .. } = *self;
        for (index, kernel) in dweight.as_chunks_mut::<TAPS>().0.iter_mut().enumerate() {
            let mut values = [[0.; N]; N];
            for (place, value) in values.as_flattened_mut().iter_mut().enumerate() {
                *value = sums[(place * in_channels + index % in_channels) * out_channels + index / in_channels];
            }
            kernel.copy_from_slice(transform_2d::<_, KernelBack, N, 3>(pulp::Scalar, values).as_flattened());
        }
    }

    /// Checks the lengths and returns the number of tiles.
    fn check(&self, x: &[f32], transformed: &[f32], out: &[f32]) -> usize {
        let images = x.len() / self.image();
        assert_eq!((self.in_channels % CHANNELS, self.out_channels % CHANNELS), (0, 0), "multiples of {CHANNELS}");
        assert_eq!(transformed.len(), self.transformed_len(), "a transformed weight");
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
            self.transform_tiles(Direction::Windows, x, windows);
            let weights = transformed.chunks_exact(in_channels * out_channels);
            let factors = windows.chunks_exact(tiles * in_channels).zip(weights);
            for ((x, weight), out) in factors.zip(products.chunks_exact_mut(tiles * out_channels)) {
                gemm(Lhs::Rows(x), weight, [tiles, in_channels, out_channels], Epilogue::Set, out);
            }
            self.transform_tiles(Direction::Outputs(bias), products, out);
        });
    }

    /// From the gradient of the output: adds that of the transformed weight to `sums` (see [`Self::fold_gradient`]) and that of
    /// the bias to `dbias` `[out]`, and sets `dx`, that of `x`, where it is asked for.
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
        assert_eq!((sums.len(), dbias.len()), (self.gradient_len(), out_channels), "[place, in, out] and [out]");
        add_rows(grad, out_channels, dbias);
        with_scratch([places * tiles * in_channels, places * tiles * out_channels], |[windows, products]| {
            self.transform_tiles(Direction::Windows, x, windows);
            self.transform_tiles(Direction::OutputGradients, grad, products);
            let grads = products.chunks_exact(tiles * out_channels);
            let factors = windows.chunks_exact(tiles * in_channels).zip(grads.clone());
            for ((x, grad), sums) in factors.zip(sums.chunks_exact_mut(in_channels * out_channels)) {
                let lhs = Lhs::Columns(x, in_channels);
                gemm(lhs, grad, [in_channels, tiles, out_channels], Epilogue::Add, sums);
            }
            let Some(dx) = dx else { return };
            assert_eq!(dx.len(), x.len(), "[batch, height, width, in]");
            let weights = transformed[self.gradient_len()..].chunks_exact(in_channels * out_channels);
            for ((grad, weight), dx) in grads.zip(weights).zip(windows.chunks_exact_mut(tiles * in_channels)) {
                gemm(Lhs::Rows(grad), weight, [tiles, out_channels, in_channels], Epilogue::Set, dx);
            }
            self.transform_tiles(Direction::WindowGradients, windows, dx);
        });
    }

    /// Transforms images to the values of their tiles, `[place, tile, channel]`, or back.
    fn transform_tiles(&self, direction: Direction, from: &[f32], to: &mut [f32]) {
        let channels = match direction {
            Direction::Windows | Direction::WindowGradients => self.in_channels,
            Direction::Outputs(_) | Direction::OutputGradients => self.out_channels,
        };
        if self.upsampled {
            arch().dispatch(TileTransform::<3> { conv: self, direction, channels, from, to });
        } else {
            arch().dispatch(TileTransform::<4> { conv: self, direction, channels, from, to });
        }
    }
}
