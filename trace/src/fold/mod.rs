//! Finds layers in the operators that candle ran for them.

mod conv;
mod normalisation;

use candle_core::op::{BinaryOp, Op, ReduceOp, UnaryOp};

use crate::lengths::close;
use crate::recording::{Id, Recording, Source};

/// The weights of a layer, as leaves, each with its name inside the layer.
pub(crate) type Weights = Vec<(&'static str, Id)>;

/// How a node is written.
#[derive(Debug)]
pub(crate) enum Plan {
    /// An input, a weight or a constant.
    Leaf,
    /// As it was recorded, on these nodes; broadcasts before it are left to ONNX.
    Operator(Vec<Id>),
    Linear {
        x: Id,
        layer: Weights,
    },
    /// `conv` is one of the recorded convolutions, whose settings hold for all groups.
    Conv {
        x: Id,
        conv: Id,
        layer: ConvLayer,
    },
    LayerNorm {
        x: Id,
        layer: Weights,
        epsilon: f64,
    },
    RmsNorm {
        x: Id,
        layer: Weights,
        epsilon: f64,
    },
    BatchNorm {
        x: Id,
        layer: Weights,
        epsilon: f64,
    },
    Softmax {
        x: Id,
        axis: usize,
    },
    Embedding {
        weight: Id,
        indices: Id,
    },
    Mean {
        x: Id,
        axes: Vec<usize>,
    },
    Pad {
        x: Id,
        axis: usize,
        pads: [usize; 2],
    },
}

/// A convolution's weight and bias, and its groups.
#[derive(Debug)]
pub(crate) struct ConvLayer {
    pub(crate) weight: Id,
    /// A leaf of one dimension.
    pub(crate) bias: Option<Id>,
    pub(crate) groups: usize,
}

impl Plan {
    /// The nodes that must be written before.
    pub(crate) fn needs(&self) -> Vec<Id> {
        match self {
            Self::Leaf => vec![],
            Self::Operator(args) => args.clone(),
            Self::Linear { x, .. } | Self::BatchNorm { x, .. } | Self::LayerNorm { x, .. } => vec![*x],
            Self::RmsNorm { x, .. } | Self::Softmax { x, .. } | Self::Mean { x, .. } | Self::Pad { x, .. } => vec![*x],
            Self::Embedding { weight, indices } => vec![*weight, *indices],
            Self::Conv { x, layer, .. } => [*x, layer.weight].into_iter().chain(layer.bias).collect(),
        }
    }
}

/// How a node is best written.
pub(crate) fn plan(recording: &Recording, id: Id) -> Plan {
    let node = &recording.nodes[id];
    if node.source != Source::Computed {
        return Plan::Leaf;
    }
    let layer = None
        .or_else(|| normalisation::batch_norm(recording, id))
        .or_else(|| conv::conv(recording, id))
        .or_else(|| linear(recording, id))
        .or_else(|| normalisation::layer_norm(recording, id))
        .or_else(|| softmax(recording, id))
        .or_else(|| embedding(recording, id))
        .or_else(|| mean(recording, id))
        .or_else(|| pad(recording, id));
    if let Some(layer) = layer {
        return layer;
    }
    if node.fixed && same_in_all_runs(recording, id) {
        return Plan::Leaf;
    }
    Plan::Operator(operands(recording, id))
}

/// Whether a node that depends on no input has the same numbers in every run.
pub(crate) fn same_in_all_runs(recording: &Recording, id: Id) -> bool {
    let runs = &recording.nodes[id].runs;
    if runs.iter().all(|tensor| tensor.id() == runs[0].id()) {
        return true;
    }
    let first = crate::names::bits(&runs[0]);
    let same = |tensor: &candle_core::Tensor| tensor.dims() == runs[0].dims() && crate::names::bits(tensor) == first;
    first.is_some() && runs.iter().all(same)
}

/// The two sides of a binary operator, without the broadcasts before it.
fn binary(recording: &Recording, id: Id, kind: BinaryOp) -> Option<(Id, Id)> {
    match recording.op(id)? {
        Op::Binary(_, _, found) if *found == kind => {
            Some((recording.unbroadcast(recording.arg(id, 0)), recording.unbroadcast(recording.arg(id, 1))))
        }
        _ => None,
    }
}

fn unary(recording: &Recording, id: Id, kind: UnaryOp) -> Option<Id> {
    match recording.op(id)? {
        Op::Unary(_, found) if *found == kind => Some(recording.arg(id, 0)),
        _ => None,
    }
}

/// The operand of `x + number`, and the number.
fn plus_number(recording: &Recording, id: Id) -> Option<(Id, f64)> {
    match recording.op(id)? {
        Op::Affine { mul, add, .. } if *mul == 1. => Some((recording.arg(id, 0), *add)),
        _ => None,
    }
}

/// The operand of a sum or maximum that keeps its dimensions, and the axes.
fn reduction(recording: &Recording, id: Id, kind: ReduceOp) -> Option<(Id, Vec<usize>)> {
    match recording.op(id)? {
        Op::Reduce(_, found, _) if *found == kind => {
            let x = recording.arg(id, 0);
            Some((x, recording.reduced_axes(id, x)))
        }
        _ => None,
    }
}

/// A leaf behind reshapes that only add dimensions of length 1.
fn leaf_behind_reshape(recording: &Recording, id: Id) -> Option<Id> {
    let mut leaf = id;
    while let Some(Op::Reshape(_) | Op::Broadcast(_)) = recording.op(leaf) {
        leaf = recording.arg(leaf, 0);
    }
    let longer = |dims: &[usize]| dims.iter().filter(|&&dim| dim != 1).count();
    let fits = recording.is_leaf(leaf) && recording.rank(leaf) == 1 && longer(recording.tensor(id).dims()) <= 1;
    fits.then_some(leaf)
}

/// A dense layer: candle flattens the rows before it multiplies, and unfolds them after.
fn linear(recording: &Recording, id: Id) -> Option<Plan> {
    if let Some((product, bias)) = binary(recording, id, BinaryOp::Add) {
        for (product, bias) in [(product, bias), (bias, product)] {
            if recording.is_leaf(bias)
                && recording.rank(bias) == 1
                && let Some((x, weight)) = product_with_weight(recording, product)
                && recording.tensor(bias).dims()[0] == recording.tensor(weight).dims()[0]
            {
                return Some(Plan::Linear { x, layer: vec![("weight", weight), ("bias", bias)] });
            }
        }
    }
    let (x, weight) = product_with_weight(recording, id)?;
    Some(Plan::Linear { x, layer: vec![("weight", weight)] })
}

fn product_with_weight(recording: &Recording, id: Id) -> Option<(Id, Id)> {
    let before = |at: Id| matches!(recording.op(at), Some(Op::Reshape(_))).then(|| recording.arg(at, 0));
    let product = match recording.op(id)? {
        Op::Matmul(..) => id,
        Op::Reshape(_) => before(id)?,
        _ => return None,
    };
    let Op::Matmul(..) = recording.op(product)? else { return None };
    let (mut x, turned) = (recording.arg(product, 0), recording.unbroadcast(recording.arg(product, 1)));
    let Op::Transpose(..) = recording.op(turned)? else { return None };
    let weight = recording.unbroadcast(recording.arg(turned, 0));
    let fits = recording.is_leaf(weight) && recording.rank(weight) == 2 && last_two_swapped(recording, turned);
    if !fits {
        return None;
    }
    if product != id {
        // The rows must be the same before and after.
        let flat = x;
        let rows = |of: Id| -> Vec<Vec<usize>> {
            recording.shapes(of).into_iter().map(|shape| shape[..shape.len() - 1].to_vec()).collect()
        };
        x = before(flat)?;
        if recording.rank(x) == 0 || recording.rank(id) == 0 || rows(x) != rows(id) {
            return None;
        }
        if recording.length(x, recording.rank(x) - 1) != recording.length(flat, recording.rank(flat) - 1) {
            return None;
        }
    }
    (recording.rank(x) >= 2).then_some((x, weight))
}

fn last_two_swapped(recording: &Recording, turned: Id) -> bool {
    let rank = recording.rank(turned);
    match recording.op(turned) {
        Some(&Op::Transpose(_, a, b)) => rank >= 2 && [a.min(b), a.max(b)] == [rank - 2, rank - 1],
        _ => false,
    }
}

fn softmax(recording: &Recording, id: Id) -> Option<Plan> {
    let (exp, sum) = binary(recording, id, BinaryOp::Div)?;
    let (summed, axes) = reduction(recording, sum, ReduceOp::Sum)?;
    let (x, max) = binary(recording, unary(recording, exp, UnaryOp::Exp)?, BinaryOp::Sub)?;
    let (largest, others) = reduction(recording, max, ReduceOp::Max)?;
    let [axis] = axes[..] else { return None };
    (summed == exp && largest == x && others == axes).then_some(Plan::Softmax { x, axis })
}

/// An embedding: candle flattens the indices before it picks the rows, and unfolds them after.
fn embedding(recording: &Recording, id: Id) -> Option<Plan> {
    let Op::Reshape(_) = recording.op(id)? else { return None };
    let picked = recording.arg(id, 0);
    let Op::IndexSelect(_, _, 0) = recording.op(picked)? else { return None };
    let (weight, flat) = (recording.arg(picked, 0), recording.arg(picked, 1));
    let Op::Reshape(_) = recording.op(flat)? else { return None };
    let indices = recording.arg(flat, 0);
    let together: Vec<Vec<usize>> = recording
        .shapes(indices)
        .into_iter()
        .zip(recording.shapes(weight))
        .map(|(mut shape, weight)| {
            shape.extend(&weight[1..]);
            shape
        })
        .collect();
    (together == recording.shapes(id)).then_some(Plan::Embedding { weight, indices })
}

/// A sum divided by the number of its summands.
fn mean(recording: &Recording, id: Id) -> Option<Plan> {
    let Op::Affine { .. } = recording.op(id)? else { return None };
    let mut sum = recording.arg(id, 0);
    // Where candle does not keep the dimensions, it drops them before it divides.
    if let Some(Op::Reshape(_)) = recording.op(sum) {
        sum = recording.arg(sum, 0);
    }
    let (x, axes) = reduction(recording, sum, ReduceOp::Sum)?;
    let kept = recording.shapes(sum);
    let without = |shape: &Vec<usize>| {
        shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &size)| size).collect::<Vec<_>>()
    };
    if kept != recording.shapes(id) && kept.iter().map(without).ne(recording.shapes(id)) {
        return None;
    }
    let summands = recording.shapes(x).into_iter().map(|shape| axes.iter().map(|&axis| shape[axis]).product::<usize>());
    let fits = recording.ops(id).zip(summands).all(|(op, summands)| match op {
        Op::Affine { mul, add, .. } => *add == 0. && close(*mul * summands as f64, 1.),
        _ => false,
    });
    fits.then_some(Plan::Mean { x, axes })
}

