//! A node, what is known of its inputs, and its settings.

use onnx::{DataType, NodeProto, TensorProto};

use crate::engine::constants::{floats, ints};

/// The most numbers of a tensor that are followed: shapes have a handful.
pub(super) const MAX_NUMBERS: usize = 4096;

/// What is known of a tensor before anything runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    pub(super) dims: Vec<usize>,
    /// The numbers, where they follow from constants and shapes alone and are few.
    pub(super) numbers: Option<Vec<f64>>,
    /// Whether they are whole numbers, which divide without a remainder.
    pub(super) is_whole: bool,
    /// Where they follow from the shape of a tensor that is computed, by how many computations one after the other.
    pub(super) terms: Option<usize>,
    /// Whether they follow from constants alone, known or not.
    pub(super) is_constant: bool,
}

impl Value {
    /// Values in the tensor.
    pub(super) fn len(&self) -> usize {
        product(&self.dims)
    }

    /// A constant of the graph.
    pub(super) fn of(tensor: &TensorProto) -> Option<Self> {
        let dims = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>()?;
        let is = |kind: DataType| tensor.data_type == i32::from(kind);
        let numbers = match product(&dims) {
            0 => Some(vec![]),
            len if len > MAX_NUMBERS => None,
            _ if is(DataType::Float) => floats(tensor).map(|numbers| numbers.into_iter().map(f64::from).collect()),
            _ if is(DataType::Int64) => ints(tensor).map(|numbers| numbers.into_iter().map(|int| int as f64).collect()),
            len if is(DataType::Bool) || is(DataType::Uint8) => {
                Some(tensor.raw_data.iter().map(|&byte| byte.into()).collect::<Vec<f64>>())
                    .filter(|found| found.len() == len)
            }
            _ => None,
        };
        Some(Self { dims, numbers, is_whole: is(DataType::Int64), terms: None, is_constant: true })
    }
}

/// The values of a tensor of these dimensions.
pub(super) fn product(dims: &[usize]) -> usize {
    dims.iter().copied().fold(1, usize::saturating_mul)
}

/// A node of which all inputs are known as far as they can be.
pub(super) struct Node<'a> {
    pub(super) proto: &'a NodeProto,
    pub(super) inputs: Vec<Option<&'a Value>>,
    pub(super) opset: i64,
}

impl<'a> Node<'a> {
    pub(super) fn operator(&self) -> &'a str {
        &self.proto.op_type
    }

    /// Whether nothing of it depends on the rows.
    pub(super) fn is_constant(&self) -> bool {
        self.inputs.iter().flatten().all(|value| value.is_constant)
    }

    /// Nothing where the input is left out.
    pub(super) fn input(&self, index: usize) -> Option<&'a Value> {
        *self.inputs.get(index)?
    }

    pub(super) fn dims(&self, index: usize) -> Option<&'a [usize]> {
        Some(&self.input(index)?.dims)
    }

    /// The numbers of an input, where they are known.
    pub(super) fn numbers(&self, index: usize) -> Option<&'a [f64]> {
        self.input(index)?.numbers.as_deref()
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
    }

    /// Nothing where it is missing or empty.
    pub(super) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| &attribute.ints[..]).filter(|ints| !ints.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> &'a str {
        let bytes = self.attribute(name).and_then(|attribute| attribute.s.as_deref());
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.attribute(name)?.t.as_ref()
    }

    /// Numbers that are an attribute in older opsets and an input in newer ones.
    pub(super) fn list(&self, name: &str, index: usize) -> Option<Vec<f64>> {
        let given = self.ints(name).map(|ints| ints.iter().map(|&int| int as f64).collect());
        given.or_else(|| self.numbers(index).map(<[f64]>::to_vec))
    }

    fn attribute(&self, name: &str) -> Option<&'a onnx::AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }
}

/// An axis of a tensor of this rank, counted from the end where it is negative.
pub(super) fn axis(axis: f64, rank: usize) -> Option<usize> {
    let from_start = if axis < 0. { axis + rank as f64 } else { axis };
    (0. ..rank as f64).contains(&from_start).then_some(from_start as usize)
}

/// A length as it comes from a shape.
pub(super) fn length(number: f64) -> Option<usize> {
    (0. ..9e18).contains(&number).then_some(number as usize)
}

pub(super) fn lengths(numbers: &[f64]) -> Option<Vec<usize>> {
    numbers.iter().map(|&number| length(number)).collect()
}
