//! Names and shapes of a graph's input and outputs, checked before the graph is prepared: tract panics on some malformed
//! graphs, and reads other files that a graph names.

use std::collections::HashSet;

use crate::onnx::{DimensionValue, EXTERNAL, FLOAT, GraphProto, ModelProto, ValueInfoProto};

/// The name and the shape of an input or output, less the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) row_shape: Vec<usize>,
}

impl Signature {
    /// Values in one row.
    pub(crate) fn row_len(&self) -> usize {
        self.row_shape.iter().product()
    }

    /// `[batch, 784]`.
    pub(crate) fn describe(&self) -> String {
        let dims: Vec<String> = self.row_shape.iter().map(usize::to_string).collect();
        format!("[batch, {}]", dims.join(", "))
    }
}

/// The one input and the outputs of a well-formed model: at least one, and others as long as they are rows of floats
/// too.
pub(crate) fn signatures(model: &ModelProto) -> Result<(Signature, Vec<Signature>), String> {
    let graph = model.graph.as_ref().ok_or("it holds no graph")?;
    refuse_external_data(graph)?;
    let initializers: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|input| !initializers.contains(input.name.as_str())).collect();
    let [input] = inputs[..] else {
        return Err(format!("expected one input, found {}", inputs.len()));
    };
    let (output, others) = graph.output.split_first().ok_or("expected an output, found none")?;

    let mut known = initializers;
    known.insert(&input.name);
    for node in &graph.node {
        if let Some(missing) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name.as_str())) {
            return Err(format!("node `{}`: its input `{missing}` is not produced before it", node.name));
        }
        known.extend(node.output.iter().map(String::as_str));
    }
    if let Some(missing) = graph.output.iter().find(|output| !known.contains(output.name.as_str())) {
        return Err(format!("its output `{}` is not produced", missing.name));
    }
    let others = others.iter().map_while(|output| signature(output).ok());
    Ok((signature(input)?, [signature(output)?].into_iter().chain(others).collect()))
}

/// A file from a stranger could name any path of this machine.
fn refuse_external_data(graph: &GraphProto) -> Result<(), String> {
    if !graph.sparse_initializer.is_empty() {
        return Err("it has sparse tensors, which are refused".into());
    }
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let attribute_tensors = attributes.clone().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
    for tensor in graph.initializer.iter().chain(attribute_tensors) {
        if tensor.data_location == EXTERNAL || !tensor.external_data.is_empty() {
            return Err(format!("tensor `{}` refers to another file, which is refused", tensor.name));
        }
    }
    let subgraphs = attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    subgraphs.into_iter().try_for_each(refuse_external_data)
}

fn signature(value: &ValueInfoProto) -> Result<Signature, String> {
    let name = &value.name;
    let wrong = || format!("`{name}`: expected 32-bit floats of shape [batch, ..], with all but the batch known");
    let tensor = value.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref()).ok_or_else(wrong)?;
    if tensor.elem_type != FLOAT {
        return Err(wrong());
    }
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim[..]);
    let Some((batch, row)) = dims.split_first() else { return Err(wrong()) };
    if !matches!(batch.value, Some(DimensionValue::DimParam(_))) || row.is_empty() {
        return Err(wrong());
    }
    let row_shape: Option<Vec<usize>> = row
        .iter()
        .map(|dim| match dim.value {
            Some(DimensionValue::DimValue(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
            _ => None,
        })
        .collect();
    let signature = Signature { name: name.clone(), row_shape: row_shape.ok_or_else(wrong)? };
    let product = signature.row_shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    product.map(|_| signature).ok_or_else(wrong)
}
