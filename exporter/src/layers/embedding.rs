//! `candle_nn::Embedding`.

use candle_nn::Embedding;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::{ElementType, Value};

/// I64 indices to vectors: `[batch, length] -> [batch, length, n]`.
impl ToOnnx for Embedding {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        if x.element_type() != ElementType::I64 {
            let advice = "an input is made with `input_of(ElementType::I64, ..)`, and `cast` converts other values";
            let found = format!("{:?} of {:?}; {advice}", x.element_type(), graph.describe(x));
            return Err(graph.mismatch("Embedding", "indices in I64", found));
        }
        let weight = graph.initializer("weight", self.embeddings())?;
        graph.index_select(weight, x, 0)
    }
}
