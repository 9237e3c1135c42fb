//! `layer_norm`: the values of a row, or of each step, brought to mean 0 and variance 1.

use bundle::Shape;
use candle_core::{D, Tensor};
use candle_nn::LayerNorm;
use serde::Serialize;

use super::entries::Entries;
use super::init::Init;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, values};

/// The variance's smallest part, which keeps the quotient finite.
const EPSILON: f64 = 1e-5;

/// `(x - mean) / sqrt(variance + 1e-5) * weight + bias`, mean and variance those of the row, or of each step of a sequence
/// (Ba and others 2016): `[batch, n] -> [batch, n]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerNormConfig {}

impl LayerNormConfig {
    pub(super) fn mirror<L: From<Self>>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Ok(vec![Self {}.into()])
    }
}

impl Settings for LayerNormConfig {
    type Module = LayerNorm;

    const NAMES: &'static [&'static str] = &["layer_norm"];

    fn read(_name: &str, _entries: &mut Entries) -> Result<Self, String> {
        Ok(Self {})
    }

    fn role(&self) -> Role {
        Role::Normalise
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        match input {
            Shape::Image { .. } => {
                Err(format!("expected a row or a sequence, found {input}; `batch_norm` takes images"))
            }
            _ => Ok(input),
        }
    }

    fn graph_values(&self, _input: Shape, output: Shape) -> u64 {
        10 * values(output)
    }

    fn build(&self, input: Shape, parameters: &mut Parameters) -> crate::Result<Option<LayerNorm>> {
        let width = input.dims().last().copied().unwrap_or_default();
        let weight = parameters("weight", vec![width], Init::Values(vec![1.; width]))?;
        let bias = parameters("bias", vec![width], Init::Zeros)?;
        Ok(Some(LayerNorm::new(weight.as_tensor().clone(), bias.as_tensor().clone(), EPSILON)))
    }
}

impl LayerModule for LayerNorm {
    /// Composed of operators: candle's own has no gradient where it is fused.
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normal = centred.broadcast_div(&(variance + self.eps())?.sqrt()?)?;
        let scaled = normal.broadcast_mul(self.weight())?;
        self.bias().map_or(Ok(scaled.clone()), |bias| scaled.broadcast_add(bias))
    }
}
