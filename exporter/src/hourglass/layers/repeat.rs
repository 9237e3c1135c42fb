//! `repeat` as ONNX.

use candle_core::{DType, Device, Tensor};
use trainer::Repeat;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Repeat {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = graph.unsqueeze(x, 1)?;
        let ones = graph.constant(&Tensor::ones((1, self.steps, 1), DType::F32, &Device::Cpu)?)?;
        graph.mul(x, ones)
    }
}
