//! `residual` as ONNX, and layers one after the other.

use trainer::{Layer, ResidualLayers};

use super::batch_norm::folded;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl ToOnnx for ResidualLayers {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let y = in_order(graph, "", self.layers(), x)?;
        graph.add(x, y)
    }
}

/// The layers one after the other; the tensors of layer `i` are named `{name}i.`, as in the checkpoint. A `batch_norm` becomes part of
/// the layer before it.
pub(in crate::hourglass) fn in_order(
    graph: &mut GraphBuilder,
    name: &str,
    layers: &[Layer],
    x: Value,
) -> Result<Value> {
    let mut x = x;
    let mut layers = layers.iter().enumerate().peekable();
    while let Some((index, layer)) = layers.next() {
        let one = match layers.peek() {
            Some((_, Layer::BatchNorm(norm))) => folded(layer, norm)?,
            _ => None,
        };
        if one.is_some() {
            layers.next();
        }
        x = graph.apply(&format!("{name}{index}"), one.as_ref().unwrap_or(layer), x)?;
    }
    Ok(x)
}
