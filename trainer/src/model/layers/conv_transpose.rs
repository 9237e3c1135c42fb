//! `conv_transpose`: a two-dimensional transposed convolution.

use bundle::Shape;
use candle_core::Tensor;
use candle_nn::{ConvTranspose2d, ConvTranspose2dConfig, Module};
use serde::Serialize;

use super::conv::ConvConfig;
use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, product};
use super::shapes::expect_image;
use super::window::Window;
use crate::fused::Chain;

/// Transposed convolution, which enlarges an image by windows that overlap: `[batch, c, h, w] -> [batch, channels, h', w']`, where
/// `h' = (h - 1) * stride + kernel - 2 * padding`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConvTransposeConfig {
    /// Channels of the output, 1 to 65536.
    pub channels: usize,
    /// Side of the window, 1 to 65536. Default 4.
    pub kernel: usize,
    /// Pixels between windows in the output, 1 to 65536. Default 2.
    pub stride: usize,
    /// Pixels to cut off around the output, 0 to 65536. Default half of what the kernel exceeds the stride by, which multiplies the
    /// sides by `stride`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
}

impl ConvTransposeConfig {
    /// Windows of 4 x 4 that double the image's sides.
    pub fn new(channels: usize) -> Self {
        Self { channels, kernel: 4, stride: 2, padding: None }
    }

    fn cut(&self) -> usize {
        self.padding.unwrap_or(self.kernel.saturating_sub(self.stride) / 2)
    }

    pub(super) fn mirror<L: From<ConvConfig>>(&self, input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        let [channels, ..] = expect_image(input)?;
        let padding = Some(self.cut());
        Ok(vec![ConvConfig { channels, kernel: self.kernel, stride: self.stride, padding }.into()])
    }
}

impl Settings for ConvTransposeConfig {
    type Module = ConvTranspose2d;

    const NAMES: &'static [&'static str] = &["conv_transpose"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        let Window { channels, kernel, stride, padding } = Window::read(entries, [4, 2])?;
        Ok(Self { channels, kernel, stride, padding })
    }

    fn role(&self) -> Role {
        Role::Compute
    }

    fn check(&self) -> Result<(), String> {
        let Self { channels, kernel, stride, .. } = *self;
        Window::check([channels, kernel, stride], self.cut())
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let [_, height, width] = expect_image(input)?;
        let side = |side: usize| {
            let whole = (side - 1).checked_mul(self.stride).and_then(|steps| steps.checked_add(self.kernel));
            let whole = whole.ok_or("the image would be too large")?;
            let rest = whole.checked_sub(2 * self.cut()).filter(|rest| *rest > 0);
            rest.ok_or_else(|| format!("nothing is left of {input} behind a `padding` of {}", self.cut()))
        };
        Ok(Shape::Image { channels: self.channels, height: side(height)?, width: side(width)? })
    }

    fn weight_count(&self, input: Shape) -> u64 {
        let Shape::Image { channels, .. } = input else { return 0 };
        product([channels, self.channels, self.kernel, self.kernel])
    }

    fn fuses(&self, _input: Shape) -> bool {
        true
    }

    fn summary(&self) -> Option<String> {
        Some(format!("convt{}", self.channels))
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<ConvTranspose2d>> {
        let dims = vec![input.dims()[0], self.channels, self.kernel, self.kernel];
        let weight = parameters("weight", dims, Init::GlorotUniform)?;
        let bias = parameters("bias", vec![self.channels], Init::Zeros)?;
        let config = ConvTranspose2dConfig { padding: self.cut(), stride: self.stride, ..Default::default() };
        Ok(Some(ConvTranspose2d::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()), config)))
    }
}

impl LayerModule for ConvTranspose2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Module::forward(self, &x.contiguous()?)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        chain.conv_transpose(self)
    }
}
