//! Padding, which candle computes by joining zeros.

use candle_core::op::Op;

use crate::fold::plan::Plan;
use crate::names::bits;
use crate::recording::{Id, Recording, Source};

/// Zeros joined before or behind.
pub(super) fn pad(recording: &Recording, id: Id) -> Option<Plan> {
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
                .all(|tensor| bits(tensor).is_some_and(|bits| bits.iter().all(|&bit| bit == 0)))
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
