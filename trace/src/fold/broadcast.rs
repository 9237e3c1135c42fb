//! Broadcasts that ONNX does itself.

use candle_core::op::Op;

use crate::recording::{Id, Recording};

/// The arguments of an operator that ONNX broadcasts itself, without broadcasts that it can do; of others, all.
pub(super) fn operands(recording: &Recording, id: Id) -> Vec<Id> {
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