/// Zeros joined before or behind.
fn pad(recording: &Recording, id: Id) -> Option<Plan> {
    let Op::Cat(_, axis) = recording.op(id)? else { return None };
    let args = &recording.nodes[id].args;
    let zeros = |at: Id| {
        let lengths = recording.length(at, *axis);
        let known =
            recording.nodes[at].source == Source::Constant && lengths.iter().all(|&length| length == lengths[0]);
        let zero = || {
            recording.nodes[at]
                .runs
                .iter()
                .all(|tensor| crate::names::bits(tensor).is_some_and(|bits| bits.iter().all(|&bit| bit == 0)))
        };
        (known && recording.dtype(at).is_float() && zero()).then(|| lengths[0])
    };
    let (x, pads) = match args[..] {
        [left, x, right] => (x, [zeros(left)?, zeros(right)?]),
        [a, b] => match (zeros(a), zeros(b)) {
            (Some(left), None) => (b, [left, 0]),
            (None, Some(right)) => (a, [0, right]),
            _ => return None,
        },
        _ => return None,
    };
    Some(Plan::Pad { x, axis: *axis, pads })
}

/// The arguments of an operator that ONNX broadcasts itself, without broadcasts that it can do; of others, all.
fn operands(recording: &Recording, id: Id) -> Vec<Id> {
    let args = recording.nodes[id].args.clone();
    let matrices = match recording.op(id) {
        Some(Op::Binary(..) | Op::Cmp(..) | Op::WhereCond(..)) => false,
        Some(Op::Matmul(..)) => true,
        _ => return args,
    };
    let mut found = args.clone();
    for at in 0..args.len() {
        let shorter = recording.unbroadcast(args[at]);
        if shorter == args[at] || (matrices && !same_matrices(recording, shorter, args[at])) {
            continue;
        }
        let old = std::mem::replace(&mut found[at], shorter);
        if !broadcast_to(recording, &found, (id, matrices)) {
            found[at] = old;
        }
    }
    found
}

