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
        graph.expect_floats("Linear", &[x])?;
        let inputs = self.weight().dim(1)?;
        if x.rank() < 2 || x.dims().last() != Some(&Dim::Fixed(inputs)) {
            let found = format!("{:?}", graph.describe(x));
            // A forgotten flatten is the usual reason.
            let from = (1..x.rank())
                .find(|&axis| graph.symbols.elements(&x.dims()[axis..]).as_number() == Some(inputs as i64));
            let advice = from.map_or(String::new(), |axis| format!("; `flatten_from(x, {axis})` makes {inputs} of it"));
            return Err(graph.mismatch("Linear", format!("{inputs} input features"), found + &advice));
        }
        let bias = |graph: &mut GraphBuilder| self.bias().map(|bias| graph.initializer("bias", bias)).transpose();
        // Gemm needs no transposition, which MatMul does, but takes only matrices.
        if x.rank() == 2 {
            let weight = graph.initializer("weight", self.weight())?;
            let bias = bias(graph)?;
            return graph.gemm(Gemm { x, weight, bias });
        }
        let weight = graph.transposed_initializer("weight", self.weight())?;
        let bias = bias(graph)?;
        let x = graph.matmul(x, weight)?;
        bias.map_or(Ok(x), |bias| graph.add(x, bias))
    }
}
