//! The rules of ONNX's checker.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::opset::MIN_IR_VERSION;
use crate::proto::{
    AttributeProto, AttributeType, DataLocation, DataType, GraphProto, ModelProto, TensorProto, ValueInfoProto,
};

/// A protobuf message of 2 GiB or more cannot be parsed.
const MAX_LEN: usize = i32::MAX as usize;

/// Checks the bytes of a model against those rules of ONNX's checker that matter here: versions are present, names are given
/// and unique, every value is produced once and before it is used, tensors are as long as their shape says and in this file,
/// and the file is under 2 GiB.
///
/// ```
/// assert!(onnx::check(b"no model").is_err());
/// let error = onnx::check(&onnx::ModelProto::default().to_bytes()).unwrap_err();
/// assert_eq!(error.to_string(), "graph `?`: expected a graph, found none");
/// ```
///
/// # Errors
///
/// [`Error::Decode`] for bytes that are no model, [`Error::Invalid`] naming the rule and what breaks it.
pub fn check(bytes: &[u8]) -> Result<()> {
    let model = ModelProto::from_bytes(bytes)?;
    let initializers = model.graph.as_ref().map_or(&[][..], |graph| &graph.initializer);
    check_model(&model, bytes.len(), |index| initializers[index].raw_data.len())
}

/// Checks a model whose file has `len` bytes and whose initializer number `index` has `data_len(index)` bytes of data, wherever
/// that is: what [`crate::write_model`] is about to write.
///
/// # Errors
///
/// [`Error::Invalid`] naming the rule and what breaks it.
pub fn check_model(model: &ModelProto, len: usize, data_len: impl Fn(usize) -> usize) -> Result<()> {
    let graph = model.graph.as_ref();
    let name = graph.map_or("?", |graph| graph.name.as_str());
    let checked = match graph {
        None => Err("expected a graph, found none".into()),
        Some(graph) => check_file(model, len).and_then(|()| check_graph(graph, data_len)),
    };
    checked.map_err(|reason| Error::Invalid { graph: name.into(), reason })
}

type Check = Result<(), String>;

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(reason()) }
}

fn check_file(model: &ModelProto, len: usize) -> Check {
    let version = model.ir_version;
    ensure(version >= MIN_IR_VERSION, || format!("expected an IR version from {MIN_IR_VERSION}, found {version}"))?;
    let default = model.opset_import.iter().filter(|opset| opset.domain.is_empty()).count();
    ensure(default == 1, || format!("expected one opset of ONNX's own operators, found {default}"))?;
    let mut keys = HashSet::new();
    for entry in &model.metadata_props {
        ensure(keys.insert(&entry.key), || format!("the metadata key `{}` is used twice", entry.key))?;
    }
    ensure(len <= MAX_LEN, || format!("expected less than 2 GiB, found {len} bytes"))
}

fn check_graph(graph: &GraphProto, data_len: impl Fn(usize) -> usize) -> Check {
    ensure(!graph.name.is_empty(), || "expected a graph name, found none".into())?;
    ensure(!graph.output.is_empty(), || "expected an output, found none".into())?;
    let mut known = HashSet::new();
    for input in &graph.input {
        check_value_info(input)?;
        ensure(known.insert(input.name.as_str()), || format!("the input `{}` is there twice", input.name))?;
    }
    let mut initializers = HashSet::new();
    for (index, initializer) in graph.initializer.iter().enumerate() {
        check_tensor(initializer, data_len(index))?;
        let name = initializer.name.as_str();
        ensure(initializers.insert(name), || format!("the initializer `{name}` is there twice"))?;
        // An input of the same name has it as its default.
        known.insert(name);
    }
    let mut nodes = HashSet::new();
    for node in &graph.node {
        let name = &node.name;
        ensure(!node.op_type.is_empty(), || format!("node `{name}`: expected an operator, found none"))?;
        ensure(nodes.insert(name), || format!("the node name `{name}` is used twice"))?;
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            let produced = known.contains(input.as_str());
            ensure(produced, || format!("node `{name}`: its input `{input}` is not produced before it"))?;
        }
        for output in &node.output {
            ensure(known.insert(output), || format!("node `{name}`: its output `{output}` is produced already"))?;
        }
        let mut attributes = HashSet::new();
        for attribute in &node.attribute {
            check_attribute(name, attribute)?;
            let once = attributes.insert(&attribute.name);
            ensure(once, || format!("node `{name}`: the attribute `{}` is there twice", attribute.name))?;
        }
    }
    let mut outputs = HashSet::new();
    for output in &graph.output {
        check_value_info(output)?;
        let name = output.name.as_str();
        ensure(known.contains(name), || format!("the output `{name}` is not produced"))?;
        ensure(outputs.insert(name), || format!("the output `{name}` is there twice"))?;
    }
    Ok(())
}

