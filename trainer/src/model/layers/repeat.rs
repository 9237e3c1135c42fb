//! `repeat`: one row at every step of a sequence.

use bundle::Shape;
use candle_core::Tensor;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, check_count};

/// The same row at every step: `[batch, n] -> [batch, steps, n]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repeat {
    /// Steps, 1 to 65536.
    pub steps: usize,
}

impl Repeat {
    pub(super) fn mirror<L>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Err("it has no mirror image".into())
    }
}

impl Settings for Repeat {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["repeat"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { steps: entries.count("steps")? })
    }

    fn role(&self) -> Role {
        Role::Compute
    }

    fn check(&self) -> Result<(), String> {
        check_count("steps", self.steps)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        match input {
            Shape::Row(features) => Ok(Shape::Sequence { steps: self.steps, features }),
            _ => Err(format!("expected one row of values, found {input}; put a `flatten` before it")),
        }
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl LayerModule for Repeat {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, width) = x.dims2()?;
        x.unsqueeze(1)?.broadcast_as((batch, self.steps, width))?.contiguous()
    }
}
