//! Small patterns, of which those of layers are made.

use candle_core::Tensor;
use candle_core::op::{BinaryOp, Op, ReduceOp, UnaryOp};

use crate::names::bits;
use crate::recording::{Id, Recording};

/// Whether a node that depends on no input has the same numbers in every run.
pub(crate) fn same_in_all_runs(recording: &Recording, id: Id) -> bool {
    let runs = &recording.nodes[id].runs;
    if runs.iter().all(|tensor| tensor.id() == runs[0].id()) {
        return true;
    }
    let first = bits(&runs[0]);
    let same = |tensor: &Tensor| tensor.dims() == runs[0].dims() && bits(tensor) == first;
    first.is_some() && runs.iter().all(same)
}

/// The two sides of a binary operator, without the broadcasts before it.
pub(super) fn binary(recording: &Recording, id: Id, kind: BinaryOp) -> Option<(Id, Id)> {
    match recording.op(id)? {
        Op::Binary(_, _, found) if *found == kind => {
            Some((recording.unbroadcast(recording.arg(id, 0)), recording.unbroadcast(recording.arg(id, 1))))
        }
        _ => None,
    }
}

pub(super) fn unary(recording: &Recording, id: Id, kind: UnaryOp) -> Option<Id> {
    match recording.op(id)? {
        Op::Unary(_, found) if *found == kind => Some(recording.arg(id, 0)),
        _ => None,
    }
}

/// The operand of `x + number`, and the number.
pub(super) fn plus_number(recording: &Recording, id: Id) -> Option<(Id, f64)> {
    match recording.op(id)? {
        Op::Affine { mul, add, .. } if *mul == 1. => Some((recording.arg(id, 0), *add)),
        _ => None,
    }
}

/// The operand of a sum or maximum that keeps its dimensions, and the axes.
pub(super) fn reduction(recording: &Recording, id: Id, kind: ReduceOp) -> Option<(Id, Vec<usize>)> {
    match recording.op(id)? {
        Op::Reduce(_, found, _) if *found == kind => {
            let x = recording.arg(id, 0);
            Some((x, recording.reduced_axes(id, x)))
        }
        _ => None,
    }
}

/// A leaf behind reshapes that only add dimensions of length 1.
pub(super) fn leaf_behind_reshape(recording: &Recording, id: Id) -> Option<Id> {
    let mut leaf = id;
    while let Some(Op::Reshape(_) | Op::Broadcast(_)) = recording.op(leaf) {
        leaf = recording.arg(leaf, 0);
    }
    let longer = |dims: &[usize]| dims.iter().filter(|&&dim| dim != 1).count();
    let fits = recording.is_leaf(leaf) && recording.rank(leaf) == 1 && longer(recording.tensor(id).dims()) <= 1;
    fits.then_some(leaf)
}
