//! The trainer's layers as ONNX, one file each, as in the trainer. `linear`, `conv`, `conv_transpose` and `layer_norm` are
//! candle's own layers, whose export is in `src/layers/`.

mod activation;
mod batch_norm;
mod conv1d;
mod crop;
mod dropout;
mod lstm;
mod noise;
mod pool;
mod repeat;
mod reshape;
mod residual;
mod side;
mod upsample;

pub(super) use residual::in_order;
use trainer::Layer;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for Layer {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        match self {
            Self::Linear(layer) => layer.to_onnx(graph, x),
            Self::Conv(layer) => layer.to_onnx(graph, x),
            Self::ConvTranspose(layer) => layer.to_onnx(graph, x),
            Self::Conv1d(layer) => layer.to_onnx(graph, x),
            Self::BatchNorm(layer) => layer.to_onnx(graph, x),
            Self::LayerNorm(layer) => layer.to_onnx(graph, x),
            Self::Residual(layer) => layer.to_onnx(graph, x),
            Self::MaxPool(layer) => layer.to_onnx(graph, x),
            Self::AvgPool(layer) => layer.to_onnx(graph, x),
            Self::Upsample(layer) => layer.to_onnx(graph, x),
            Self::Crop(layer) => layer.to_onnx(graph, x),
            Self::Reshape(layer) => layer.to_onnx(graph, x),
            Self::Lstm(layer) => layer.to_onnx(graph, x),
            Self::Repeat(layer) => layer.to_onnx(graph, x),
            Self::Dropout(layer) => layer.to_onnx(graph, x),
            Self::Noise(layer) => layer.to_onnx(graph, x),
            Self::Activation(layer) => layer.to_onnx(graph, x),
        }
    }
}
