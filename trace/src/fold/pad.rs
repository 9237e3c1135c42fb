//! Padding, which candle computes by joining zeros, or the first and the last element again and again.

use candle_core::op::Op;

use crate::fold::plan::Plan;
use crate::names::bits;
use crate::recording::{Id, Recording, Source};

/// Zeros joined before or behind.
pub(super) fn pad(recording: &Recording, id: Id) -> Option<Plan> {
    let Op::Cat(_, axis) = recording.op(id)? else { return None };
    if !recording.dtype(id).is_float() {
        return None;
    }
    if let Some((x, pads)) = edges(recording, id, *axis) {
        return Some(Plan::Pad { x, axis: *axis, pads, edge: true });
    }
    let args = &recording.nodes[id].args;
    let zeros = |at: Id| {
        let lengths = recording.length(at, *axis);
        let known =
            recording.nodes[at].source == Source::Constant && lengths.iter().all(|&length| length == lengths[0]);
        let zero = || {
            recording.nodes[at]
                .runs
                .iter()
                .all(|tensor| bits(tensor).is_some_and(|bits| bits.iter().all(|&bit| bit == 0)))
        };
        (known && zero()).then(|| lengths[0])
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
    Some(Plan::Pad { x, axis: *axis, pads, edge: false })
}

/// The middle of values that are joined, where all before it are its first element and all behind it its last one; and how many they are.
fn edges(recording: &Recording, id: Id, axis: usize) -> Option<(Id, [usize; 2])> {
    let args = &recording.nodes[id].args;
    let is_edge = |at: Id, x: Id, last: bool| {
        let sizes = recording.length(x, axis);
        let cut = |(op, size): (&Op, &usize)| {
            let start = if last { size - 1 } else { 0 };
            matches!(op, Op::Narrow(_, along, from, 1) if *along == axis && *from == start)
        };
        matches!(recording.op(at), Some(Op::Narrow(..)))
            && recording.arg(at, 0) == x
            && recording.ops(at).zip(&sizes).all(cut)
    };
    let fits = |middle: &usize| {
        let x = args[*middle];
        args[..*middle].iter().all(|&at| is_edge(at, x, false))
            && args[middle + 1..].iter().all(|&at| is_edge(at, x, true))
    };
    let middle = (0..args.len()).find(fits).filter(|_| args.len() > 1)?;
    Some((args[middle], [middle, args.len() - 1 - middle]))
}
