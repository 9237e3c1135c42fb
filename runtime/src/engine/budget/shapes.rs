//! The shapes that each operator gives, by the specification of ONNX's operators.

use super::node::{Node, axis, length, lengths, product};
use super::operators::{broadcasts, keeps};
use super::parts::{padded, part, sliced, split};
use super::windows::{pooled, transposed};

/// The shapes of a node's outputs; nothing where they cannot be known before the node runs, or its inputs do not fit.
pub(super) fn shapes(node: &Node) -> Option<Vec<Vec<usize>>> {
    let outputs = node.proto.output.len();
    let all = |dims: Vec<usize>| Some(vec![dims; outputs]);
    match node.operator() {
        "Split" => split(node, outputs),
        "TopK" => {
            let mut dims = node.dims(0)?.to_vec();
            let place = axis(node.int("axis", -1) as f64, dims.len())?;
            // More than there are is refused by other runtimes; tract takes memory for them.
            dims[place] = length(*node.numbers(1)?.first()?).filter(|&count| count <= dims[place])?;
            all(dims)
        }
        "LSTM" | "GRU" | "RNN" => recurrent(node),
        "DynamicQuantizeLinear" => Some(vec![node.dims(0)?.to_vec(), vec![], vec![]]),
        _ => all(shape(node)?),
    }
}

