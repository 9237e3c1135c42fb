//! The shapes of parts of tensors, and of tensors with more at their ends.

use super::node::{Node, axis, length, lengths};

/// The parts of a tensor along an axis.
pub(super) fn split(node: &Node, outputs: usize) -> Option<Vec<Vec<usize>>> {
    let dims = node.dims(0)?;
    let place = axis(node.int("axis", 0) as f64, dims.len())?;
    let parts = match node.list("split", 1) {
        Some(parts) => lengths(&parts)?,
        None => {
            let part = dims[place].div_ceil(outputs.max(1));
            (0..outputs).map(|index| part.min(dims[place].saturating_sub(index * part))).collect()
        }
    };
    let with = |part: usize| {
        let mut dims = dims.to_vec();
        dims[place] = part;
        dims
    };
    let whole = parts.iter().copied().fold(0, usize::saturating_add) == dims[place];
    (parts.len() == outputs && whole).then(|| parts.into_iter().map(with).collect())
}

/// The first step and the end of a part of this many.
pub(super) fn part(node: &Node, len: usize) -> (usize, usize) {
    let place = |name, default| {
        let place = node.int(name, default);
        let from_start = if place < 0 { place.saturating_add(len as i64) } else { place };
        from_start.clamp(0, len as i64) as usize
    };
    (place("start", 0), place("end", i64::MAX))
}

/// What is between bounds along some axes.
pub(super) fn sliced(node: &Node) -> Option<Vec<usize>> {
    let mut dims = node.dims(0)?.to_vec();
    let (starts, ends) = (node.list("starts", 1)?, node.list("ends", 2)?);
    let axes = node.list("axes", 3).unwrap_or_else(|| (0..starts.len()).map(|place| place as f64).collect());
    let steps = node.numbers(4).map_or_else(|| vec![1.; starts.len()], <[f64]>::to_vec);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return None;
    }
    for (((start, end), place), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let place = axis(place, dims.len())?;
        let len = dims[place] as f64;
        let from_start = |bound: f64| if bound < 0. { bound + len } else { bound };
        let (start, end) = match step {
            step if step > 0. => (from_start(start).clamp(0., len), from_start(end).clamp(0., len)),
            step if step < 0. => (from_start(start).clamp(0., len - 1.), from_start(end).clamp(-1., len - 1.)),
            _ => return None,
        };
        dims[place] = ((end - start) / step).ceil().max(0.) as usize;
    }
    Some(dims)
}

/// A tensor with more at its ends, or less.
pub(super) fn padded(node: &Node) -> Option<Vec<usize>> {
    let dims = node.dims(0)?;
    let pads = node.list("pads", 1)?;
    let axes = match node.numbers(3) {
        Some(axes) => axes.iter().map(|&place| axis(place, dims.len())).collect::<Option<Vec<_>>>()?,
        None => (0..dims.len()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return None;
    }
    let mut shape = dims.to_vec();
    for (index, place) in axes.iter().enumerate() {
        shape[*place] = length(dims[*place] as f64 + pads[index] + pads[axes.len() + index])?;
    }
    Some(shape)
}