fn check_value_info(value: &ValueInfoProto) -> Check {
    ensure(!value.name.is_empty(), || "expected a name for every input and output, found none".into())?;
    let tensor = value.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref());
    let typed =
        tensor.is_some_and(|tensor| tensor.elem_type != i32::from(DataType::Undefined) && tensor.shape.is_some());
    ensure(typed, || format!("`{}`: expected a tensor type and a shape, found none", value.name))
}

fn check_tensor(tensor: &TensorProto, data_len: usize) -> Check {
    let name = &tensor.name;
    ensure(!name.is_empty(), || "expected a name for every initializer, found none".into())?;
    let inside = tensor.external_data.is_empty() && tensor.data_location == i32::from(DataLocation::Default);
    ensure(inside, || format!("initializer `{name}`: expected its elements in this file, found another file's"))?;
    let size = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => 4,
        Ok(DataType::Float16 | DataType::Bfloat16) => 2,
        Ok(DataType::Int64) => 8,
        Ok(DataType::Uint8 | DataType::Bool) => 1,
        _ => return Err(format!("initializer `{name}`: expected a type, found {}", tensor.data_type)),
    };
    let lengths = [data_len, tensor.float_data.len() * 4, tensor.int64_data.len() * 8];
    let filled: Vec<usize> = lengths.into_iter().filter(|&length| length > 0).collect();
    ensure(filled.len() <= 1, || format!("initializer `{name}`: expected its elements in one field, found several"))?;
    let found = filled.first().copied().unwrap_or(0);
    let lengths = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok());
    let expected = lengths.into_iter().try_fold(size, |product: usize, dim| product.checked_mul(dim?));
    let expected =
        expected.ok_or_else(|| format!("initializer `{name}`: expected a shape, found {:?}", tensor.dims))?;
    ensure(found == expected, || {
        format!("initializer `{name}`: expected {expected} bytes for shape {:?}, found {found}", tensor.dims)
    })
}