fn shape(node: &Node) -> Option<Vec<usize>> {
    let first = || Some(node.dims(0)?.to_vec());
    match node.operator() {
        // Values that stretch over the first input must not stretch it.
        "PRelu" | "Clip" | "LayerNormalization" | "RMSNormalization" => {
            let dims = first()?;
            let fits = |index: usize| node.input(index).is_none_or(|_| stretches_to(node, index, &dims));
            (1..node.inputs.len()).all(fits).then_some(dims)
        }
        operator if keeps(operator) => first(),
        operator if broadcasts(operator) => {
            (0..node.inputs.len()).try_fold(vec![], |dims, index| broadcast(&dims, node.dims(index)?))
        }
        operator if operator.starts_with("Reduce") => {
            let axes = node.list("axes", 1);
            let is_empty = axes.as_ref().is_none_or(Vec::is_empty);
            // Axes that are given and not known, and an empty list that means none.
            if axes.is_none() && node.input(1).is_some() || is_empty && node.int("noop_with_empty_axes", 0) != 0 {
                return None;
            }
            reduced(&first()?, axes, node.int("keepdims", 1) == 1)
        }
        "ArgMax" | "ArgMin" => reduced(&first()?, Some(vec![node.int("axis", 0) as f64]), node.int("keepdims", 1) == 1),
        "Constant" => constant(node),
        "Gemm" => {
            let side = |index: usize, name| {
                let &[rows, columns] = node.dims(index)? else { return None };
                Some(if node.int(name, 0) == 0 { [rows, columns] } else { [columns, rows] })
            };
            let ([rows, inner], [found, columns]) = (side(0, "transA")?, side(1, "transB")?);
            let dims = vec![rows, columns];
            let fits = inner == found && node.input(2).is_none_or(|_| stretches_to(node, 2, &dims));
            fits.then_some(dims)
        }
        "MatMul" | "MatMulInteger" => matmul(node.dims(0)?, node.dims(1)?),
        "Conv" | "ConvInteger" | "AveragePool" | "MaxPool" | "LpPool" => pooled(node),
        "ConvTranspose" => transposed(node),
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let mut dims = first()?;
            dims.get_mut(2..)?.fill(1);
            Some(dims)
        }
        "Flatten" => {
            let dims = node.dims(0)?;
            let place = node.int("axis", 1) as f64;
            let place = if place == dims.len() as f64 { dims.len() } else { axis(place, dims.len())? };
            Some(vec![product(&dims[..place]), product(&dims[place..])])
        }
        "Reshape" => reshaped(node),
        "Squeeze" => {
            let dims = node.dims(0)?;
            let axes = match node.list("axes", 1) {
                Some(axes) => axes.into_iter().map(|place| axis(place, dims.len())).collect::<Option<Vec<_>>>()?,
                None => (0..dims.len()).filter(|&place| dims[place] == 1).collect(),
            };
            let kept = dims.iter().enumerate().filter(|(place, _)| !axes.contains(place));
            Some(kept.map(|(_, dim)| *dim).collect())
        }
        "Unsqueeze" => {
            let mut left = node.dims(0)?.iter();
            let axes = node.list("axes", 1)?;
            let rank = left.len() + axes.len();
            let axes = axes.into_iter().map(|place| axis(place, rank)).collect::<Option<Vec<_>>>()?;
            (0..rank).map(|place| if axes.contains(&place) { Some(1) } else { left.next().copied() }).collect()
        }
        "Transpose" => {
            let dims = node.dims(0)?;
            let Some(order) = node.ints("perm") else { return Some(dims.iter().rev().copied().collect()) };
            let mut seen: Vec<i64> = order.to_vec();
            seen.sort_unstable();
            let is_order = seen.iter().enumerate().all(|(place, &found)| found == place as i64);
            (is_order && order.len() == dims.len()).then(|| order.iter().map(|&place| dims[place as usize]).collect())
        }
        "Concat" => {
            let mut dims = first()?;
            let place = axis(node.int("axis", 0) as f64, dims.len())?;
            for index in 1..node.inputs.len() {
                dims[place] = dims[place].checked_add(*node.dims(index)?.get(place)?)?;
            }
            Some(dims)
        }
        "Slice" => sliced(node),
        "Gather" => {
            let (dims, indices) = (node.dims(0)?, node.dims(1)?);
            let place = axis(node.int("axis", 0) as f64, dims.len())?;
            // tract looks for the end of a batch alone, and would read the next row.
            let is_inside = |&index: &f64| axis(index, dims[place]).is_some();
            let inside = node.numbers(1).is_none_or(|numbers| numbers.iter().all(is_inside));
            inside.then(|| [&dims[..place], indices, &dims[place + 1..]].concat())
        }
        "GatherElements" => Some(node.dims(1)?.to_vec()),
        "Pad" => padded(node),
        "Expand" => broadcast(node.dims(0)?, &lengths(node.numbers(1)?)?),
        "Tile" => {
            let repeats = lengths(node.numbers(1)?)?;
            let dims = node.dims(0)?;
            (repeats.len() == dims.len())
                .then(|| dims.iter().zip(repeats).map(|(dim, repeats)| dim.saturating_mul(repeats)).collect())
        }
        "Shape" => {
            let (start, end) = part(node, node.dims(0)?.len());
            Some(vec![end.saturating_sub(start)])
        }
        "Size" => Some(vec![]),
        "ConstantOfShape" => lengths(node.numbers(0)?),
        "Range" => {
            let single = |index| node.numbers(index)?.first().copied();
            let count = (single(1)? - single(0)?) / single(2)?;
            Some(vec![length(count.ceil().max(0.))?])
        }
        "OneHot" => {
            let mut dims = first()?;
            let place = node.int("axis", -1) as f64;
            let place = axis(place, dims.len() + 1)?;
            dims.insert(place, length(*node.numbers(1)?.first()?)?);
            Some(dims)
        }
        "Resize" | "Upsample" => resized(node),
        "DepthToSpace" | "SpaceToDepth" => {
            let &[batch, channels, height, width] = node.dims(0)? else { return None };
            let block = usize::try_from(node.int("blocksize", 0)).ok().filter(|&block| block > 0)?;
            let area = block.checked_mul(block)?;
            Some(match node.operator() {
                "DepthToSpace" => vec![batch, channels / area, height.checked_mul(block)?, width.checked_mul(block)?],
                _ => vec![batch, channels.checked_mul(area)?, height / block, width / block],
            })
        }
        "Einsum" => einsum(node),
        _ => None,
    }
}

/// Both shapes stretched to one.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], place: usize| (place + dims.len()).checked_sub(rank).map_or(1, |place| dims[place]);
    let dim = |place| match (at(a, place), at(b, place)) {
        (1, dim) | (dim, 1) => Some(dim),
        (a, b) => (a == b).then_some(a),
    };
    (0..rank).map(dim).collect()
}

/// Whether an input broadcasts to these dimensions and leaves them as they are.
fn stretches_to(node: &Node, index: usize, dims: &[usize]) -> bool {
    node.dims(index).and_then(|other| broadcast(dims, other)).is_some_and(|found| found == dims)
}

fn matmul(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (a_row, b_column) = (a.len() == 1, b.len() == 1);
    let a = if a_row { vec![1, a[0]] } else { a.to_vec() };
    let b = if b_column { vec![b[0], 1] } else { b.to_vec() };
    let ([a_outer @ .., rows, inner], [b_outer @ .., found, columns]) = (&a[..], &b[..]) else { return None };
    let mut dims = broadcast(a_outer, b_outer)?;
    dims.extend((!a_row).then_some(*rows));
    dims.extend((!b_column).then_some(*columns));
    (inner == found).then_some(dims)
}

