//! A node's attributes as Rust values.

use onnx::{AttributeProto, AttributeType, NodeProto};

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
                    "mode" | "coordinate_transformation_mode" | "nearest_mode" | "direction" => {
                        is(AttributeType::String)
                    }
                    "pads" => is(AttributeType::Ints) && attribute.ints.len() == 4,
                    "perm" => is(AttributeType::Ints),
                    "kernel_shape" | "strides" | "dilations" => is(AttributeType::Ints) && attribute.ints.len() == 2,
                    "transA" | "transB" | "ceil_mode" | "allowzero" | "input_forget" | "layout" => {
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
