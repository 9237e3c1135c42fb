//! `candle_nn::Embedding`.

use candle_nn::Embedding;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

/// I64 indices to vectors: `[batch, length] -> [batch, length, n]`.
impl ToOnnx for Embedding {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let weight = graph.initializer("weight", self.embeddings())?;
        graph.index_select(weight, x, 0)
    }
}
