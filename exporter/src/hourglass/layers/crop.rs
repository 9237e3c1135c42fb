//! `crop` as ONNX.

use trainer::Crop;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Crop {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let rows = x.rank() - 2;
        let x = graph.narrow(x, rows, 0, self.height)?;
        graph.narrow(x, rows + 1, 0, self.width)
    }
}