fn same_matrices(recording: &Recording, a: Id, b: Id) -> bool {
    let last = |id: Id| -> Option<Vec<Vec<usize>>> {
        (recording.rank(id) >= 2)
            .then(|| recording.shapes(id).iter().map(|shape| shape[shape.len() - 2..].to_vec()).collect())
    };
    last(a).is_some() && last(a) == last(b)
}

/// Whether these broadcast to the shape of the node; of matrices, only what is before the last two dimensions.
fn broadcast_to(recording: &Recording, args: &[Id], (id, matrices): (Id, bool)) -> bool {
    let cut = if matrices { 2 } else { 0 };
    (0..recording.nodes[id].runs.len()).all(|run| {
        let dims = |id: Id| {
            let dims = recording.nodes[id].runs[run].dims();
            dims[..dims.len() - cut].to_vec()
        };
        let target = dims(id);
        let args: Vec<Vec<usize>> = args.iter().map(|&arg| dims(arg)).collect();
        (0..target.len()).all(|from_end| {
            let size = |dims: &Vec<usize>| dims.len().checked_sub(from_end + 1).map_or(1, |at| dims[at]);
            let largest = args.iter().map(size).max().unwrap_or(1);
            largest == size(&target) && args.iter().all(|arg| size(arg) == 1 || size(arg) == largest)
        })
    })
}
