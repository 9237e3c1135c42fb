//! Says why a node has no kernel.

use onnx::NodeProto;

/// Why there is no kernel for a node: none for its operator, or only for other settings of it.
pub(super) fn unsupported(node: &NodeProto) -> String {
    let known = match node.op_type.as_str() {
        _ if !node.domain.is_empty() => return format!("no kernel for operators of `{}`", node.domain),
        "Gemm" => "products of rows and constant weights plus a constant bias",
        "Conv" => {
            "constant square windows of odd size, at most 31 x 31, and a constant bias, with equal padding on all \
             sides, without stride, dilation or groups, in at most 64 MiB"
        }
        "MaxPool" => "windows of 2 x 2 side by side on images of even size, without padding",
        "Resize" => "images to twice the size, each value repeated",
        "Slice" => "the first rows or columns of images, steps of a sequence, and columns of rows",
        "Gather" => "one step of a sequence, and columns of rows",
        "Equal" => "rows with themselves or with constants",
        "Where" | "Not" => "what `Equal` says about rows",
        "Concat" => "rows, one behind the other",
        "ArgMax" => "the columns of rows, without keeping the dimension",
        "Clip" => "rows between two constants",
        "Mod" => "rows and a constant, with `fmod`",
        "MatMul" => "products of rows or steps and constant weights",
        "Add" | "Sub" | "Div" => "a row and a constant, one value or those of the last dimensions",
        "Cast" => "bytes that come in, what `Equal` says and places of `ArgMax`, to 32-bit floats",
        "LSTM" => {
            "one layer in the order of the steps, without clipping, peepholes or lengths, that begins with zeros and of \
             which one output is read"
        }
        "Transpose" | "Squeeze" | "Unsqueeze" => {
            "dimensions that move nothing in memory, of values that no other node reads, or channels put first or last"
        }
        "Mul" => "a row and a constant, or a row repeated at every step, as a product with ones",
        "Pad" => "one more row or column, equal to the last, of images of odd size that no other node reads",
        "Reshape" | "Flatten" => "rows in another shape that no other node reads",
        "Relu" | "Sigmoid" | "Tanh" => "the values of a layer without activation that no other node reads",
        _ => return "no kernel for it".into(),
    };
    format!("no kernel for it, only for {known}")
}
