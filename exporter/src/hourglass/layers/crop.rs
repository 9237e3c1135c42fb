//! `crop` as ONNX.

use trainer::Crop;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Crop {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = graph.narrow(x, 2, 0, self.height)?;
        graph.narrow(x, 3, 0, self.width)
    }
}
