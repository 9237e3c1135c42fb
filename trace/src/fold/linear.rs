//! Dense layers and embeddings, which candle computes on flattened rows.

use candle_core::op::{BinaryOp, Op};

use crate::fold::pattern::binary;
use crate::fold::plan::Plan;
use crate::recording::{Id, Recording};

/// A dense layer: candle flattens the rows before it multiplies, and unfolds them after.
pub(super) fn linear(recording: &Recording, id: Id) -> Option<Plan> {
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

/// An embedding: candle flattens the indices before it picks the rows, and unfolds them after.
pub(super) fn embedding(recording: &Recording, id: Id) -> Option<Plan> {
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
