//! `dropout` as ONNX: nothing, since it acts in training only.

use trainer::Dropout;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Dropout {
    fn to_onnx(&self, _graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        Ok(x)
    }
}
