//! `conv1d` as ONNX, whose convolutions have the channels before the steps.

use trainer::Conv1d;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Conv1d {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = graph.transpose(x, 1, 2)?;
        let x = self.candle().to_onnx(graph, x)?;
        graph.transpose(x, 1, 2)
    }
}
