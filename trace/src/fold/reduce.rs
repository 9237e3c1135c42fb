//! Softmax and means, which candle computes by their parts.

use candle_core::op::{BinaryOp, Op, ReduceOp, UnaryOp};

use crate::fold::pattern::{binary, reduction, unary};
use crate::fold::plan::Plan;
use crate::lengths::close;
use crate::recording::{Id, Recording};

/// `exp(x - max) / sum`.
pub(super) fn softmax(recording: &Recording, id: Id) -> Option<Plan> {
    let (exp, sum) = binary(recording, id, BinaryOp::Div)?;
    let (summed, axes) = reduction(recording, sum, ReduceOp::Sum)?;
    let (x, max) = binary(recording, unary(recording, exp, UnaryOp::Exp)?, BinaryOp::Sub)?;
    let (largest, others) = reduction(recording, max, ReduceOp::Max)?;
    let [axis] = axes[..] else { return None };
    (summed == exp && largest == x && others == axes).then_some(Plan::Softmax { x, axis })
}

/// A sum divided by the number of its summands.
pub(super) fn mean(recording: &Recording, id: Id) -> Option<Plan> {
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
