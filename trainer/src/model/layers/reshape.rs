//! `reshape` and `flatten`: the same values in another shape.

use bundle::Shape;
use candle_core::Tensor;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, check_count};
use super::shapes::checked_len;
use crate::fused::Chain;

/// A row as an image, `[batch, channels * height * width] -> [batch, channels, height, width]`, or as a sequence,
/// `[batch, steps * features] -> [batch, steps, features]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ReshapeConfig {
    /// An image.
    Image {
        /// Channels, 1 to 65536.
        channels: usize,
        /// Rows, 1 to 65536.
        height: usize,
        /// Columns, 1 to 65536.
        width: usize,
    },
    /// A sequence.
    Sequence {
        /// Steps, 1 to 65536.
        steps: usize,
        /// Values of a step, 1 to 65536.
        features: usize,
    },
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
    /// From a row to this shape; nothing for a row.
    pub(in crate::model) fn to(shape: Shape) -> Option<Self> {
        match shape {
            Shape::Image { channels, height, width } => Some(Self::Image { channels, height, width }),
            Shape::Sequence { steps, features } => Some(Self::Sequence { steps, features }),
            Shape::Row(_) => None,
        }
    }

    fn shape(&self) -> Shape {
        match *self {
            Self::Image { channels, height, width } => Shape::Image { channels, height, width },
            Self::Sequence { steps, features } => Shape::Sequence { steps, features },
        }
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

/// From whatever shape of the same size to `shape`.
fn back<L: From<ReshapeConfig> + From<Flatten>>(shape: Shape) -> Result<Vec<L>, String> {
    Ok(vec![ReshapeConfig::to(shape).map_or(Flatten.into(), L::from)])
}

impl Settings for ReshapeConfig {
    type Module = Reshape;

    const NAMES: &'static [&'static str] = &["reshape"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        if entries.has("steps") {
            let steps = entries.count("steps")?;
            return Ok(Self::Sequence { steps, features: entries.count("features")? });
        }
        let channels = entries.count("channels")?;
        Ok(Self::Image { channels, height: entries.count("height")?, width: entries.count("width")? })
    }

    fn role(&self) -> Role {
        Role::Reshape
    }

    fn check(&self) -> Result<(), String> {
        match *self {
            Self::Image { channels, height, width } => {
                check_count("channels", channels)?;
                check_count("height", height)?;
                check_count("width", width)
            }
            Self::Sequence { steps, features } => {
                check_count("steps", steps)?;
                check_count("features", features)
            }
        }
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let shape = self.shape();
        match (shape.len(), input.len()) {
            (Some(values), Some(found)) if values == found => Ok(shape),
            (values, _) => {
                let values = values.map_or("too many values".into(), |values| format!("{values} values"));
                Err(format!("expected {values}, as {shape} has, found {input}"))
            }
        }
    }

    fn input_dims(&self, _input: Shape, _dims: &[usize]) -> Vec<usize> {
        self.shape().dims()
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
