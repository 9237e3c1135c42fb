//! Finds layers in the operators that candle ran for them.

mod broadcast;
mod conv;
mod linear;
mod normalisation;
mod pad;
mod pattern;
mod plan;
mod reduce;

pub(crate) use pattern::same_in_all_runs;
pub(crate) use plan::{ConvLayer, Plan, Weights};

use crate::recording::{Id, Recording, Source};

/// How a node is best written.
pub(crate) fn plan(recording: &Recording, id: Id) -> Plan {
    let node = &recording.nodes[id];
    if node.source != Source::Computed {
        return Plan::Leaf;
    }
    let layer = None
        .or_else(|| normalisation::batch_norm(recording, id))
        .or_else(|| conv::conv(recording, id))
        .or_else(|| linear::linear(recording, id))
        .or_else(|| normalisation::layer_norm(recording, id))
        .or_else(|| reduce::softmax(recording, id))
        .or_else(|| linear::embedding(recording, id))
        .or_else(|| reduce::mean(recording, id))
        .or_else(|| pad::pad(recording, id));
    if let Some(layer) = layer {
        return layer;
    }
    if node.fixed && same_in_all_runs(recording, id) {
        return Plan::Leaf;
    }
    Plan::Operator(broadcast::operands(recording, id))
}
