//! A node's attributes and constants as Rust values.

use crate::onnx::{AttributeProto, FLOAT, INT64, NodeProto, TensorProto};

/// The kinds of an attribute's value, as ONNX numbers them.
const FLOAT_VALUE: i32 = 1;
const INT_VALUE: i32 = 2;
const STRING_VALUE: i32 = 3;
const INTS_VALUE: i32 = 7;

/// The attributes of a node.
pub(super) struct Attributes<'a>(&'a [AttributeProto]);

impl<'a> Attributes<'a> {
    /// Nothing where there is an attribute that is not in `known`, or one whose value has the wrong type.
    pub(super) fn of(node: &'a NodeProto, known: &[&str]) -> Option<Self> {
        let fits = |attribute: &AttributeProto| {
            let name = attribute.name.as_str();
            known.contains(&name)
                && match name {
                    "alpha" | "beta" => attribute.r#type == FLOAT_VALUE,
                    "mode" | "coordinate_transformation_mode" | "nearest_mode" => attribute.r#type == STRING_VALUE,
                    "pads" => attribute.r#type == INTS_VALUE && attribute.ints.len() == 4,
                    "kernel_shape" | "strides" | "dilations" => {
                        attribute.r#type == INTS_VALUE && attribute.ints.len() == 2
                    }
                    "transA" | "transB" | "ceil_mode" | "allowzero" => {
                        attribute.r#type == INT_VALUE && [0, 1].contains(&attribute.i)
                    }
                    _ => attribute.r#type == INT_VALUE,
                }
        };
        node.attribute.iter().all(fits).then_some(Self(&node.attribute))
    }

    fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |attribute| attribute.i)
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.get(name).map_or(default, |attribute| attribute.f)
    }

    pub(super) fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.get(name).map_or(default, |attribute| std::str::from_utf8(&attribute.s).unwrap_or_default())
    }

    /// Nothing where it is missing.
    pub(super) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.get(name).map(|attribute| &attribute.ints[..])
    }

    /// Whether all of the attribute's numbers are `value`, or it is missing.
    pub(super) fn all(&self, name: &str, value: i64) -> bool {
        self.ints(name).is_none_or(|ints| ints.iter().all(|&int| int == value))
    }
}

/// The shape of a constant.
pub(super) fn dims(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|&dim| usize::try_from(dim).ok().filter(|&dim| dim > 0)).collect()
}

/// The floats of a constant, as many as its shape says.
pub(super) fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    let raw = tensor.raw_data.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    values(tensor, FLOAT, raw, &tensor.float_data)
}

/// The whole numbers of a constant, as many as its shape says.
pub(super) fn ints(tensor: &TensorProto) -> Option<Vec<i64>> {
    let raw = tensor.raw_data.as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
    values(tensor, INT64, raw, &tensor.int64_data)
}

fn values<T: Clone>(tensor: &TensorProto, kind: i32, raw: impl Iterator<Item = T>, plain: &[T]) -> Option<Vec<T>> {
    let count = dims(tensor)?.into_iter().try_fold(1usize, usize::checked_mul)?;
    let whole = tensor.raw_data.len().is_multiple_of(size_of::<T>());
    let values = if tensor.raw_data.is_empty() { plain.to_vec() } else { raw.collect() };
    (tensor.data_type == kind && whole && values.len() == count).then_some(values)
}
