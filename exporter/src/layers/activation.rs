//! `candle_nn::Activation`.

use candle_nn::Activation;

use crate::{GraphBuilder, Result, ToOnnx, Value};

impl ToOnnx for Activation {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        match *self {
            Self::Relu => graph.relu(x),
            Self::Sigmoid => graph.sigmoid(x),
            Self::Silu | Self::Swish => graph.silu(x),
            Self::Elu(alpha) => graph.elu(x, alpha as f32),
            Self::LeakyRelu(slope) => graph.leaky_relu(x, slope as f32),
            ref other => {
                Err(graph.mismatch("Activation", "relu, sigmoid, silu, elu or leaky relu", format!("{other:?}")))
            }
        }
    }
}
