//! `relu`, `leaky_relu`, `elu`, `gelu`, `silu`, `tanh`, `sigmoid` and `identity`: one value in, one value out, and nothing to set.

use bundle::Shape;
use candle_core::Tensor;
use candle_nn::Module;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, values};
use crate::fused::Chain;
use crate::ops;

/// A function of each value alone; the shape stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x, or 0.01 x below 0.
    LeakyRelu,
    /// x, or exp(x) - 1 below 0.
    Elu,
    /// x Phi(x), Phi the normal distribution's (Hendrycks and Gimpel 2016).
    Gelu,
    /// x sigmoid(x)
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// x, which ends a decoder whose values have no bounds.
    Identity,
}

impl Activation {
    /// Every activation, in the order of their names in [`Settings::NAMES`].
    const ALL: [Self; 8] =
        [Self::Relu, Self::LeakyRelu, Self::Elu, Self::Gelu, Self::Silu, Self::Tanh, Self::Sigmoid, Self::Identity];

    /// candle's activation; nothing for the hyperbolic tangent, which it has as an operator of tensors alone, and the identity.
    pub fn candle(self) -> Option<candle_nn::Activation> {
        Some(match self {
            Self::Relu => candle_nn::Activation::Relu,
            Self::LeakyRelu => candle_nn::Activation::LeakyRelu(0.01),
            Self::Elu => candle_nn::Activation::Elu(1.),
            Self::Gelu => candle_nn::Activation::Gelu,
            Self::Silu => candle_nn::Activation::Silu,
            Self::Tanh | Self::Identity => return None,
            Self::Sigmoid => candle_nn::Activation::Sigmoid,
        })
    }

    pub(super) fn mirror<L: From<Self>>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Ok(vec![(*self).into()])
    }
}

impl Settings for Activation {
    type Module = Self;

    const NAMES: &'static [&'static str] =
        &["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "identity"];

    fn read(name: &str, _entries: &mut Entries) -> Result<Self, String> {
        let found = Self::NAMES.iter().zip(Self::ALL).find(|(known, _)| **known == name);
        found.map(|(_, activation)| activation).ok_or_else(|| format!("`{name}` is no activation"))
    }

    fn name(&self) -> &'static str {
        Self::NAMES[*self as usize]
    }

    fn role(&self) -> Role {
        Role::Activate
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn input_dims(&self, _input: Shape, dims: &[usize]) -> Vec<usize> {
        dims.to_vec()
    }

    fn fuses(&self, _input: Shape) -> bool {
        *self == Self::Relu
    }

    fn graph_values(&self, _input: Shape, output: Shape) -> u64 {
        let copies = match self {
            Self::Identity => 0,
            Self::Relu => 1,
            Self::Tanh | Self::Sigmoid => 4,
            Self::Elu | Self::Silu => 9,
            Self::Gelu => 13,
            Self::LeakyRelu => 25,
        };
        copies * values(output)
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(*self))
    }
}

impl LayerModule for Activation {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match (self, self.candle()) {
            (Self::Relu, _) => ops::relu(x),
            (Self::Identity, _) => Ok(x.clone()),
            (_, Some(activation)) => activation.forward(x),
            (_, None) => x.tanh(),
        }
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        *self == Self::Relu && chain.relu()
    }
}
