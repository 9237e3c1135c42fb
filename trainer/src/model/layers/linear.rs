//! `linear`: a fully connected layer.

use bundle::Shape;
use candle_core::Tensor;
use candle_nn::Linear;
use serde::Serialize;

use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;
use super::reshape::ReshapeConfig;
use super::settings::{Parameters, Role, Settings, check_count, product};
use super::shapes::checked_len;
use crate::fused::Chain;
use crate::ops;

/// Fully connected: `[batch, n] -> [batch, units]`, an image taken as one row; each step of a sequence alone,
/// `[batch, steps, n] -> [batch, steps, units]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinearConfig {
    /// Outputs, 1 to 65536.
    pub units: usize,
}

impl LinearConfig {
    /// A layer with this number of `units`.
    pub fn new(units: usize) -> Self {
        Self { units }
    }

    /// Values that each output is computed from.
    fn width(input: Shape) -> Option<usize> {
        if let Shape::Sequence { features, .. } = input { Some(features) } else { input.len() }
    }

    pub(super) fn mirror<L>(&self, input: Shape, _output: Shape) -> Result<Vec<L>, String>
    where
        L: From<LinearConfig> + From<ReshapeConfig>,
    {
        let units = Self::width(input).ok_or("too many values")?;
        // A sequence keeps its steps.
        let image = ReshapeConfig::to(input).filter(|_| matches!(input, Shape::Image { .. })).map(L::from);
        Ok([Self { units }.into()].into_iter().chain(image).collect())
    }
}

impl Settings for LinearConfig {
    type Module = Linear;

    const NAMES: &'static [&'static str] = &["linear"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { units: entries.count("units")? })
    }

    fn role(&self) -> Role {
        Role::Compute
    }

    fn check(&self) -> Result<(), String> {
        check_count("units", self.units)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(match input {
            Shape::Sequence { steps, .. } => Shape::Sequence { steps, features: self.units },
            _ => Shape::Row(self.units),
        })
    }

    fn weight_count(&self, input: Shape) -> u64 {
        product([Self::width(input).unwrap_or(usize::MAX), self.units])
    }

    fn fuses(&self, input: Shape) -> bool {
        !matches!(input, Shape::Sequence { .. })
    }

    fn summary(&self) -> Option<String> {
        Some(self.units.to_string())
    }

    fn input_dims(&self, input: Shape, _dims: &[usize]) -> Vec<usize> {
        match input {
            Shape::Sequence { .. } => input.dims(),
            _ => vec![checked_len(input)],
        }
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<Linear>> {
        let width = if let Shape::Sequence { features, .. } = input { features } else { checked_len(input) };
        linear([width, self.units], parameters).map(Some)
    }
}

/// `[.., width] -> [.., units]`, of the parameters `weight` and `bias`.
pub(in crate::model) fn linear([width, units]: [usize; 2], parameters: &mut Parameters) -> crate::Result<Linear> {
    let weight = parameters("weight", vec![units, width], Init::GlorotUniform)?;
    let bias = parameters("bias", vec![units], Init::Zeros)?;
    Ok(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())))
}

impl LayerModule for Linear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        ops::linear(self, x)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        chain.linear(self)
    }
}
