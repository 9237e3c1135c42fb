//! `conv1d`: a convolution over the steps of a sequence.

use bundle::Shape;
use candle_core::Tensor;
use candle_nn::Linear;
use serde::Serialize;

use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, product};
use super::shapes::{EnlargeSteps, expect_sequence};
use super::window::Window;
use crate::fused::Chain;
use crate::ops;

/// Convolution over steps: `[batch, steps, n] -> [batch, steps', channels]`, where
/// `steps' = (steps + 2 * padding - kernel) / stride + 1`, rounded down.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conv1dConfig {
    /// Values of a step of the output, 1 to 65536.
    pub channels: usize,
    /// Steps of a window, 1 to 65536. Default 3.
    pub kernel: usize,
    /// Steps between windows, 1 to 65536. Default 1.
    pub stride: usize,
    /// Zeros before the first and behind the last step, 0 to 65536. Default half the kernel, which at stride 1 keeps the number of
    /// steps where the kernel is odd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
}

impl Conv1dConfig {
    /// Windows of three steps that keep the number of steps.
    pub fn new(channels: usize) -> Self {
        Self { channels, kernel: 3, stride: 1, padding: None }
    }

    fn zeros(&self) -> usize {
        self.padding.unwrap_or(self.kernel / 2)
    }

    pub(super) fn mirror<L: From<Self> + EnlargeSteps>(&self, input: Shape, output: Shape) -> Result<Vec<L>, String> {
        let [steps, channels] = expect_sequence(input)?;
        let (kernel, stride) = (self.kernel, self.stride);
        let padding = Window::mirrored_padding([kernel, stride], self.zeros())?;
        let mut layers = if stride == 1 { vec![] } else { L::enlarge_steps(output, stride, steps)? };
        layers.push(Self { channels, kernel, stride: 1, padding }.into());
        Ok(layers)
    }
}

impl Settings for Conv1dConfig {
    type Module = Conv1d;

    const NAMES: &'static [&'static str] = &["conv1d"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        let Window { channels, kernel, stride, padding } = Window::read(entries, [3, 1])?;
        Ok(Self { channels, kernel, stride, padding })
    }

    fn role(&self) -> Role {
        Role::Compute
    }

    fn check(&self) -> Result<(), String> {
        let Self { channels, kernel, stride, .. } = *self;
        Window::check([channels, kernel, stride], self.zeros())
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let [steps, _] = expect_sequence(input)?;
        let room = (steps + 2 * self.zeros()).checked_sub(self.kernel);
        let room = room
            .ok_or_else(|| format!("its window of {} steps is longer than {input}, padding included", self.kernel))?;
        Ok(Shape::Sequence { steps: room / self.stride + 1, features: self.channels })
    }

    fn weight_count(&self, input: Shape) -> u64 {
        let Some((_, features)) = input.as_sequence() else { return 0 };
        product([features, self.channels, self.kernel])
    }

    fn fuses(&self, _input: Shape) -> bool {
        true
    }

    fn summary(&self) -> Option<String> {
        Some(format!("conv{}", self.channels))
    }

    fn input_dims(&self, input: Shape, _dims: &[usize]) -> Vec<usize> {
        input.as_sequence().map_or(input.dims(), |(steps, features)| vec![steps, features])
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Conv1d>> {
        let features = input.as_sequence().map_or(0, |(_, features)| features);
        let weight = parameters("weight", vec![self.channels, features, self.kernel], Init::GlorotUniform)?;
        let bias = parameters("bias", vec![self.channels], Init::Zeros)?;
        let (weight, bias) = (weight.as_tensor().clone(), bias.as_tensor().clone());
        Ok(Some(Conv1d { weight, bias, stride: self.stride, padding: self.zeros() }))
    }
}

/// A convolution over steps with its parameters.
#[derive(Clone, Debug)]
pub struct Conv1d {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
    padding: usize,
}

impl Conv1d {
    /// candle's layer of the same weights, for `[batch, n, steps]`.
    pub fn candle(&self) -> candle_nn::Conv1d {
        let Self { padding, stride, .. } = *self;
        let config = candle_nn::Conv1dConfig { padding, stride, ..Default::default() };
        candle_nn::Conv1d::new(self.weight.clone(), Some(self.bias.clone()), config)
    }

    /// The same with each channel of the output multiplied by `scale` and moved by `shift`, `[channels]` both.
    ///
    /// # Errors
    ///
    /// Those of candle.
    pub fn scaled(&self, scale: &Tensor, shift: &Tensor) -> candle_core::Result<Self> {
        let weight = self.weight.broadcast_mul(&scale.reshape(((), 1, 1))?)?;
        Ok(Self { weight, bias: ((&self.bias * scale)? + shift)?, ..*self })
    }
}

impl LayerModule for Conv1d {
    /// A linear layer on every window, laid out as a row.
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (channels, features, kernel) = self.weight.dims3()?;
        let (batch, steps, _) = x.dims3()?;
        let count = (steps + 2 * self.padding - kernel) / self.stride + 1;
        // As many chunks of `stride` steps as the windows reach over, all of them whole.
        let chunks = kernel.div_ceil(self.stride);
        let whole = (count - 1 + chunks) * self.stride;
        let behind = whole.saturating_sub(self.padding + steps);
        let x = x.pad_with_zeros(1, self.padding, behind)?.narrow(1, 0, whole)?.contiguous()?;
        let x = x.reshape((batch, count - 1 + chunks, self.stride * features))?;
        let shifted = (0..chunks).map(|chunk| x.narrow(1, chunk, count)).collect::<candle_core::Result<Vec<_>>>()?;
        let windows = Tensor::cat(&shifted, 2)?.narrow(2, 0, kernel * features)?.contiguous()?;
        // Within a window, the features of a step lie side by side.
        let weight = self.weight.transpose(1, 2)?.reshape((channels, kernel * features))?.contiguous()?;
        ops::linear(&Linear::new(weight, Some(self.bias.clone())), &windows)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        chain.conv1d([&self.weight, &self.bias], self.stride, self.padding)
    }
}
