//! Checks a graph before it is prepared: tract panics on some malformed ones, and reads other files that a graph names.

use std::collections::HashSet;

use bundle::printable;
use onnx::{DataLocation, GraphProto, ValueInfoProto};

use crate::engine::describe::describe;

/// The graph's only input, if the graph is well-formed.
pub(crate) fn check(graph: &GraphProto) -> Result<&ValueInfoProto, String> {
    refuse_external_data(graph)?;
    let mut initializers: HashSet<&str> = HashSet::new();
    if let Some(twice) = graph.initializer.iter().find(|tensor| !initializers.insert(&tensor.name)) {
        return Err(format!("two of its initializers are called `{}`", printable(&twice.name)));
    }
    let inputs = graph.input.iter().filter(|input| !initializers.contains(input.name.as_str()));
    let inputs: Vec<&ValueInfoProto> = inputs.collect();
    let [input] = inputs[..] else {
        let names: Vec<String> = inputs.iter().take(5).map(|input| format!("`{}`", printable(&input.name))).collect();
        let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        return Err(format!("expected one input, found {}{names}", inputs.len()));
    };
    let mut known = initializers;
    known.insert(&input.name);
    for node in &graph.node {
        if let Some(missing) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name.as_str())) {
            return Err(format!("{}: its input `{}` is not produced before it", describe(node), printable(missing)));
        }
        if let Some(again) = node.output.iter().find(|name| !name.is_empty() && !known.insert(name.as_str())) {
            return Err(format!("{}: its output `{}` has the name of another value", describe(node), printable(again)));
        }
    }
    if let Some(missing) = graph.output.iter().find(|output| !known.contains(output.name.as_str())) {
        return Err(format!("its output `{}` is not produced", printable(&missing.name)));
    }
    Ok(input)
}

/// A file from a stranger could name any path of this machine.
fn refuse_external_data(graph: &GraphProto) -> Result<(), String> {
    if !graph.sparse_initializer.is_empty() {
        return Err("it has sparse tensors, which are refused".into());
    }
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let attribute_tensors = attributes.clone().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
    for tensor in graph.initializer.iter().chain(attribute_tensors) {
        if tensor.data_location != i32::from(DataLocation::Default) || !tensor.external_data.is_empty() {
            return Err(format!(
                "tensor `{}` refers to another file, which is refused; save the graph as a single file",
                printable(&tensor.name)
            ));
        }
    }
    let subgraphs = attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    subgraphs.into_iter().try_for_each(refuse_external_data)
}
