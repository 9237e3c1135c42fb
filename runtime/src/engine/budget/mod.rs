//! What a graph from a stranger may ask of tract: shapes and work are inferred before tract is asked, since what it does cannot be
//! bounded from outside.

mod node;
mod numbers;
mod operators;
mod parts;
mod shapes;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::HashMap;

use onnx::{GraphProto, NodeProto};

use crate::engine::describe::describe;
use crate::engine::request::Request;
use crate::engine::signature::{Batch, Layout};
use crate::limits::{Limits, within};
use node::{Node, Value, product};
use numbers::numbers;
use operators::is_known;
use shapes::shapes;
use windows::window;

/// The most dimensions of a tensor.
const MAX_DIMS: usize = 16;
/// The most computations with a length, one after the other: tract keeps the whole term, which may double with each.
const MAX_TERMS: usize = 12;
/// Our kernels take so many times as many nodes as tract, whose time grows with the square of their number.
const NODES_OF_TRACT: usize = 4;

/// What a graph asks for in one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Demand {
    /// Values of the input and of all tensors that are computed.
    values: usize,
    /// The most values of buffers that a node needs beside its inputs and outputs.
    scratch: usize,
    work: usize,
    /// Nodes with weights.
    layers: usize,
}

/// Whether the graph, asked for batches of this layout, keeps to the limits; and how many rows may be computed at once, up to
/// `most_rows`.
pub(crate) fn rows_at_once(request: &Request, layout: Layout, most_rows: usize) -> Result<usize, String> {
    let Some(graph) = request.model.graph.as_ref() else { return Ok(1) };
    if request.limits.any_operator {
        return Ok(most_rows);
    }
    let asked = |rows| demand(graph, request, &input_dims(layout, rows, &request.input.row_shape));
    within("nodes", "nodes without kernels", request.limits.nodes / NODES_OF_TRACT, graph.node.len())?;
    let one = asked(1)?;
    if layout.batch != Batch::Any {
        return Ok(most_rows);
    }
    let rows = (request.limits.row_values / one.values.saturating_add(one.scratch).max(1)).clamp(1, most_rows);
    // More rows may ask for more than their share.
    if rows > 1 { asked(rows).map(|_| rows) } else { Ok(rows) }
}

fn input_dims(layout: Layout, rows: usize, row_shape: &[usize]) -> Vec<usize> {
    let batch = match layout.batch {
        Batch::Any => Some(rows),
        Batch::Fixed(rows) => Some(rows),
        Batch::Single => None,
    };
    let before = std::iter::repeat_n(1, layout.before);
    before.chain(batch).chain(row_shape.iter().copied()).collect()
}

/// What the graph asks for an input of these dimensions; fails with the first node that asks for too much, or of which that cannot be
/// said.
fn demand(graph: &GraphProto, request: &Request, input: &[usize]) -> Result<Demand, String> {
    let limits = request.limits;
    let rows = input.iter().copied().fold(1, usize::saturating_mul) / request.input.row_len().max(1);
    let opset = request.model.opset().unwrap_or_default();
    let constants = graph.initializer.iter().filter_map(|tensor| Some((tensor.name.as_str(), Value::of(tensor)?)));
    let mut known: HashMap<&str, Value> = constants.collect();
    known.insert(&request.input.name, Value { dims: input.to_vec(), ..Value::default() });
    let mut sum = Demand { values: product(input), ..Demand::default() };
    for node in &graph.node {
        let found = follow(node, &mut known, opset).map_err(|reason| format!("{}: {reason}", describe(node)))?;
        sum = sum.with(found);
        sum.check(limits, rows.max(1)).map_err(|reason| format!("{}: {reason}", describe(node)))?;
    }
    Ok(sum)
}

impl Demand {
    fn with(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            scratch: self.scratch.max(other.scratch),
            work: self.work.saturating_add(other.work),
            layers: self.layers + other.layers,
        }
    }

    fn check(self, limits: &Limits, rows: usize) -> Result<(), String> {
        let most = limits.row_values;
        within("row_values", "values of a row up to here", most, self.values)?;
        within("row_values", "values of a row in its buffers", most, self.scratch)?;
        within("row_work", "multiplications for a row up to here", limits.row_work, self.work / rows)?;
        within("layers", "layers", limits.layers, self.layers)
    }
}

