//! What a file claims about itself, checked before an engine sees it.

use std::collections::{HashMap, HashSet};

use bundle::printable;
use onnx::{DataType, GraphProto, ModelProto, TensorProto};

use crate::engine::constants::{constant, floats};
use crate::engine::describe::describe;

/// The opsets that are known, the oldest and the newest: kernels compute the newer ones of them, tract most.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=26;
/// The versions of the file format that are known.
const IR_VERSIONS: std::ops::RangeInclusive<i64> = 3..=14;
/// The names of ONNX's own operators.
const DOMAINS: [&str; 2] = ["", "ai.onnx"];
/// Operators of which a weight must be finite.
const WEIGHTED: [&str; 14] = [
    "Add",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "Div",
    "GRU",
    "Gemm",
    "InstanceNormalization",
    "LSTM",
    "LayerNormalization",
    "MatMul",
    "Mul",
    "RNN",
    "Sub",
];

/// Fails where the versions of the file or of its operators are not known, a node is of another domain, or a weight is not finite. `claimed` is
/// the opset that the bundle says, if it says one.
pub(crate) fn check(model: &ModelProto, graph: &GraphProto, claimed: Option<i64>) -> Result<(), String> {
    let (oldest, newest) = (IR_VERSIONS.start(), IR_VERSIONS.end());
    if !IR_VERSIONS.contains(&model.ir_version) {
        return Err(format!("expected an IR version from {oldest} to {newest}, found {}", model.ir_version));
    }
    let own = model.opset_import.iter().filter(|opset| DOMAINS.contains(&opset.domain.as_str()));
    let (oldest, newest) = (OPSETS.start(), OPSETS.end());
    match own.map(|opset| opset.version).collect::<Vec<_>>()[..] {
        [version] if OPSETS.contains(&version) => {
            if let Some(claimed) = claimed.filter(|&claimed| claimed != version) {
                return Err(format!("expected the bundle's opset {claimed}, found {version}"));
            }
        }
        [version] => return Err(format!("expected an opset from {oldest} to {newest}, found {version}")),
        ref found => return Err(format!("expected one opset of ONNX's own operators, found {}", found.len())),
    }
    if let Some(node) = graph.node.iter().find(|node| !DOMAINS.contains(&node.domain.as_str())) {
        let domain = printable(&node.domain);
        return Err(format!("{}: the operator of `{domain}` is not supported", describe(node)));
    }
    check_finite(graph)
}

fn check_finite(graph: &GraphProto) -> Result<(), String> {
    let weighted = graph.node.iter().filter(|node| WEIGHTED.contains(&node.op_type.as_str()));
    let read: HashSet<&str> = weighted.flat_map(|node| &node.input).map(String::as_str).collect();
    let is_finite = |tensor: &&TensorProto| floats(tensor).is_none_or(|values| values.iter().all(|x| x.is_finite()));
    let weights = graph.initializer.iter().filter(|tensor| read.contains(tensor.name.as_str()));
    match { weights }.find(|tensor| !is_finite(tensor)) {
        Some(tensor) => Err(format!("tensor `{}`: expected finite numbers", printable(&tensor.name))),
        None => Ok(()),
    }
}

/// Bytes of the weights in memory: each engine packs them again for each node that reads them.
pub(crate) fn weights(graph: &GraphProto) -> usize {
    let initializers = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let lens: HashMap<&str, usize> =
        initializers.chain(graph.node.iter().filter_map(constant)).map(|(name, tensor)| (name, len(tensor))).collect();
    let read = graph.node.iter().flat_map(|node| &node.input).filter_map(|name| lens.get(name.as_str()));
    read.fold(0, |sum, len| sum.saturating_add(*len))
}

fn len(tensor: &TensorProto) -> usize {
    let size = if tensor.data_type == i32::from(DataType::Float16) { 2 } else { 1 };
    size * tensor.raw_data.len() + 4 * tensor.float_data.len() + 8 * tensor.int64_data.len()
}

#[cfg(test)]
mod tests {
    use onnx::{NodeProto, OperatorSetIdProto};

    use super::*;

    fn model() -> (ModelProto, GraphProto) {
        let opset_import = vec![OperatorSetIdProto { version: 17, ..Default::default() }];
        let weight = TensorProto {
            name: "w".into(),
            dims: vec![2],
            data_type: DataType::Float.into(),
            float_data: vec![1., 2.],
            ..Default::default()
        };
        let node = NodeProto { op_type: "Mul".into(), input: vec!["x".into(), "w".into()], ..Default::default() };
        let graph = GraphProto { node: vec![node.clone(), node], initializer: vec![weight], ..Default::default() };
        (ModelProto { ir_version: 8, opset_import, ..Default::default() }, graph)
    }

    #[test]
    fn what_is_not_known_or_not_finite_is_refused() {
        let refused = |spoil: &dyn Fn(&mut ModelProto, &mut GraphProto)| {
            let (mut model, mut graph) = model();
            spoil(&mut model, &mut graph);
            check(&model, &graph, Some(17)).unwrap_err()
        };
        let opset = |version| refused(&|model, _| model.opset_import[0].version = version);
        let cases = [
            (opset(99), "expected an opset from 7 to 26, found 99"),
            (opset(-1), "found -1"),
            (refused(&|model, _| model.opset_import.clear()), "expected one opset of ONNX's own operators, found 0"),
            (refused(&|model, _| model.opset_import.push(model.opset_import[0].clone())), "found 2"),
            (refused(&|model, _| model.ir_version = 0), "expected an IR version from 3 to 14, found 0"),
            (refused(&|_, graph| graph.node[1].domain = "\u{1b}evil".into()), r"the operator of `\u{1b}evil`"),
            (refused(&|_, graph| graph.initializer[0].float_data[1] = f32::NAN), "tensor `w`: expected finite numbers"),
        ];
        for (reason, expected) in cases {
            assert!(reason.contains(expected), "{reason}");
        }
        let (model, graph) = model();
        check(&model, &graph, None).unwrap();
        assert_eq!(check(&model, &graph, Some(18)).unwrap_err(), "expected the bundle's opset 18, found 17");
    }

    #[test]
    fn a_weight_counts_for_each_node_that_reads_it() {
        assert_eq!(weights(&model().1), 16);
    }
}
