//! Convolutions, whose groups candle computes one by one, with their biases.

use candle_core::op::{BinaryOp, Op};

use crate::fold::pattern::{binary, leaf_behind_reshape};
use crate::fold::plan::{ConvLayer, Plan};
use crate::operators::describe;
use crate::recording::{Id, Recording};

/// A convolution, with a bias where one is added.
pub(super) fn conv(recording: &Recording, id: Id) -> Option<Plan> {
    if let Some((a, b)) = binary(recording, id, BinaryOp::Add) {
        for (product, bias) in [(a, b), (b, a)] {
            if let Some(Plan::Conv { x, conv, layer }) = groups(recording, product)
                && let Some(leaf) = leaf_behind_reshape(recording, bias)
                && along_channels(recording, bias, product)
            {
                return Some(Plan::Conv { x, conv, layer: ConvLayer { bias: Some(leaf), ..layer } });
            }
        }
        return None;
    }
    groups(recording, id)
}

/// Whether a bias lies along axis 1 of the product.
fn along_channels(recording: &Recording, bias: Id, product: Id) -> bool {
    let (bias, product) = (recording.tensor(bias).dims(), recording.tensor(product).dims());
    let from_end = product.len() - 1;
    bias.len() >= from_end
        && bias[bias.len() - from_end] == product[1]
        && bias.iter().enumerate().all(|(axis, &size)| size == 1 || axis == bias.len() - from_end)
}

/// A convolution, or the convolutions of all groups joined.
fn groups(recording: &Recording, id: Id) -> Option<Plan> {
    match recording.op(id)? {
        Op::Cat(_, 1) => (),
        op if is_conv(op) => {
            let (x, weight) = (recording.arg(id, 0), recording.arg(id, 1));
            return Some(Plan::Conv { x, conv: id, layer: ConvLayer { weight, bias: None, groups: 1 } });
        }
        _ => return None,
    }
    let parts = &recording.nodes[id].args;
    let first = recording.op(parts[0]).filter(|op| is_conv(op))?;
    let settings = describe(first);
    let (mut x, mut weight) = (None, None);
    for (number, &part) in parts.iter().enumerate() {
        let op = recording.op(part)?;
        if !is_conv(op) || describe(op) != settings {
            return None;
        }
        let piece = |of: Id, axis: usize, whole: &mut Option<Id>| {
            let Op::Narrow(_, along, start, length) = recording.op(of)? else { return None };
            let source = recording.arg(of, 0);
            let fits = *along == axis && *start == number * length && *whole.get_or_insert(source) == source;
            (fits && recording.tensor(source).dims()[axis] == length * parts.len()).then_some(())
        };
        piece(recording.arg(part, 0), 1, &mut x)?;
        piece(recording.arg(part, 1), 0, &mut weight)?;
    }
    let layer = ConvLayer { weight: weight?, bias: None, groups: parts.len() };
    Some(Plan::Conv { x: x?, conv: parts[0], layer })
}

fn is_conv(op: &Op) -> bool {
    matches!(op, Op::Conv1D { .. } | Op::Conv2D { .. } | Op::ConvTranspose1D { .. } | Op::ConvTranspose2D { .. })
}
