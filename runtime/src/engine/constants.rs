//! Constants of a graph as Rust values.

use onnx::{DataType, NodeProto, TensorProto};

/// The name and the value of a node that is a constant.
pub(crate) fn constant(node: &NodeProto) -> Option<(&str, &TensorProto)> {
    let ([output], [value]) = (&node.output[..], &node.attribute[..]) else { return None };
    let plain = node.op_type == "Constant" && node.domain.is_empty() && value.name == "value";
    Some((output, value.t.as_ref().filter(|_| plain)?))
}

/// The shape of a constant.
pub(crate) fn dims(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|&dim| usize::try_from(dim).ok().filter(|&dim| dim > 0)).collect()
}

/// The floats of a constant, as many as its shape says.
pub(crate) fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    let raw = tensor.raw_data.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    values(tensor, DataType::Float, raw, &tensor.float_data)
}

/// The whole numbers of a constant, as many as its shape says.
pub(crate) fn ints(tensor: &TensorProto) -> Option<Vec<i64>> {
    let raw = tensor.raw_data.as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
    values(tensor, DataType::Int64, raw, &tensor.int64_data)
}

fn values<T: Clone>(tensor: &TensorProto, kind: DataType, raw: impl Iterator<Item = T>, plain: &[T]) -> Option<Vec<T>> {
    let count = dims(tensor)?.into_iter().try_fold(1usize, usize::checked_mul)?;
    let whole = tensor.raw_data.len().is_multiple_of(size_of::<T>());
    let values = if tensor.raw_data.is_empty() { plain.to_vec() } else { raw.collect() };
    (tensor.data_type == i32::from(kind) && whole && values.len() == count).then_some(values)
}
