//! Layers in a row as one operator: a few rows at a time go through all of them, so that what lies between the layers never
//! leaves the processor's cache.

mod op;
mod run;
mod stage;

use candle_core::Tensor;
use candle_nn::{Conv2d, Conv2dConfig, Linear};
use kernels::{CHANNELS, Conv, FromSingleChannel, UpsampledConv, UpsampledToSingleChannel, WinogradConv};

use super::storage::takes;
pub(super) use run::{Kept, Lane, Prepared, prepare, weight_gradients};
use stage::{Kind, Stage};

/// Images that go through the layers together, as few where that keeps those with channels last in the processor's own cache, and
/// rows of other kinds.
const IMAGES: usize = 16;
const FEW_IMAGES: usize = 4;
/// Values between two layers that do, 512 KiB.
const CACHED: usize = 1 << 17;
const ROWS: usize = 64;
/// The most lanes. Gradients of convolutions and of small linear layers are added up along each lane of rows and then
/// over lanes, in order, so they do not depend on the number of threads.
const LANES: usize = 16;
/// Channels from which on a convolution of an upsampled image is faster on the small one.
const FEWEST_CHANNELS: usize = 4;

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
    /// The shape of a row that comes in, and of one that goes out.
    start: Vec<usize>,
    dims: Vec<usize>,
    /// Whether the image that goes out has its channels last; `dims` has them first.
    channels_last: bool,
    stages: Vec<Stage>,
    /// Weights and biases in turn.
    parameters: Vec<Tensor>,
}

impl Chain {
    /// An empty chain for rows of shape `dims`.
    pub(crate) fn new(dims: &[usize]) -> Self {
        Self { start: dims.to_vec(), dims: dims.to_vec(), channels_last: false, stages: vec![], parameters: vec![] }
    }

    /// An empty chain for `x` `[batch, ..]`; nothing where there are no kernels for it.
    pub(crate) fn of(x: &Tensor) -> Option<Self> {
        (takes(x) && x.elem_count() > 0 && x.rank() > 1).then(|| Self::new(&x.dims()[1..]))
    }

    /// Values of a row that comes in.
    pub(super) fn input(&self) -> usize {
        self.start.iter().product()
    }

    /// Values of a row that goes out.
    pub(super) fn output(&self) -> usize {
        self.dims.iter().product()
    }

    /// The most values of a row before, between and behind the layers.
    fn widest(&self) -> usize {
        self.stages.iter().map(|stage| stage.output).fold(self.input(), usize::max)
    }

    /// Values of all parameters.
    pub(super) fn parameter_values(&self) -> usize {
        self.stages.iter().map(Stage::parameters).sum()
    }

    /// Values of the gradients that lanes add up.
    pub(super) fn lane_values(&self) -> usize {
        self.stages.iter().map(Stage::in_lanes).sum()
    }

    /// Weights and biases in turn.
    pub(super) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Its layers, if all of them are linear and there are any.
    pub(super) fn dense(&self) -> Option<Vec<Dense>> {
        let dense = |stage: &Stage| match stage.kind {
            Kind::Linear => Some(Dense { width: stage.input, units: stage.output, relu: stage.relu }),
            _ => None,
        };
        self.stages.iter().map(dense).collect::<Option<Vec<_>>>().filter(|layers| !layers.is_empty())
    }

    /// Rows that go through the layers together.
    pub(super) fn block(&self) -> usize {
        match &self.stages {
            stages if stages.iter().all(|stage| matches!(stage.kind, Kind::Linear)) => ROWS,
            stages if stages.iter().any(|stage| matches!(stage.kind, Kind::Winograd(_))) => {
                let images = (CACHED / self.widest()).clamp(FEW_IMAGES, IMAGES);
                // A power of two, as lanes are multiples of it.
                1 << images.ilog2()
            }
            _ => IMAGES,
        }
    }

    /// Rows of a lane, of `rows` in all.
    pub(super) fn lane(&self, rows: usize) -> usize {
        let lanes = if self.lane_values() == 0 { rows } else { LANES };
        rows.div_ceil(lanes).next_multiple_of(self.block())
    }

    fn push(&mut self, kind: Kind, dims: &[usize], [weight, bias]: [usize; 2]) -> bool {
        let input = self.output();
        self.dims = dims.to_vec();
        self.stages.push(Stage { kind, relu: false, input, output: self.output(), weight, bias });
        true
    }

    fn image(&self) -> Option<[usize; 3]> {
        self.dims.as_slice().try_into().ok()
    }

