//! The trainer's modules as ONNX.

use trainer::{Autoencoder, Layer, Stack};

use crate::{GraphBuilder, Result, ToOnnx, Value};

impl ToOnnx for Layer {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        match self {
            Self::Linear(linear) => linear.to_onnx(graph, x),
            Self::Activation(activation) => activation.to_onnx(graph, x),
        }
    }
}

/// The stack's own name comes first, so that an initializer is called as in the checkpoint: `encoder.0.weight`.
impl ToOnnx for Stack {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let mut layers = self.layers().iter().enumerate();
        layers.try_fold(x, |x, (index, layer)| graph.apply(&format!("{}.{index}", self.name()), layer, x))
    }
}

/// Encoder and decoder in one graph.
pub(super) struct Whole<'a>(pub(super) &'a Autoencoder);

impl ToOnnx for Whole<'_> {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let latent = self.0.encoder().to_onnx(graph, x)?;
        self.0.decoder().to_onnx(graph, latent)
    }
}
