//! The activations as ONNX.

use trainer::Activation;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Activation {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        match (self, self.candle()) {
            (Activation::Identity, _) => Ok(x),
            (_, Some(activation)) => activation.to_onnx(graph, x),
            (_, None) => graph.tanh(x),
        }
    }
}
