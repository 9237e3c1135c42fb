//! The trainer's autoencoder as ONNX.

use bundle::{LATENT, LOG_VARIANCE};
use trainer::{Autoencoder, Layer, Stack};

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::hourglass::layers::in_order;
use crate::hourglass::raw_rows::RawRows;
use crate::value::Value;

/// The stack's own name comes first, so that an initializer is called as in the checkpoint: `encoder.0.weight`.
impl ToOnnx for Stack {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        layers(graph, self.name(), self.layers(), x)
    }
}

fn layers(graph: &mut GraphBuilder, name: &str, layers: &[Layer], x: Value) -> Result<Value> {
    in_order(graph, &format!("{name}."), layers, x)
}

/// The encoder's outputs: `latent`, and `log_variance` of a variational network.
pub(super) fn encoder(model: &Autoencoder, form: &RawRows, graph: &mut GraphBuilder, x: Value) -> Result<()> {
    let x = form.prepare(graph, x)?;
    let Some(log_variance) = model.log_variance() else {
        let latent = model.encoder().to_onnx(graph, x)?;
        return graph.output(LATENT, latent);
    };
    let stack = model.encoder();
    let (last, before) = stack.layers().split_last().expect("a variational encoder ends in a linear layer");
    let features = layers(graph, stack.name(), before, x)?;
    let latent = graph.apply(&format!("{}.{}", stack.name(), before.len()), last, features)?;
    let log_variance = graph.apply(&format!("{}.log_variance", stack.name()), log_variance, features)?;
    graph.output(LATENT, latent)?;
    graph.output(LOG_VARIANCE, log_variance)
}

/// From latents to raw rows.
pub(super) struct Decoder<'a> {
    pub(super) model: &'a Autoencoder,
    pub(super) form: &'a RawRows,
}

impl ToOnnx for Decoder<'_> {
    fn to_onnx(&self, graph: &mut GraphBuilder, latent: Value) -> Result<Value> {
        let rows = self.model.decoder().to_onnx(graph, latent)?;
        self.form.restore(graph, rows)
    }
}

/// Encoder and decoder in one graph.
pub(super) struct Whole<'a> {
    pub(super) model: &'a Autoencoder,
    pub(super) form: &'a RawRows,
}

impl ToOnnx for Whole<'_> {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = self.form.prepare(graph, x)?;
        let latent = self.model.encoder().to_onnx(graph, x)?;
        Decoder { model: self.model, form: self.form }.to_onnx(graph, latent)
    }
}
