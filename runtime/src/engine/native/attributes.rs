//! A node's attributes and constants as Rust values.

use onnx::{AttributeProto, AttributeType, DataType, NodeProto, TensorProto};

/// The attributes of a node.
pub(super) struct Attributes<'a>(&'a [AttributeProto]);

impl<'a> Attributes<'a> {
    /// Nothing where there is an attribute that is not in `known`, or one whose value has the wrong type.
    pub(super) fn of(node: &'a NodeProto, known: &[&str]) -> Option<Self> {
        let fits = |attribute: &AttributeProto| {
            let name = attribute.name.as_str();
            let is = |kind| attribute.r#type == i32::from(kind);
            known.contains(&name)
                && match name {
                    "alpha" | "beta" => is(AttributeType::Float),
                    "mode" | "coordinate_transformation_mode" | "nearest_mode" => is(AttributeType::String),
                    "pads" => is(AttributeType::Ints) && attribute.ints.len() == 4,
                    "kernel_shape" | "strides" | "dilations" => is(AttributeType::Ints) && attribute.ints.len() == 2,
                    "transA" | "transB" | "ceil_mode" | "allowzero" => {
                        is(AttributeType::Int) && [0, 1].contains(&attribute.i.unwrap_or_default())
                    }
                    _ => is(AttributeType::Int),
                }
        };
        node.attribute.iter().all(fits).then_some(Self(&node.attribute))
    }

    fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |attribute| attribute.i.unwrap_or_default())
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.get(name).map_or(default, |attribute| attribute.f.unwrap_or_default())
    }

    pub(super) fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.get(name).map_or(default, |attribute| {
            std::str::from_utf8(attribute.s.as_deref().unwrap_or_default()).unwrap_or_default()
        })
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
    values(tensor, DataType::Float, raw, &tensor.float_data)
}

/// The whole numbers of a constant, as many as its shape says.
pub(super) fn ints(tensor: &TensorProto) -> Option<Vec<i64>> {
    let raw = tensor.raw_data.as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
    values(tensor, DataType::Int64, raw, &tensor.int64_data)
}

fn values<T: Clone>(tensor: &TensorProto, kind: DataType, raw: impl Iterator<Item = T>, plain: &[T]) -> Option<Vec<T>> {
    let count = dims(tensor)?.into_iter().try_fold(1usize, usize::checked_mul)?;
    let whole = tensor.raw_data.len().is_multiple_of(size_of::<T>());
    let values = if tensor.raw_data.is_empty() { plain.to_vec() } else { raw.collect() };
    (tensor.data_type == i32::from(kind) && whole && values.len() == count).then_some(values)
}
