//! `crop`: the top left part of an image, or the first steps of a sequence.

use bundle::Shape;
use candle_core::Tensor;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, check_count};
use super::shapes::expect_image;
use crate::fused::Chain;

/// The top left part of an image, `[batch, c, h, w] -> [batch, c, height, width]`, or of a sequence, whose steps are rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crop {
    /// Rows to keep, 1 to 65536.
    pub height: usize,
    /// Columns to keep, 1 to 65536.
    pub width: usize,
}

impl Crop {
    pub(super) fn mirror<L>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Err("it has no mirror image".into())
    }
}

impl Settings for Crop {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["crop"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { height: entries.count("height")?, width: entries.count("width")? })
    }

    fn role(&self) -> Role {
        Role::Enlarge
    }

    fn check(&self) -> Result<(), String> {
        check_count("height", self.height)?;
        check_count("width", self.width)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let Self { height, width } = *self;
        let (cut, rows, columns) = match input {
            Shape::Sequence { steps, features } => {
                (Shape::Sequence { steps: height, features: width }, steps, features)
            }
            _ => {
                let [channels, rows, columns] = expect_image(input)?;
                (Shape::Image { channels, height, width }, rows, columns)
            }
        };
        if height > rows || width > columns {
            return Err(format!("expected an image of at least {height} x {width}, found {input}"));
        }
        Ok(cut)
    }

    fn fuses(&self, input: Shape) -> bool {
        !matches!(input, Shape::Sequence { features, .. } if features != self.width)
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl LayerModule for Crop {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let rows = x.rank() - 2;
        x.narrow(rows, 0, self.height)?.narrow(rows + 1, 0, self.width)?.contiguous()
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        let to = [self.height, self.width];
        chain.first_steps(to) || chain.crop(to)
    }
}
