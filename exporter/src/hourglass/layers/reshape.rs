//! `reshape` and `flatten` as ONNX.

use trainer::Reshape;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::shape::DimSpec;
use crate::value::Value;

impl ToOnnx for Reshape {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let batch = DimSpec::from(x.dim(0));
        let dims = self.dims.iter().map(|&dim| DimSpec::from(dim));
        graph.reshape(x, [batch].into_iter().chain(dims).collect::<Vec<_>>())
    }
}
