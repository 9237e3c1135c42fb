//! Every `candle_nn::Activation`, and `candle_nn::PReLU`.

use candle_core::D;
use candle_nn::{Activation, PReLU};

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Activation {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        match *self {
            Self::Gelu => graph.gelu_erf(x),
            Self::NewGelu | Self::GeluPytorchTanh => graph.gelu(x),
            Self::Relu => graph.relu(x),
            Self::Relu2 => {
                let x = graph.relu(x)?;
                graph.sqr(x)
            }
            Self::Relu6 => graph.clamp(x, 0., 6.),
            Self::Silu | Self::Swish => graph.silu(x),
            Self::Sigmoid => graph.sigmoid(x),
            Self::HardSigmoid => graph.hard_sigmoid(x),
            Self::Swiglu => swiglu(graph, x),
            Self::Mish => graph.mish(x),
            Self::HardSwish => {
                let gate = graph.hard_sigmoid(x)?;
                graph.mul(x, gate)
            }
            Self::Elu(alpha) => graph.elu(x, alpha as f32),
            Self::LeakyRelu(slope) => graph.leaky_relu(x, slope as f32),
        }
    }
}

/// The first half along the last dimension, through SiLU, times the second: `[.., 2 n] -> [.., n]`.
fn swiglu(graph: &mut GraphBuilder, x: Value) -> Result<Value> {
    let width = graph.known("Split", x, x.rank().saturating_sub(1))?;
    if !width.is_multiple_of(2) {
        return Err(graph.mismatch("Split", "an even number of features", width.to_string()));
    }
    let half = width / 2;
    let gate = graph.narrow(x, D::Minus1, 0, half)?;
    let gate = graph.silu(gate)?;
    let value = graph.narrow(x, D::Minus1, half, half)?;
    graph.mul(gate, value)
}

/// One slope, or one for each channel: `[batch, channels, ..]`.
impl ToOnnx for PReLU {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let weight = graph.initializer("weight", self.weight())?;
        if self.is_scalar() || x.rank() < 3 {
            return graph.prelu(x, weight);
        }
        let mut dims = vec![1usize.into(); x.rank() - 1];
        dims[0] = self.weight().elem_count().into();
        let slopes = graph.reshape(weight, dims)?;
        graph.prelu(x, slopes)
    }
}
