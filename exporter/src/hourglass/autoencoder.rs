//! The trainer's modules as ONNX.

use bundle::{LATENT, LOG_VARIANCE};
use candle_core::{Device, Tensor};
use trainer::{Autoencoder, AvgPool, Crop, Layer, MaxPool, Repeat, Reshape, Stack, Upsample};

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::layers::recurrent::Lstm;
use crate::shape::{Dim, DimSpec};
use crate::value::Value;

impl ToOnnx for Layer {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        match self {
            Self::Linear(linear) => linear.to_onnx(graph, x),
            Self::Conv(conv) => conv.to_onnx(graph, x),
            Self::MaxPool(MaxPool { size }) => {
                // The last window may be cut off: its edge repeated changes no maximum.
                let x = fill_windows(graph, x, 2, *size)?;
                let x = fill_windows(graph, x, 3, *size)?;
                graph.max_pool2d(x, *size)
            }
            Self::AvgPool(AvgPool { size }) => graph.avg_pool2d(x, *size),
            Self::Upsample(Upsample { size }) => {
                let [height, width] = [length(x, 2), length(x, 3)];
                graph.upsample_nearest2d(x, height * size, width * size)
            }
            Self::Crop(Crop { height, width }) => {
                let x = graph.narrow(x, 2, 0, *height)?;
                graph.narrow(x, 3, 0, *width)
            }
            Self::Reshape(Reshape { dims }) => {
                let dims = dims.iter().map(|&dim| DimSpec::from(dim));
                graph.reshape(x, [x.dim(0).into()].into_iter().chain(dims).collect::<Vec<_>>())
            }
            Self::Lstm(lstm) => {
                let layer = Lstm::new(lstm.features(), lstm.units(), trainer::Lstm::config(), lstm.weights())?;
                let states = layer.to_onnx(graph, x)?;
                if lstm.gives_sequence() { Ok(states) } else { graph.last(states, 1) }
            }
            Self::Repeat(Repeat { steps }) => {
                let x = graph.unsqueeze(x, 1)?;
                let ones = graph.constant(&Tensor::ones((1, *steps, 1), candle_core::DType::F32, &Device::Cpu)?)?;
                graph.mul(x, ones)
            }
            // Only in training.
            Self::Dropout(_) | Self::Noise(_) => Ok(x),
            Self::Activation(activation) => match activation.candle() {
                Some(activation) => activation.to_onnx(graph, x),
                None => graph.tanh(x),
            },
        }
    }
}

/// The trainer's images have fixed sizes.
fn length(x: Value, axis: usize) -> usize {
    match x.dim(axis) {
        Dim::Fixed(length) => length,
        _ => 0,
    }
}

fn fill_windows(graph: &mut GraphBuilder, x: Value, axis: usize, size: usize) -> Result<Value> {
    let length = length(x, axis);
    match length.next_multiple_of(size) - length {
        0 => Ok(x),
        missing => graph.pad_with_same(x, axis, 0, missing),
    }
}

/// The stack's own name comes first, so that an initializer is called as in the checkpoint: `encoder.0.weight`.
impl ToOnnx for Stack {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        layers(graph, self.name(), self.layers(), x)
    }
}

fn layers(graph: &mut GraphBuilder, name: &str, layers: &[Layer], x: Value) -> Result<Value> {
    let mut layers = layers.iter().enumerate();
    layers.try_fold(x, |x, (index, layer)| graph.apply(&format!("{name}.{index}"), layer, x))
}

/// The encoder's outputs: `latent`, and `log_variance` of a variational network.
pub(super) fn encoder(model: &Autoencoder, graph: &mut GraphBuilder, x: Value) -> Result<()> {
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

/// Encoder and decoder in one graph.
pub(super) struct Whole<'a>(pub(super) &'a Autoencoder);

impl ToOnnx for Whole<'_> {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let latent = self.0.encoder().to_onnx(graph, x)?;
        self.0.decoder().to_onnx(graph, latent)
    }
}
