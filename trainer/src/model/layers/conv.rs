//! `conv`: a two-dimensional convolution.

use bundle::Shape;
use candle_core::Tensor;
use candle_nn::{Conv2d, Conv2dConfig};
use serde::Serialize;

use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, product, values};
use super::shapes::{Enlarge, expect_image};
use super::window::Window;
use crate::fused::Chain;
use crate::ops;

/// Two-dimensional convolution: `[batch, c, h, w] -> [batch, channels, h', w']`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConvConfig {
    /// Channels of the output, 1 to 65536.
    pub channels: usize,
    /// Side of the window, 1 to 65536. Default 3.
    pub kernel: usize,
    /// Steps between windows, 1 to 65536. Default 1.
    pub stride: usize,
    /// Zeros around the image, 0 to 65536. Default half the kernel, which at stride 1 keeps the size; 0 shrinks it by
    /// `kernel - 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
}

impl ConvConfig {
    /// Windows of 3 x 3 that keep the image's size.
    pub fn new(channels: usize) -> Self {
        Self { channels, kernel: 3, stride: 1, padding: None }
    }

    /// The zeros around the image.
    fn zeros(&self) -> usize {
        self.padding.unwrap_or(self.kernel / 2)
    }

    pub(super) fn mirror<L>(&self, input: Shape, output: Shape) -> Result<Vec<L>, String>
    where
        L: From<ConvConfig> + Enlarge,
    {
        let [channels, height, width] = expect_image(input)?;
        let (kernel, stride) = (self.kernel, self.stride);
        let padding = Window::mirrored_padding([kernel, stride], self.zeros())?;
        let mut layers = if stride == 1 { vec![] } else { L::enlarge(output, stride, [height, width])? };
        layers.push(Self { channels, kernel, stride: 1, padding }.into());
        Ok(layers)
    }
}

impl Settings for ConvConfig {
    type Module = Conv2d;

    const NAMES: &'static [&'static str] = &["conv"];

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
        let [_, height, width] = expect_image(input)?;
        let kernel = self.kernel;
        let windows = |side: usize| {
            let room = (side + 2 * self.zeros()).checked_sub(kernel);
            room.map(|room| room / self.stride + 1)
                .ok_or_else(|| format!("its window of {kernel} x {kernel} is larger than {input}, padding included"))
        };
        Ok(Shape::Image { channels: self.channels, height: windows(height)?, width: windows(width)? })
    }

    fn weight_count(&self, input: Shape) -> u64 {
        let Shape::Image { channels, .. } = input else { return 0 };
        product([channels, self.channels, self.kernel, self.kernel])
    }

    fn fuses(&self, _input: Shape) -> bool {
        self.stride > 1 || (self.kernel % 2 == 1 && self.zeros() < self.kernel)
    }

    fn graph_values(&self, input: Shape, output: Shape) -> u64 {
        if self.fuses(input) {
            return 2 * values(output);
        }
        // candle lays out every window before it multiplies.
        let Shape::Image { channels, .. } = input else { return 0 };
        let window = product([channels, self.kernel, self.kernel]);
        2 * values(output) + window.saturating_mul(values(output) / self.channels as u64) + 4 * values(input)
    }

    fn summary(&self) -> Option<String> {
        Some(format!("conv{}", self.channels))
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Conv2d>> {
        let dims = vec![self.channels, input.dims()[0], self.kernel, self.kernel];
        let weight = parameters("weight", dims, Init::GlorotUniform)?;
        let bias = parameters("bias", vec![self.channels], Init::Zeros)?;
        let config = Conv2dConfig { padding: self.zeros(), stride: self.stride, ..Conv2dConfig::default() };
        Ok(Some(Conv2d::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()), config)))
    }
}

impl LayerModule for Conv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        ops::conv2d(self, x)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        chain.conv(self)
    }
}