/// Adds what is known of a node's outputs.
fn follow<'a>(proto: &'a NodeProto, known: &mut HashMap<&'a str, Value>, opset: i64) -> Result<Demand, String> {
    if !is_known(&proto.op_type) {
        return Err("what this operator takes cannot be said before it runs, so it is refused".into());
    }
    let inputs = proto.input.iter().map(|name| if name.is_empty() { None } else { known.get(name.as_str()) });
    let node = Node { proto, inputs: inputs.collect(), opset };
    let unknown = || "the shape of what it gives cannot be known before it runs, or its inputs do not fit";
    let shapes = shapes(&node).ok_or_else(unknown)?;
    let values = shapes.iter().map(|dims| product(dims)).fold(0, usize::saturating_add);
    if shapes.iter().any(|dims| dims.len() > MAX_DIMS) {
        return Err(format!("expected at most {MAX_DIMS} dimensions, found more"));
    }
    let is_constant = node.is_constant();
    let of_lengths = (0..node.inputs.len()).filter_map(|index| node.input(index)?.terms).max();
    let terms = match of_lengths {
        Some(terms) => Some(terms + usize::from(COMPUTATIONS.contains(&node.operator()))),
        None => (proto.op_type == "Shape").then_some(0),
    };
    if terms > Some(MAX_TERMS) {
        return Err(format!(
            "expected at most {MAX_TERMS} computations with a length, one after the other, found more"
        ));
    }
    let mut found = shapes.first().and_then(|dims| numbers(&node, dims));
    let (scratch, work) = work(&node, shapes.first().map_or(&[], Vec::as_slice)).ok_or_else(unknown)?;
    let layers = usize::from(LAYERS.contains(&node.operator()));
    for (name, dims) in proto.output.iter().zip(shapes).filter(|(name, _)| !name.is_empty()) {
        let (numbers, is_whole) = found.take().map_or((None, false), |(numbers, is_whole)| (Some(numbers), is_whole));
        let terms = terms.filter(|_| numbers.is_some());
        known.insert(name, Value { dims, numbers, is_whole, terms, is_constant });
    }
    Ok(Demand { values, scratch, work, layers })
}

/// Operators that make new numbers of lengths.
const COMPUTATIONS: [&str; 9] = ["Add", "Div", "Max", "Min", "Mod", "Mul", "Pow", "ReduceProd", "Sub"];

/// Operators that have weights, or products of tensors.
const LAYERS: [&str; 10] =
    ["Conv", "ConvInteger", "ConvTranspose", "Einsum", "GRU", "Gemm", "LSTM", "MatMul", "MatMulInteger", "RNN"];

/// Values that tract keeps for a place of a resized axis.
const RESIZE_PLAN: usize = 32;

/// What tract does for a step of a recurrence beside its products, in multiplications.
const STEP: usize = 1 << 17;
/// The same where all is constant: tract computes it again and again while it prepares the graph.
const FOLDED_STEP: usize = 1 << 23;

/// The values of a node's buffers, and its multiplications, where its first output has these dimensions.
fn work(node: &Node, out: &[usize]) -> Option<(usize, usize)> {
    let given = (0..node.inputs.len()).filter_map(|index| node.input(index)).map(Value::len).max().unwrap_or(0);
    let all = |lens: &[usize]| lens.iter().copied().fold(1, usize::saturating_mul);
    let out_len = product(out);
    let products = match node.operator() {
        "Gemm" => all(&[out_len, if node.int("transA", 0) == 0 { node.dims(0)?[1] } else { node.dims(0)?[0] }]),
        "MatMul" | "MatMulInteger" => all(&[out_len, *node.dims(0)?.last()?]),
        "Conv" | "ConvInteger" | "ConvTranspose" => {
            let (window, weight) = (window(node)?, node.dims(1)?);
            let area = product(&window.kernel);
            let is_transposed = node.operator() == "ConvTranspose";
            // Each value meets the kernels of all channels of its group.
            let places = if is_transposed { node.input(0)?.len() } else { out_len };
            let columns = all(&[area, if is_transposed { out_len } else { node.input(0)?.len() }]);
            let scratch = columns.min(places.saturating_mul(area)).max(window.padded_len(node.dims(0)?));
            return Some((scratch, all(&[places, *weight.get(1)?, area])));
        }
        "MaxPool" | "AveragePool" | "LpPool" => {
            let window = window(node)?;
            let area = product(&window.kernel);
            return Some((area.max(window.padded_len(node.dims(0)?)), all(&[out_len, area])));
        }
        "LSTM" | "GRU" | "RNN" => {
            let (x, recurrence) = (node.input(0)?, node.dims(2)?);
            let steps = x.len() / x.dims.last()?.max(&1);
            let weights = node.dims(1)?.iter().product::<usize>().saturating_add(product(recurrence));
            all(&[steps, weights.saturating_add(if node.is_constant() { FOLDED_STEP } else { STEP })])
        }
        "Einsum" => (0..node.inputs.len())
            .filter_map(|index| node.input(index))
            .map(Value::len)
            .fold(out_len, usize::saturating_mul),
        // tract keeps for each place of each axis which values it is made of.
        "Resize" | "Upsample" => {
            let places = out.iter().copied().fold(0, usize::saturating_add);
            return Some((places.saturating_mul(RESIZE_PLAN), given.saturating_add(out_len)));
        }
        "TopK" => all(&[given, 32]),
        _ => 0,
    };
    Some((0, products.saturating_add(given.max(out_len))))
}
