//! `batch_norm`: each channel brought to mean 0 and variance 1, by the batch in training and by a running mean in use.

use bundle::Shape;
use candle_core::Tensor;
use kernels::Channels;
use serde::Serialize;

use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, values};
pub use crate::fused::BatchNorm;
use crate::fused::{SegmentKind, is_f32_cpu};
use crate::ops;

/// `(x - mean) / sqrt(variance + 1e-5) * weight + bias` for each channel of an image, feature of a sequence or value of a row
/// (Ioffe and Szegedy 2015). In training, mean and variance are those of the batch; in use, their exponential averages, of which each batch
/// is a tenth. The shape stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchNormConfig {}

impl BatchNormConfig {
    pub(super) fn mirror<L: From<Self>>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Ok(vec![Self {}.into()])
    }
}

impl Settings for BatchNormConfig {
    type Module = BatchNorm;

    const NAMES: &'static [&'static str] = &["batch_norm"];

    fn read(_name: &str, _entries: &mut Entries) -> Result<Self, String> {
        Ok(Self {})
    }

    fn role(&self) -> Role {
        Role::Normalise
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn graph_values(&self, _input: Shape, output: Shape) -> u64 {
        3 * values(output)
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<BatchNorm>> {
        let channels = match input {
            Shape::Image { channels, .. } => channels,
            Shape::Sequence { features, .. } => features,
            Shape::Row(width) => width,
        };
        let mut values = |name: &str, init| parameters(name, vec![channels], init);
        Ok(Some(BatchNorm {
            weight: values("weight", Init::Values(vec![1.; channels]))?.as_tensor().clone(),
            bias: values("bias", Init::Zeros)?.as_tensor().clone(),
            mean: values("running_mean", Init::State(0.))?,
            variance: values("running_variance", Init::State(1.))?,
        }))
    }
}

impl LayerModule for BatchNorm {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let [scale, shift] = self.scale_and_shift()?;
        ops::scale_channels(x, &scale, &shift)
    }

    fn forward_training(&self, x: &Tensor, _rng: &mut rand_chacha::ChaCha8Rng) -> candle_core::Result<Tensor> {
        let x = x.contiguous()?;
        let ops::Normalised { values, mean, variance } = ops::batch_norm(&x, &self.weight, &self.bias, Self::EPSILON)?;
        self.average([&mean, &variance], x.elem_count() / mean.elem_count())?;
        Ok(values)
    }

    fn segment(&self, dims: &[usize], channels_last: bool) -> Option<SegmentKind> {
        let channels = match *dims {
            [channels, height, width] if channels_last => Channels { outer: height * width, channels, inner: 1 },
            _ => ops::channels(dims),
        };
        is_f32_cpu(&self.weight).then(|| SegmentKind::BatchNorm(channels, self.clone()))
    }
}