fn check_attribute(node: &str, attribute: &AttributeProto) -> Check {
    let name = &attribute.name;
    ensure(!name.is_empty(), || format!("node `{node}`: expected a name for every attribute, found none"))?;
    let held = [
        (AttributeType::Float, attribute.f.is_some()),
        (AttributeType::Int, attribute.i.is_some()),
        (AttributeType::String, attribute.s.is_some()),
        (AttributeType::Tensor, attribute.t.is_some()),
        (AttributeType::Graph, attribute.g.is_some()),
        (AttributeType::Ints, !attribute.ints.is_empty()),
        (AttributeType::Tensors, !attribute.tensors.is_empty()),
        (AttributeType::Graphs, !attribute.graphs.is_empty()),
    ];
    let expected = AttributeType::try_from(attribute.r#type).unwrap_or(AttributeType::Undefined);
    let others = held.iter().any(|&(kind, filled)| filled && kind != expected);
    let filled = held.iter().any(|&(kind, filled)| filled && kind == expected);
    // A list may be empty.
    let list = matches!(expected, AttributeType::Ints | AttributeType::Tensors | AttributeType::Graphs);
    let fits = !others && (filled || list);
    ensure(fits, || format!("node `{node}`: the attribute `{name}` does not hold one value of its type"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{NodeProto, OperatorSetIdProto, StringStringEntryProto};

    /// `y = x weight^T` of rows of 4 values to rows of 3.
    fn model() -> ModelProto {
        let int = |name: &str, i| AttributeProto {
            name: name.into(),
            i: Some(i),
            r#type: AttributeType::Int.into(),
            ..Default::default()
        };
        let weight = TensorProto {
            name: "weight".into(),
            dims: vec![3, 4],
            data_type: DataType::Float.into(),
            raw_data: vec![0; 48],
            ..Default::default()
        };
        let node = NodeProto {
            name: "Gemm".into(),
            op_type: "Gemm".into(),
            input: vec!["x".into(), "weight".into()],
            output: vec!["y".into()],
            attribute: vec![int("transB", 1)],
            ..Default::default()
        };
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { version: 17, ..Default::default() }],
            graph: Some(GraphProto {
                name: "model".into(),
                node: vec![node],
                initializer: vec![weight],
                input: vec![ValueInfoProto::f32("x", &["batch", "4"])],
                output: vec![ValueInfoProto::f32("y", &["batch", "3"])],
                ..Default::default()
            }),
            metadata_props: vec![StringStringEntryProto { key: "a".into(), value: "1".into() }],
            ..Default::default()
        }
    }

    fn changed(change: impl FnOnce(&mut ModelProto, &mut GraphProto)) -> Result<()> {
        let mut model = model();
        let mut graph = model.graph.take().unwrap();
        change(&mut model, &mut graph);
        model.graph = Some(graph);
        check(&model.to_bytes())
    }

    /// The reason that the checker gives after `spoil`.
    fn reason(spoil: impl FnOnce(&mut ModelProto, &mut GraphProto)) -> String {
        changed(spoil).unwrap_err().to_string()
    }

    #[test]
    fn a_correct_model_passes() {
        check(&model().to_bytes()).unwrap();
    }

    #[test]
    fn every_broken_rule_is_named() {
        let cases = [
            (reason(|model, _| model.ir_version = 0), "IR version"),
            (reason(|model, _| model.opset_import.clear()), "opset"),
            (
                reason(|model, _| {
                    model.metadata_props.push(StringStringEntryProto { key: "a".into(), value: "2".into() })
                }),
                "metadata key `a`",
            ),
            (reason(|_, graph| graph.name.clear()), "graph name"),
            (reason(|_, graph| graph.output.clear()), "expected an output"),
            (reason(|_, graph| graph.output[0].name = "z".into()), "output `z` is not produced"),
            (reason(|_, graph| graph.output[0].r#type = None), "expected a tensor type"),
            (reason(|_, graph| graph.input.push(graph.input[0].clone())), "input `x` is there twice"),
            (reason(|_, graph| graph.initializer.push(graph.initializer[0].clone())), "initializer `weight`"),
            (reason(|_, graph| graph.initializer[0].raw_data.truncate(9)), "expected 48 bytes"),
            (reason(|_, graph| graph.initializer[0].data_type = 0), "expected a type"),
            (reason(|_, graph| graph.initializer[0].dims = vec![i64::MAX, 4]), "expected a shape"),
            (reason(|_, graph| graph.initializer[0].dims = vec![-3, -4]), "expected a shape"),
            (reason(|_, graph| graph.initializer[0].float_data = vec![0.]), "in one field, found several"),
            (reason(|_, graph| graph.initializer[0].data_location = 1), "in this file"),
            (reason(|_, graph| graph.node.push(graph.node[0].clone())), "node name `Gemm`"),
            (reason(|_, graph| graph.node[0].input[0] = "later".into()), "`later` is not produced before"),
            (reason(|_, graph| graph.node[0].output[0] = "x".into()), "`x` is produced already"),
            (reason(|_, graph| graph.node[0].attribute[0].f = Some(1.)), "attribute `transB`"),
            (reason(|_, graph| graph.node[0].attribute[0].r#type = 1), "attribute `transB`"),
            (reason(|_, graph| graph.node[0].op_type.clear()), "expected an operator"),
        ];
        for (reason, expected) in cases {
            assert!(reason.contains(expected), "expected {expected}: {reason}");
        }
        assert!(check(b"not a model").is_err());
    }

    #[test]
    fn elements_may_lie_in_the_field_of_their_type() {
        changed(|_, graph| {
            graph.initializer[0].raw_data.clear();
            graph.initializer[0].float_data = vec![0.; 12];
        })
        .unwrap();
    }
}
