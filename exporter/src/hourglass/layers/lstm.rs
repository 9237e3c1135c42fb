//! `lstm` as ONNX.

use trainer::Lstm;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::layers::recurrent;
use crate::value::Value;

impl ToOnnx for Lstm {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let lstm = recurrent::Lstm::new(self.features(), self.units(), Lstm::config(), self.weights())?;
        let states = lstm.to_onnx(graph, x)?;
        if self.gives_sequence() { Ok(states) } else { graph.last(states, 1) }
    }
}