fn reduced(dims: &[usize], axes: Option<Vec<f64>>, keeps: bool) -> Option<Vec<usize>> {
    let axes = match axes {
        Some(axes) if !axes.is_empty() => {
            axes.into_iter().map(|place| axis(place, dims.len())).collect::<Option<Vec<_>>>()?
        }
        _ => (0..dims.len()).collect(),
    };
    let left = dims.iter().enumerate().filter(|(place, _)| keeps || !axes.contains(place));
    Some(left.map(|(place, dim)| if axes.contains(&place) { 1 } else { *dim }).collect())
}

fn constant(node: &Node) -> Option<Vec<usize>> {
    let [attribute] = &node.proto.attribute[..] else { return None };
    match attribute.name.as_str() {
        "value" => lengths(&attribute.t.as_ref()?.dims.iter().map(|&dim| dim as f64).collect::<Vec<_>>()),
        "value_ints" => Some(vec![attribute.ints.len()]),
        "value_int" | "value_float" => Some(vec![]),
        _ => None,
    }
}

fn reshaped(node: &Node) -> Option<Vec<usize>> {
    let (dims, wanted) = (node.dims(0)?, node.list("shape", 1)?);
    let keeps_zero = node.int("allowzero", 0) == 1;
    let dim = |(place, &wanted): (usize, &f64)| match wanted {
        0. if !keeps_zero => dims.get(place).copied(),
        -1. => Some(1),
        wanted => length(wanted),
    };
    let mut shape = wanted.iter().enumerate().map(dim).collect::<Option<Vec<_>>>()?;
    if let Some(open) = wanted.iter().position(|&wanted| wanted == -1.) {
        shape[open] = product(dims).checked_div(product(&shape))?;
    }
    (product(&shape) == product(dims)).then_some(shape)
}

fn resized(node: &Node) -> Option<Vec<usize>> {
    let dims = node.dims(0)?;
    let is_newer = node.operator() == "Resize" && node.opset > 10;
    let factors = node.numbers(if is_newer { 2 } else { 1 }).filter(|factors| !factors.is_empty());
    let axes = match node.ints("axes") {
        Some(axes) => axes.iter().map(|&place| axis(place as f64, dims.len())).collect::<Option<Vec<_>>>()?,
        None => (0..dims.len()).collect(),
    };
    let mut shape = dims.to_vec();
    let wanted: Vec<f64> = match factors {
        Some(factors) => {
            axes.iter().zip(factors).map(|(&place, factor)| (dims[place] as f64 * factor).floor()).collect()
        }
        None => node.numbers(3).filter(|_| is_newer)?.to_vec(),
    };
    if wanted.len() != axes.len() {
        return None;
    }
    for (place, wanted) in axes.into_iter().zip(wanted) {
        shape[place] = length(wanted)?;
    }
    Some(shape)
}

/// A state for each step, the last one, and of an LSTM its cells.
fn recurrent(node: &Node) -> Option<Vec<Vec<usize>>> {
    let &[steps, batch, _] = node.dims(0)? else { return None };
    let &[directions, _, hidden] = node.dims(2)? else { return None };
    let (steps, batch) = if node.int("layout", 0) == 0 { (steps, batch) } else { (batch, steps) };
    let outputs =
        [vec![steps, directions, batch, hidden], vec![directions, batch, hidden], vec![directions, batch, hidden]];
    Some(outputs[..node.proto.output.len().min(3)].to_vec())
}

/// `bij,bjk->bik`: each letter is a length.
fn einsum(node: &Node) -> Option<Vec<usize>> {
    let equation: String = node.text("equation").chars().filter(|char| !char.is_whitespace()).collect();
    let (inputs, output) = equation.split_once("->")?;
    let mut known: Vec<(char, usize)> = vec![];
    for (index, letters) in inputs.split(',').enumerate() {
        let dims = node.dims(index)?;
        if letters.chars().count() != dims.len() {
            return None;
        }
        known.extend(letters.chars().zip(dims.iter().copied()));
    }
    output.chars().map(|letter| known.iter().find(|(name, _)| *name == letter).map(|(_, len)| *len)).collect()
}
