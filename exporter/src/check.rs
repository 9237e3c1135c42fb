//! The ONNX checker's rules, applied before a byte is written.

use std::collections::HashSet;

use prost::Message;

use crate::proto::{AttributeProto, AttributeType, DataType, GraphProto, ModelProto, TensorProto, ValueInfoProto};
use crate::{Error, Result};

/// A protobuf message of 2 GiB or more cannot be parsed.
const LARGEST: usize = i32::MAX as usize;

/// Checks the bytes of a model by the rules of ONNX's checker, as far as this crate's models can break them: versions present, names
/// given and unique, every value produced once and before it is used, tensors as long as their shape says, under 2 GiB.
///
/// ```
/// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
/// exporter::check(&model.to_bytes())?;
/// assert!(exporter::check(b"no model").is_err());
/// # Ok::<(), exporter::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Invalid`] naming the rule and what breaks it.
pub fn check(bytes: &[u8]) -> Result<()> {
    let unreadable = |error: prost::DecodeError| Error::Invalid { graph: "?".into(), reason: error.to_string() };
    let model = ModelProto::decode(bytes).map_err(unreadable)?;
    let data: Vec<usize> =
        model.graph.iter().flat_map(|graph| &graph.initializer).map(|tensor| tensor.raw_data.len()).collect();
    check_proto(&model, bytes.len(), |index| data[index])
}

/// Checks a model of `length` bytes whose initializers have `data_len(index)` bytes of data.
pub(crate) fn check_proto(model: &ModelProto, length: usize, data_len: impl Fn(usize) -> usize) -> Result<()> {
    let graph = model.graph.as_ref();
    let name = graph.map_or("?", |graph| graph.name.as_str());
    let checked = match graph {
        None => Err("expected a graph, found none".into()),
        Some(graph) => check_model(model, length).and_then(|()| check_graph(graph, data_len)),
    };
    checked.map_err(|reason| Error::Invalid { graph: name.into(), reason })
}

type Check = Result<(), String>;

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(reason()) }
}

fn check_model(model: &ModelProto, length: usize) -> Check {
    ensure(model.ir_version >= 3, || format!("expected an IR version from 3, found {}", model.ir_version))?;
    let default = model.opset_import.iter().filter(|opset| opset.domain.is_empty()).count();
    ensure(default == 1, || format!("expected one opset of ONNX's own operators, found {default}"))?;
    let mut keys = HashSet::new();
    for entry in &model.metadata_props {
        ensure(keys.insert(&entry.key), || format!("the metadata key `{}` is used twice", entry.key))?;
    }
    ensure(length <= LARGEST, || format!("expected less than 2 GiB, found {length} bytes"))
}

fn check_graph(graph: &GraphProto, data_len: impl Fn(usize) -> usize) -> Check {
    ensure(!graph.name.is_empty(), || "expected a graph name, found none".into())?;
    ensure(!graph.output.is_empty(), || "expected an output, found none".into())?;
    let mut known = HashSet::new();
    for input in &graph.input {
        check_value_info(input)?;
        ensure(known.insert(input.name.as_str()), || format!("the input `{}` is there twice", input.name))?;
    }
    for (index, initializer) in graph.initializer.iter().enumerate() {
        check_tensor(initializer, data_len(index))?;
        let name = initializer.name.as_str();
        ensure(known.insert(name), || format!("the initializer `{name}` is there twice, or an input too"))?;
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

fn check_tensor(tensor: &TensorProto, found: usize) -> Check {
    let name = &tensor.name;
    ensure(!name.is_empty(), || "expected a name for every initializer, found none".into())?;
    let size = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => 4,
        Ok(DataType::Float16 | DataType::Bfloat16) => 2,
        Ok(DataType::Int64) => 8,
        Ok(DataType::Uint8 | DataType::Bool) => 1,
        _ => return Err(format!("initializer `{name}`: expected a type, found {}", tensor.data_type)),
    };
    let expected = tensor.dims.iter().product::<i64>() as usize * size;
    ensure(found == expected, || {
        format!("initializer `{name}`: expected {expected} bytes for shape {:?}, found {found}", tensor.dims)
    })
}

fn check_attribute(node: &str, attribute: &AttributeProto) -> Check {
    let name = &attribute.name;
    ensure(!name.is_empty(), || format!("node `{node}`: expected a name for every attribute, found none"))?;
    let held = [attribute.f.is_some(), attribute.i.is_some(), attribute.s.is_some(), !attribute.ints.is_empty()];
    let fits = match AttributeType::try_from(attribute.r#type) {
        Ok(AttributeType::Float) => held == [true, false, false, false],
        Ok(AttributeType::Int) => held == [false, true, false, false],
        Ok(AttributeType::String) => held == [false, false, true, false],
        // A list may be empty.
        Ok(AttributeType::Ints) => held[..3] == [false; 3],
        _ => false,
    };
    ensure(fits, || format!("node `{node}`: the attribute `{name}` does not hold one value of its type"))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::Linear;

    use super::*;
    use crate::Model;
    use crate::proto::StringStringEntryProto;

    fn proto() -> ModelProto {
        let weight = Tensor::zeros((3, 4), DType::F32, &Device::Cpu).unwrap();
        let layer = Linear::new(weight, None);
        let model = Model::trace(&layer).input("x", ("batch", 4)).metadata("a", "1");
        ModelProto::decode(model.build().unwrap().to_bytes().as_slice()).unwrap()
    }

    /// The reason that `spoil` makes the checker give.
    fn reason(spoil: impl FnOnce(&mut ModelProto, &mut GraphProto)) -> String {
        let mut model = proto();
        let mut graph = model.graph.take().unwrap();
        spoil(&mut model, &mut graph);
        model.graph = Some(graph);
        check(&model.encode_to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn a_built_model_passes() {
        check(&proto().encode_to_vec()).unwrap();
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
            (reason(|_, graph| graph.node.push(graph.node[0].clone())), "node name `Gemm`"),
            (reason(|_, graph| graph.node[0].input[0] = "later".into()), "`later` is not produced before"),
            (reason(|_, graph| graph.node[0].output[0] = "x".into()), "`x` is produced already"),
            (reason(|_, graph| graph.node[0].attribute[0].f = Some(1.)), "attribute `transB`"),
            (reason(|_, graph| graph.node[0].op_type.clear()), "expected an operator"),
        ];
        for (reason, expected) in cases {
            assert!(reason.contains(expected), "expected {expected}: {reason}");
        }
        assert!(check(b"not a model").is_err());
    }
}
