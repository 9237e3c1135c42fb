//! Nodes in messages.

use bundle::printable;
use onnx::NodeProto;

/// ``node `decoder.0` (Gemm)``, by its output where it has no name.
pub(crate) fn describe(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
    format!("node `{}` ({})", printable(name.map_or("", String::as_str)), printable(&node.op_type))
}