    /// Appends a linear layer on rows.
    pub(crate) fn linear(&mut self, layer: &Linear) -> bool {
        let (&[units, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else { return false };
        if self.dims != [width] || units == 0 || ![layer.weight(), bias].into_iter().all(takes) {
            return false;
        }
        self.parameters.extend([layer.weight().clone(), bias.clone()]);
        self.push(Kind::Linear, &[units], [units * width, units])
    }

    /// Appends a convolution, if there is a kernel for it.
    pub(crate) fn conv(&mut self, layer: &Conv2d) -> bool {
        let Conv2dConfig { padding, stride: 1, dilation: 1, groups: 1, .. } = *layer.config() else { return false };
        let (&[channels, in_channels, kernel, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else {
            return false;
        };
        let Some([given, rows, columns]) = self.image() else { return false };
        let around = 2 * padding;
        let fits = kernel == width && kernel % 2 == 1 && padding < kernel && rows.min(columns) + around >= kernel;
        if !fits || given != in_channels || ![layer.weight(), bias].into_iter().all(takes) {
            return false;
        }
        self.parameters.extend([layer.weight().clone(), bias.clone()]);
        let dims = [channels, rows + around + 1 - kernel, columns + around + 1 - kernel];
        let same = kernel == 3 && padding == 1;
        let own = if same { self.conv_channels_last(channels) } else { None };
        let kind = own.unwrap_or_else(|| {
            self.channels_first();
            match self.upsampled() {
                Some([_, height, width]) if same && in_channels >= FEWEST_CHANNELS => {
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
        // One channel lies the same way first and last.
        self.channels_last &= channels > 1;
        self.push(kind, &dims, [layer.weight().elem_count(), channels])
    }

    /// A convolution with stride 1 and padding 1 on channels that lie last, if they are as many as that takes.
    fn conv_channels_last(&mut self, out_channels: usize) -> Option<Kind> {
        let many = |channels: usize| channels.is_multiple_of(CHANNELS);
        let up = self.upsampled();
        let [in_channels, height, width] = up.or_else(|| self.image())?;
        let kind = match (in_channels, out_channels) {
            // Of a single vector of channels, planes are convolved faster.
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
        self.settle();
        self.turn(true);
        Some(kind)
    }

    /// The shape of the image that was upsampled just before.
    fn upsampled(&self) -> Option<[usize; 3]> {
        match self.stages.last()? {
            Stage { kind: Kind::Upsample(from @ [channels, height, width]), relu: false, .. } => {
                (self.dims == [*channels, 2 * height, 2 * width]).then_some(*from)
            }
            _ => None,
        }
    }

    /// Takes an upsampling back that was just before.
    fn take_upsampling(&mut self) {
        if let Some(small) = self.upsampled() {
            self.stages.pop();
            self.dims = small.to_vec();
        }
    }

    /// Lays the image out with its channels last, or first.
    fn turn(&mut self, channels_last: bool) {
        if let Some([channels, height, width]) = self.image()
            && channels > 1
            && channels_last != self.channels_last
        {
            let sizes = [channels, height * width];
            let dims = self.dims.clone();
            self.push(Kind::Turn(if channels_last { sizes } else { [sizes[1], sizes[0]] }), &dims, [0; 2]);
        }
        self.channels_last = channels_last;
    }

    /// Lays the image out with its channels first, for layers that have no kernel for any other way.
    pub(crate) fn channels_first(&mut self) {
        self.settle();
        self.turn(false);
    }

    /// Lays an image out with its channels first where it is upsampled: there is no kernel for any other way, apart from that of
    /// a convolution right behind.
    fn settle(&mut self) {
        let upsampled = |stage: &mut Stage| matches!(stage.kind, Kind::Upsample(_));
        if self.channels_last
            && let Some(stage) = self.stages.pop_if(upsampled)
        {
            let Kind::Upsample(small) = stage.kind else { return };
            let large = std::mem::replace(&mut self.dims, small.to_vec());
            self.turn(false);
            self.dims = large;
            self.stages.push(stage);
        }
    }

    /// Appends the largest value of each 2 x 2 pixels.
    pub(crate) fn max_pool2(&mut self) -> bool {
        self.settle();
        let Some(from @ [channels, height, width]) = self.image() else { return false };
        // A ReLU gives the same behind the maximum, and its gradient too, for a quarter of the values.
        let relu = self.stages.last_mut().is_some_and(|stage| std::mem::take(&mut stage.relu));
        let kind = if self.channels_last { Kind::MaxPoolLast([height, width, channels]) } else { Kind::MaxPool(from) };
        self.push(kind, &[channels, height.div_ceil(2), width.div_ceil(2)], [0; 2]);
        !relu || self.relu()
    }

    /// Appends every pixel four times.
    pub(crate) fn upsample2(&mut self) -> bool {
        self.settle();
        let Some(from @ [channels, height, width]) = self.image() else { return false };
        self.push(Kind::Upsample(from), &[channels, 2 * height, 2 * width], [0; 2])
    }

    /// Appends the top left part.
    pub(crate) fn crop(&mut self, to @ [height, width]: [usize; 2]) -> bool {
        self.channels_first();
        let Some(from @ [channels, rows, columns]) = self.image() else { return false };
        height <= rows && width <= columns && self.push(Kind::Crop { from, to }, &[channels, height, width], [0; 2])
    }

    /// Gives rows another shape.
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
        self.stages.last_mut().map(|stage| stage.relu = true).is_some()
    }

    /// Whether it computes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}
