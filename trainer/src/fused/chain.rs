//! Layers in a row: a few rows of the batch at a time go through all of them, so that the values between the layers never leave
//! the processor's cache.

use candle_core::Tensor;
use candle_nn::{Conv2d, Conv2dConfig, Linear};
use kernels::{CHANNELS, Conv, FromSingleChannel, UpsampledConv, UpsampledToSingleChannel, WinogradConv};

use super::layer::{Kind, Layer};
use super::storage::is_f32_cpu;

/// Rows that go through the layers together.
const ROWS: usize = 64;
/// Images that go through the layers together: at most this many and, with channels last, at least.
const MAX_IMAGES: usize = 16;
const MIN_IMAGES: usize = 4;
/// Values between two layers that fit the processor's own cache: 512 KiB.
const CACHED: usize = 1 << 17;
/// The most shards of a batch. Gradients of convolutions and of small linear layers are added up within each shard and then
/// over the shards, in order, so they do not depend on the number of threads.
const MAX_SHARDS: usize = 16;
/// From this number of channels on, the convolution of an upsampled image is faster on the small image.
const MIN_UPSAMPLED_CHANNELS: usize = 4;

/// A linear layer `[.., width] -> [.., units]`, and whether a ReLU follows.
#[derive(Clone, Copy)]
pub(super) struct Dense {
    pub(super) width: usize,
    pub(super) units: usize,
    pub(super) relu: bool,
}

/// Layers in a row.
#[derive(Clone)]
pub(crate) struct Chain {
    /// The shape of a row of the input.
    input_dims: Vec<usize>,
    /// The shape of a row of the output.
    pub(super) dims: Vec<usize>,
    /// Whether the image of the output lies with its channels last in memory; `dims` has them first.
    pub(super) channels_last: bool,
    pub(super) layers: Vec<Layer>,
    /// Weights and biases in turn.
    pub(super) parameters: Vec<Tensor>,
}

impl Chain {
    /// An empty chain for rows of shape `dims`.
    pub(crate) fn new(dims: &[usize]) -> Self {
        Self {
            input_dims: dims.to_vec(),
            dims: dims.to_vec(),
            channels_last: false,
            layers: vec![],
            parameters: vec![],
        }
    }

    /// An empty chain for images whose channels lie last where `channels_last`; `dims` have them first.
    pub(crate) fn behind(dims: &[usize], channels_last: bool) -> Self {
        Self { channels_last, ..Self::new(dims) }
    }

    /// An empty chain for `x` `[batch, ..]`; `None` where the kernels cannot compute on it.
    pub(crate) fn of(x: &Tensor) -> Option<Self> {
        (is_f32_cpu(x) && x.elem_count() > 0 && x.rank() > 1).then(|| Self::new(&x.dims()[1..]))
    }

    /// Values of a row of the input.
    pub(crate) fn input(&self) -> usize {
        self.input_dims.iter().product()
    }

    /// Values of a row of the output.
    pub(crate) fn output(&self) -> usize {
        self.dims.iter().product()
    }

    /// The shape of a row of the output.
    pub(crate) fn output_dims(&self) -> &[usize] {
        &self.dims
    }

    /// The most values of a row before, between or after the layers.
    pub(super) fn widest(&self) -> usize {
        self.layers.iter().map(|layer| layer.output).fold(self.input(), usize::max)
    }

