//! `upsample`: an image made larger by repeating its pixels, or a sequence made longer by repeating its steps.

use bundle::Shape;
use candle_core::Tensor;
use serde::Serialize;

use super::crop::Crop;
use super::entries::Entries;
use super::module::LayerModule;
use super::pool::AvgPool;
use super::settings::{Parameters, Role, Settings, check_count};
use super::shapes::{Enlarge, EnlargeSteps, expect_image};
use crate::fused::Chain;
use crate::ops;

/// Every pixel repeated `size` times downwards and to the right: `[batch, c, h, w] -> [batch, c, h * size, w * size]`; of a sequence,
/// every step, `[batch, steps, n] -> [batch, steps * size, n]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Upsample {
    /// How many times, 1 to 65536. Default 2.
    pub size: usize,
}

impl Default for Upsample {
    fn default() -> Self {
        Self { size: 2 }
    }
}

impl Upsample {
    pub(super) fn mirror<L: From<AvgPool>>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Ok(vec![AvgPool { size: self.size }.into()])
    }
}

impl<L: From<Upsample> + From<Crop>> Enlarge for L {
    fn enlarge(small: Shape, factor: usize, [height, width]: [usize; 2]) -> Result<Vec<Self>, String> {
        let [_, rows, columns] = expect_image(small)?;
        let reached = [rows * factor, columns * factor];
        if reached[0] < height || reached[1] < width {
            return Err(format!("{factor} times {rows} x {columns} pixels do not fill {height} x {width}"));
        }
        let crop = (reached != [height, width]).then_some(Crop { height, width });
        Ok([Upsample { size: factor }.into()].into_iter().chain(crop.map(Self::from)).collect())
    }
}

impl<L: From<Upsample> + From<Crop>> EnlargeSteps for L {
    fn enlarge_steps(small: Shape, factor: usize, to: usize) -> Result<Vec<Self>, String> {
        let Some((steps, features)) = small.as_sequence() else { return Err(format!("{small} is no sequence")) };
        let reached = steps * factor;
        if reached < to {
            return Err(format!("{factor} times {steps} steps do not fill {to}"));
        }
        let crop = (reached != to).then_some(Crop { height: to, width: features });
        Ok([Upsample { size: factor }.into()].into_iter().chain(crop.map(Self::from)).collect())
    }
}

impl Settings for Upsample {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["upsample"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { size: entries.count_or("size", Self::default().size)? })
    }

    fn role(&self) -> Role {
        Role::Enlarge
    }

    fn check(&self) -> Result<(), String> {
        check_count("size", self.size)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        if let Shape::Sequence { steps, features } = input {
            let steps = steps.checked_mul(self.size).ok_or("the sequence would be too long")?;
            return Ok(Shape::Sequence { steps, features });
        }
        let [channels, height, width] = expect_image(input)?;
        let scaled = |side: usize| side.checked_mul(self.size).ok_or("the image would be too large");
        Ok(Shape::Image { channels, height: scaled(height)?, width: scaled(width)? })
    }

    fn fuses(&self, input: Shape) -> bool {
        self.size == 2 || matches!(input, Shape::Sequence { .. })
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl LayerModule for Upsample {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        if let [batch, steps, features] = *x.dims() {
            let repeated = x.unsqueeze(2)?.broadcast_as((batch, steps, self.size, features))?;
            return repeated.contiguous()?.reshape((batch, steps * self.size, features));
        }
        ops::upsample2d(x, self.size)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        chain.repeat_steps(self.size) || (self.size == 2 && chain.upsample2())
    }
}
