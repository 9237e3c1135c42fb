//! Normalisations: fused kernels, and the operators that stand for them.

use candle_core::op::{BinaryOp, Op, UnaryOp};

use crate::fold::pattern::{binary, leaf_behind_reshape, plus_number, unary};
use crate::fold::plan::{Plan, Weights};
use crate::fold::reduce::mean;
use crate::recording::{Id, Recording};

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias` along axis 1.
pub(super) fn batch_norm(recording: &Recording, id: Id) -> Option<Plan> {
    let (scaled, bias) = binary(recording, id, BinaryOp::Add)?;
    let (normal, weight) = binary(recording, scaled, BinaryOp::Mul)?;
    let (centred, deviation) = binary(recording, normal, BinaryOp::Div)?;
    let (x, mean) = binary(recording, centred, BinaryOp::Sub)?;
    let (variance, epsilon) = plus_number(recording, unary(recording, deviation, UnaryOp::Sqrt)?)?;
    let of_channels = |id: Id| {
        let leaf = leaf_behind_reshape(recording, id)?;
        let (dims, all) = (recording.tensor(id).dims(), recording.tensor(x).dims());
        (dims.len() == all.len() && all.len() >= 2 && dims[1] == all[1]).then_some(leaf)
    };
    let layer: Weights = vec![
        ("weight", of_channels(weight)?),
        ("bias", of_channels(bias)?),
        ("running_mean", of_channels(mean)?),
        ("running_var", of_channels(variance)?),
    ];
    Some(Plan::BatchNorm { x, layer, epsilon })
}

/// candle_nn's fused layer norm and RMS norm, and the layer norm that it computes where the input is not contiguous.
pub(super) fn layer_norm(recording: &Recording, id: Id) -> Option<Plan> {
    let leaf = |id: Id| (recording.is_leaf(id) && recording.rank(id) == 1).then_some(id);
    if let Op::NoBackward(name, _, attributes) = recording.op(id)? {
        let args = &recording.nodes[id].args;
        let epsilon = attributes.iter().find(|(name, _)| *name == "eps")?.1;
        return match (*name, &args[..]) {
            ("layer-norm", &[x, weight, bias]) => {
                let layer = vec![("weight", leaf(weight)?), ("bias", leaf(bias)?)];
                Some(Plan::LayerNorm { x, layer, epsilon })
            }
            ("rms-norm", &[x, weight]) => Some(Plan::RmsNorm { x, layer: vec![("weight", leaf(weight)?)], epsilon }),
            _ => None,
        };
    }
    let (scaled, bias) = match binary(recording, id, BinaryOp::Add) {
        Some((scaled, bias)) => (scaled, Some(leaf(bias)?)),
        None => (id, None),
    };
    let (normal, weight) = binary(recording, scaled, BinaryOp::Mul)?;
    let weight = leaf(weight)?;
    let (centred, deviation) = binary(recording, normal, BinaryOp::Div)?;
    let (variance, epsilon) = plus_number(recording, unary(recording, deviation, UnaryOp::Sqrt)?)?;
    let last = recording.rank(id).checked_sub(1)?;
    let mean_of = |id: Id| match mean(recording, id)? {
        Plan::Mean { x, axes } if axes == [last] && recording.rank(id) == recording.rank(x) => Some(x),
        _ => None,
    };
    if unary(recording, mean_of(variance)?, UnaryOp::Sqr)? != centred {
        return None;
    }
    let (x, centre) = binary(recording, centred, BinaryOp::Sub)?;
    if mean_of(centre)? != x {
        return None;
    }
    let layer = [("weight", weight)].into_iter().chain(bias.map(|bias| ("bias", bias))).collect();
    Some(Plan::LayerNorm { x, layer, epsilon })
}
