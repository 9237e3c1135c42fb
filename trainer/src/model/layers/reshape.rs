//! `reshape` and `flatten`: the same values in another shape.

use bundle::Shape;
use candle_core::Tensor;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, check_count};
use super::shapes::checked_len;
use crate::fused::Chain;

/// A row as an image: `[batch, channels * height * width] -> [batch, channels, height, width]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReshapeConfig {
    /// Channels, 1 to 65536.
    pub channels: usize,
    /// Rows, 1 to 65536.
    pub height: usize,
    /// Columns, 1 to 65536.
    pub width: usize,
}

/// An image or a sequence as one row: `[batch, c, h, w] -> [batch, c * h * w]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flatten;

/// Other dimensions after the batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Reshape {
    /// The dimensions, without the batch.
    pub dims: Vec<usize>,
}

impl ReshapeConfig {
    /// From a row to an image of this shape; nothing for other shapes.
    pub(in crate::model) fn image(shape: Shape) -> Option<Self> {
        let Shape::Image { channels, height, width } = shape else { return None };
        Some(Self { channels, height, width })
    }

    pub(super) fn mirror<L: From<ReshapeConfig> + From<Flatten>>(
        &self,
        input: Shape,
        _output: Shape,
    ) -> Result<Vec<L>, String> {
        back(input)
    }
}

impl Flatten {
    pub(super) fn mirror<L: From<ReshapeConfig> + From<Flatten>>(
        &self,
        input: Shape,
        _output: Shape,
    ) -> Result<Vec<L>, String> {
        back(input)
    }
}

/// From a row or an image to `shape`.
fn back<L: From<ReshapeConfig> + From<Flatten>>(shape: Shape) -> Result<Vec<L>, String> {
    match shape {
        Shape::Image { .. } => Ok(ReshapeConfig::image(shape).map(L::from).into_iter().collect()),
        Shape::Row(_) => Ok(vec![Flatten.into()]),
        Shape::Sequence { .. } => Err("a sequence in another shape has no mirror image".into()),
    }
}

impl Settings for ReshapeConfig {
    type Module = Reshape;

    const NAMES: &'static [&'static str] = &["reshape"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        let channels = entries.count("channels")?;
        Ok(Self { channels, height: entries.count("height")?, width: entries.count("width")? })
    }

    fn role(&self) -> Role {
        Role::Reshape
    }

    fn check(&self) -> Result<(), String> {
        for (setting, value) in [("channels", self.channels), ("height", self.height), ("width", self.width)] {
            check_count(setting, value)?;
        }
        Ok(())
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let Self { channels, height, width } = *self;
        let image = Shape::Image { channels, height, width };
        match (image.len(), input.len()) {
            (Some(values), Some(found)) if values == found => Ok(image),
            (values, _) => {
                let values = values.map_or("too many values".into(), |values| format!("{values} values"));
                Err(format!("expected {values}, as {image} has, found {input}"))
            }
        }
    }

    fn input_dims(&self, _input: Shape, _dims: &[usize]) -> Vec<usize> {
        vec![self.channels, self.height, self.width]
    }

    fn fuses(&self, _input: Shape) -> bool {
        true
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Reshape>> {
        Ok(None)
    }
}

impl Settings for Flatten {
    type Module = Reshape;

    const NAMES: &'static [&'static str] = &["flatten"];

    fn read(_name: &str, _entries: &mut Entries) -> Result<Self, String> {
        Ok(Self)
    }

    fn role(&self) -> Role {
        Role::Reshape
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(Shape::Row(input.len().ok_or("too many values")?))
    }

    fn input_dims(&self, input: Shape, _dims: &[usize]) -> Vec<usize> {
        vec![checked_len(input)]
    }

    fn fuses(&self, _input: Shape) -> bool {
        true
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Reshape>> {
        Ok(None)
    }
}

impl LayerModule for Reshape {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.reshape([&[x.dim(0)?], &self.dims[..]].concat())
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        chain.reshape(&self.dims)
    }
}