    /// Values of all parameters.
    pub(crate) fn parameter_values(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Values of the gradients that each shard adds up.
    pub(crate) fn shard_gradient_len(&self) -> usize {
        self.layers.iter().map(Layer::shard_gradient_len).sum()
    }

    /// Weights and biases in turn.
    pub(crate) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Its layers, if all of them are linear and there are any.
    pub(super) fn dense(&self) -> Option<Vec<Dense>> {
        let dense = |layer: &Layer| match layer.kind {
            Kind::Linear => Some(Dense { width: layer.input, units: layer.output, relu: layer.relu }),
            _ => None,
        };
        self.layers.iter().map(dense).collect::<Option<Vec<_>>>().filter(|layers| !layers.is_empty())
    }

    /// Rows that go through the layers together.
    pub(crate) fn block(&self) -> usize {
        match &self.layers {
            layers if layers.iter().all(|layer| matches!(layer.kind, Kind::Linear)) => ROWS,
            layers if layers.iter().any(|layer| matches!(layer.kind, Kind::Winograd(_))) => {
                let images = (CACHED / self.widest()).clamp(MIN_IMAGES, MAX_IMAGES);
                // A power of two, because shards are multiples of it.
                1 << images.ilog2()
            }
            _ => MAX_IMAGES,
        }
    }

    /// Rows of a shard of a batch of `rows` rows.
    pub(crate) fn shard_rows(&self, rows: usize) -> usize {
        let shards = if self.shard_gradient_len() == 0 { rows } else { MAX_SHARDS };
        rows.div_ceil(shards).next_multiple_of(self.block())
    }

    pub(super) fn push(&mut self, kind: Kind, dims: &[usize], [weight, bias]: [usize; 2]) -> bool {
        let input = self.output();
        self.dims = dims.to_vec();
        self.layers.push(Layer { kind, relu: false, input, output: self.output(), weight, bias });
        true
    }

    /// The channels, height and width of the output, if it is an image.
    pub(super) fn image(&self) -> Option<[usize; 3]> {
        self.dims.as_slice().try_into().ok()
    }

    /// Appends a linear layer on rows.
    pub(crate) fn linear(&mut self, layer: &Linear) -> bool {
        let (&[units, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else { return false };
        if self.dims != [width] || units == 0 || ![layer.weight(), bias].into_iter().all(is_f32_cpu) {
            return false;
        }
        self.parameters.extend([layer.weight().clone(), bias.clone()]);
        self.push(Kind::Linear, &[units], [units * width, units])
    }

    /// Appends a convolution, if there is a kernel for it.
    pub(crate) fn conv(&mut self, layer: &Conv2d) -> bool {
        if layer.config().stride != 1 {
            return self.conv_with_steps(layer);
        }
        let Conv2dConfig { padding, stride: 1, dilation: 1, groups: 1, .. } = *layer.config() else { return false };
        let (&[channels, in_channels, kernel, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else {
            return false;
        };
        let Some([given, rows, columns]) = self.image() else { return false };
        let around = 2 * padding;
        let fits = kernel == width && kernel % 2 == 1 && padding < kernel && rows.min(columns) + around >= kernel;
        if !fits || given != in_channels || ![layer.weight(), bias].into_iter().all(is_f32_cpu) {
            return false;
        }
        self.parameters.extend([layer.weight().clone(), bias.clone()]);
        let dims = [channels, rows + around + 1 - kernel, columns + around + 1 - kernel];
        let same = kernel == 3 && padding == 1;
        let own = if same { self.conv_channels_last(channels) } else { None };
        let kind = own.unwrap_or_else(|| {
            self.channels_first();
            match self.upsampled() {
                Some([_, height, width]) if same && in_channels >= MIN_UPSAMPLED_CHANNELS => {
                    self.take_upsampling();
                    Kind::UpsampledConv(UpsampledConv { batch: 1, in_channels, height, width, out_channels: channels })
                }
                _ => Kind::Conv(Conv {
                    batch: 1,
                    in_channels,
                    height: rows,
                    width: columns,
                    out_channels: channels,
                    kernel,
                    padding,
                }),
            }
        });
        // A single channel is both first and last.
        self.channels_last &= channels > 1;
        self.push(kind, &dims, [layer.weight().elem_count(), channels])
    }

    /// A convolution with stride 1 and padding 1 on an image with channels last, if the numbers of channels suit it.
    fn conv_channels_last(&mut self, out_channels: usize) -> Option<Kind> {
        let many = |channels: usize| channels.is_multiple_of(CHANNELS);
        let up = self.upsampled();
        let [in_channels, height, width] = up.or_else(|| self.image())?;
        let kind = match (in_channels, out_channels) {
            // With a single vector of channels, channels first are faster.
            (1, to) if to.is_multiple_of(2 * CHANNELS) && up.is_none() => {
                Kind::FromSingleChannel(FromSingleChannel { height, width, out_channels })
            }
            (from, 1) if many(from) && up.is_some() && self.channels_last => {
                Kind::UpsampledToSingleChannel(UpsampledToSingleChannel { height, width, in_channels })
            }
            (from, to) if many(from) && many(to) => {
                Kind::Winograd(WinogradConv { upsampled: up.is_some(), height, width, in_channels, out_channels })
            }
            _ => return None,
        };
        self.take_upsampling();
        self.settle_upsampling();
        self.set_channels_last(true);
        Some(kind)
    }

    /// Appends max pooling of 2 x 2 pixels.
    pub(crate) fn max_pool2(&mut self) -> bool {
        self.settle_upsampling();
        let Some(from @ [channels, height, width]) = self.image() else { return false };
        // A ReLU after the maximum gives the same values and gradients, for a quarter of the work.
        let relu = self.layers.last_mut().is_some_and(|layer| std::mem::take(&mut layer.relu));
        let kind =
            if self.channels_last { Kind::MaxPoolChannelsLast([height, width, channels]) } else { Kind::MaxPool(from) };
        self.push(kind, &[channels, height.div_ceil(2), width.div_ceil(2)], [0; 2]);
        !relu || self.relu()
    }

    /// Appends upsampling by 2: every pixel four times.
    pub(crate) fn upsample2(&mut self) -> bool {
        self.settle_upsampling();
        let Some(from @ [channels, height, width]) = self.image() else { return false };
        self.push(Kind::Upsample(from), &[channels, 2 * height, 2 * width], [0; 2])
    }

    /// Appends a crop to the top left part.
    pub(crate) fn crop(&mut self, to @ [height, width]: [usize; 2]) -> bool {
        self.channels_first();
        let Some(from @ [channels, rows, columns]) = self.image() else { return false };
        height <= rows && width <= columns && self.push(Kind::Crop { from, to }, &[channels, height, width], [0; 2])
    }

    /// Gives the rows another shape of the same length.
    pub(crate) fn reshape(&mut self, dims: &[usize]) -> bool {
        let fits = dims.iter().product::<usize>() == self.output();
        if fits {
            self.channels_first();
            self.dims = dims.to_vec();
        }
        fits
    }

    /// Appends max(x, 0); not as the first layer.
    pub(crate) fn relu(&mut self) -> bool {
        self.layers.last_mut().map(|layer| layer.relu = true).is_some()
    }

    /// Whether it has no layers.
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}
