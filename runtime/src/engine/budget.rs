//! What a graph from a stranger may ask of tract: a small file must not take much memory or time.

use std::collections::HashMap;

use onnx::{GraphProto, NodeProto, TensorProto};

use crate::engine::constants::{constant, dims, floats, ints};
use crate::engine::describe::describe;

/// The most nodes: tract's time grows faster than their number.
const MAX_NODES: usize = 10_000;
/// The most values of a tensor, for one row: 64 MiB.
pub(crate) const MAX_VALUES: usize = 1 << 24;
/// How many times as many values an image may have after it is resized.
const MAX_SCALE: f64 = 65536.;

/// Fails where the graph has too many nodes, or a node whose constants ask for a tensor of too many values: tract computes
/// such a node while it prepares the graph.
pub(crate) fn check(graph: &GraphProto) -> Result<(), String> {
    if graph.node.len() > MAX_NODES {
        return Err(format!("expected at most {MAX_NODES} nodes, found {}", graph.node.len()));
    }
    let constants = constants(graph);
    for node in &graph.node {
        let values = asked(node, &constants).unwrap_or(0.);
        if values > MAX_VALUES as f64 {
            let found = if values.is_finite() { format!("{values:.0}") } else { "many times more".into() };
            return Err(format!("{}: expected at most {MAX_VALUES} values in a tensor, found {found}", describe(node)));
        }
    }
    Ok(())
}

/// The constants of a graph by name: initializers, and the nodes that are one.
fn constants(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let initializers = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
    initializers.chain(graph.node.iter().filter_map(constant)).collect()
}

/// How many values a node gives by what its constants say, where they say it.
fn asked(node: &NodeProto, constants: &HashMap<&str, &TensorProto>) -> Option<f64> {
    let constant = |index: usize| constants.get(node.input.get(index)?.as_str()).copied();
    let whole = |index: usize| Some(ints(constant(index)?)?.into_iter().map(|value| value as f64).collect::<Vec<_>>());
    let single = |index: usize| {
        let float = || floats(constant(index)?)?.first().map(|&value| f64::from(value));
        whole(index).and_then(|values| values.first().copied()).or_else(float)
    };
    let product = |values: Vec<f64>| values.into_iter().map(|value| value.max(1.)).product::<f64>();
    // Where the values themselves are a constant; otherwise at least one.
    let given = || constant(0).and_then(dims).map_or(1., |dims| dims.into_iter().map(|dim| dim as f64).product());
    Some(match node.op_type.as_str() {
        "Range" => (single(1)? - single(0)?).abs() / single(2)?.abs().max(f64::MIN_POSITIVE),
        "ConstantOfShape" => product(whole(0)?),
        "Expand" | "Reshape" => product(whole(1)?),
        "Tile" => product(whole(1)?) * given(),
        "Pad" => whole(1)?.into_iter().fold(0., f64::max),
        "OneHot" => single(1)?,
        "Resize" | "Upsample" => {
            let index = if node.op_type == "Resize" { 2 } else { 1 };
            let scales = constant(index).and_then(floats);
            let scales = scales.map(|scales| scales.into_iter().map(f64::from).collect());
            match scales.map(product) {
                Some(scale) if scale > MAX_SCALE => f64::INFINITY,
                Some(scale) => scale * given(),
                None => product(whole(3)?),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(name: &str, values: &[i64]) -> TensorProto {
        TensorProto {
            name: name.into(),
            dims: vec![values.len() as i64],
            data_type: onnx::DataType::Int64.into(),
            int64_data: values.into(),
            ..Default::default()
        }
    }

    fn scales(name: &str, values: &[f32]) -> TensorProto {
        TensorProto {
            name: name.into(),
            dims: vec![values.len() as i64],
            data_type: onnx::DataType::Float.into(),
            float_data: values.into(),
            ..Default::default()
        }
    }

    fn checked(op_type: &str, inputs: &[&str], initializer: Vec<TensorProto>) -> Result<(), String> {
        let node = NodeProto {
            op_type: op_type.into(),
            name: "n".into(),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec!["y".into()],
            ..Default::default()
        };
        check(&GraphProto { node: vec![node], initializer, ..Default::default() })
    }

    #[test]
    fn constants_that_ask_for_much_memory_are_refused() {
        let large = 1 << 27;
        for (operator, inputs, constants) in [
            ("Range", &["a", "b", "c"][..], vec![numbers("a", &[0]), numbers("b", &[large]), numbers("c", &[1])]),
            ("Range", &["a", "b", "c"], vec![scales("a", &[0.]), scales("b", &[1.]), scales("c", &[1e-30])]),
            ("ConstantOfShape", &["a"], vec![numbers("a", &[1 << 13, 1 << 13])]),
            ("Expand", &["x", "a"], vec![numbers("a", &[1, large])]),
            ("Tile", &["w", "a"], vec![scales("w", &[0.; 64]), numbers("a", &[1 << 20])]),
            ("Pad", &["x", "a"], vec![numbers("a", &[0, large])]),
            ("OneHot", &["x", "a"], vec![numbers("a", &[large])]),
            ("Resize", &["x", "", "a"], vec![scales("a", &[1., 1., 4096., 4096.])]),
            ("Resize", &["x", "", "", "a"], vec![numbers("a", &[1, 1, 8192, 8192])]),
        ] {
            let error = checked(operator, inputs, constants).unwrap_err();
            assert!(error.starts_with(&format!("node `n` ({operator}): expected at most 16777216 values")), "{error}");
        }
    }

    #[test]
    fn what_networks_ask_for_is_granted() {
        for (operator, inputs, constants) in [
            ("Range", &["a", "b", "c"][..], vec![numbers("a", &[0]), numbers("b", &[512]), numbers("c", &[1])]),
            ("Reshape", &["x", "a"], vec![numbers("a", &[-1, 512, 28, 28])]),
            ("Resize", &["x", "", "a"], vec![scales("a", &[1., 1., 32., 32.])]),
            ("Expand", &["x", "unknown"], vec![]),
            ("Relu", &["x"], vec![]),
        ] {
            checked(operator, inputs, constants).unwrap();
        }
    }

    #[test]
    fn a_graph_of_too_many_nodes_is_refused() {
        let node = vec![NodeProto::default(); MAX_NODES + 1];
        let error = check(&GraphProto { node, ..Default::default() }).unwrap_err();
        assert_eq!(error, "expected at most 10000 nodes, found 10001");
    }
}
