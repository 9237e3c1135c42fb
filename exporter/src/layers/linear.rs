//! `candle_nn::Linear`.

use candle_nn::Linear;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::operators::matmul::Gemm;
use crate::shape::Dim;
use crate::value::Value;

/// `[.., in] -> [.., out]`.
impl ToOnnx for Linear {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let weight = graph.initializer("weight", self.weight())?;
        let bias = self.bias().map(|bias| graph.initializer("bias", bias)).transpose()?;
        // Gemm needs no transposition, which MatMul does, but takes only matrices.
        if matches!(x.dims(), &[_, Dim::Fixed(_)]) {
            return graph.gemm(Gemm { x, weight, bias });
        }
        let transposed = graph.transpose(weight, 0, 1)?;
        let x = graph.matmul(x, transposed)?;
        bias.map_or(Ok(x), |bias| graph.add(x, bias))
    }
}
