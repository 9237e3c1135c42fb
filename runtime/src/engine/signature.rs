//! Name and shape of a graph's input, and which of its outputs are wanted, as far as the file says it.

use bundle::printable;
use onnx::{DataType, DimensionValue, GraphProto, TensorTypeProto, ValueInfoProto};

/// The name and the shape of an input or output, less the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) row_shape: Vec<usize>,
    /// Whether its values are bytes, and not 32-bit floats.
    pub(crate) is_bytes: bool,
}

/// How the rows of a batch lie in the graph's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Dimensions of 1 before the batch.
    pub(crate) before: usize,
    pub(crate) batch: Batch,
}

/// How many rows the graph takes in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// Any number.
    Any,
    /// Always this many.
    Fixed(usize),
    /// One, and there is no dimension for it.
    Single,
}

/// What the caller knows about a graph's tensors, where the file may leave it out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tensors {
    /// The shape of a row of the input.
    pub(crate) row_shape: Option<Vec<usize>>,
    /// The output that is wanted; the first where the caller does not know its name.
    pub(crate) output: Option<String>,
    /// An output that is wanted if it is there.
    pub(crate) second: Option<String>,
    /// The opset that the graph should have.
    pub(crate) opset: Option<i64>,
}

impl Signature {
    /// Values in one row.
    pub(crate) fn row_len(&self) -> usize {
        self.row_shape.iter().product()
    }

    /// The first of these values that the tensor cannot hold.
    pub(crate) fn misfit(&self, values: &[f32]) -> Option<usize> {
        let is_byte = |value: &f32| (0. ..=255.).contains(value) && value.fract() == 0.;
        if self.is_bytes { values.iter().position(|value| !is_byte(value)) } else { None }
    }

    /// `[batch, 784]`.
    pub(crate) fn describe(&self) -> String {
        let dims = self.row_shape.iter().map(usize::to_string);
        format!("[{}]", ["batch".into()].into_iter().chain(dims).collect::<Vec<_>>().join(", "))
    }
}

/// A dimension as the file has it: a known length, or the name of an unknown one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Dim {
    Known(usize),
    Unknown(String),
}

/// The graph's one input: its name, the shape of a row, and how rows lie in it. `known` is the shape of a row as far as
/// the caller knows it.
pub(crate) fn input(value: &ValueInfoProto, known: Option<&[usize]>) -> Result<(Signature, Layout), String> {
    let place = |reason: String| format!("its input `{}`: {reason}", printable(&value.name));
    let (tensor, is_bytes) = match byte_tensor(value) {
        Some(tensor) => (tensor, true),
        None => (float_tensor(value).map_err(place)?, false),
    };
    let (row_shape, layout) = match dims(tensor) {
        None => known.map(|row| (row.to_vec(), Layout { before: 0, batch: Batch::Any })).ok_or_else(|| no_shape(None)),
        Some(dims) => rows(&dims, known),
    }
    .map_err(place)?;
    let values = row_shape.iter().try_fold(1usize, |values, &dim| values.checked_mul(dim));
    if values.is_none_or(|values| values > isize::MAX as usize / size_of::<f32>()) {
        return Err(place(format!("no row can have the shape {row_shape:?}")));
    }
    Ok((Signature { name: value.name.clone(), row_shape, is_bytes }, layout))
}

/// The numbers and names of the wanted outputs among the graph's.
pub(crate) fn wanted(graph: &GraphProto, tensors: &Tensors) -> Result<Vec<(usize, String)>, String> {
    let find = |name: &Option<String>| graph.output.iter().position(|output| Some(&output.name) == name.as_ref());
    let first = match (&tensors.output, find(&tensors.output)) {
        (Some(name), None) => return Err(format!("expected an output `{}`, found none of this name", printable(name))),
        (_, found) => found.unwrap_or(0),
    };
    let output = graph.output.get(first).ok_or("expected an output, found none")?;
    float_tensor(output).map_err(|reason| format!("its output `{}`: {reason}", printable(&output.name)))?;
    let second = find(&tensors.second).filter(|&second| second != first && float_tensor(&graph.output[second]).is_ok());
    Ok([first].into_iter().chain(second).map(|number| (number, graph.output[number].name.clone())).collect())
}

/// The input's tensor if it has bytes, as pictures may.
fn byte_tensor(value: &ValueInfoProto) -> Option<&TensorTypeProto> {
    let tensor = value.r#type.as_ref()?.tensor_type.as_ref()?;
    (tensor.elem_type == i32::from(DataType::Uint8)).then_some(tensor)
}

fn float_tensor(value: &ValueInfoProto) -> Result<&TensorTypeProto, String> {
    let tensor = value.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref());
    let tensor = tensor.ok_or("expected a tensor of 32-bit floats, found a value of another type")?;
    if tensor.elem_type != i32::from(DataType::Float) {
        let found = type_name(tensor.elem_type);
        return Err(format!(
            "expected 32-bit floats, found {found}; convert the network to 32-bit floats before its export"
        ));
    }
    Ok(tensor)
}

/// A `TensorProto.DataType` of the specification, in words.
fn type_name(elem_type: i32) -> &'static str {
    match elem_type {
        2 | 3 => "8-bit integers",
        4 | 5 => "16-bit integers",
        6 | 12 => "32-bit integers",
        7 | 13 => "64-bit integers",
        8 => "text",
        9 => "truth values",
        10 | 16 => "16-bit floats",
        11 => "64-bit floats",
        _ => "values of another type",
    }
}

/// The dimensions of a tensor; nothing where the file does not even have their number.
fn dims(tensor: &TensorTypeProto) -> Option<Vec<Dim>> {
    let unknown = |name: &str| Dim::Unknown(if name.is_empty() { "?".into() } else { name.into() });
    let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match &dim.value {
        // Some exporters write -1 or 0 for a length that they do not know.
        Some(DimensionValue::DimValue(size)) => {
            usize::try_from(*size).ok().filter(|&size| size > 0).map_or_else(|| unknown(""), Dim::Known)
        }
        Some(DimensionValue::DimParam(name)) => unknown(name),
        None => unknown(""),
    });
    Some(dims.collect())
}

/// The shape of a row and how rows lie in a tensor of these dimensions.
fn rows(dims: &[Dim], known: Option<&[usize]>) -> Result<(Vec<usize>, Layout), String> {
    // A row of this shape is what the caller says that it is.
    let fits = |row: &[Dim]| {
        known.is_some_and(|known| {
            row.len() == known.len()
                && row
                    .iter()
                    .zip(known)
                    .all(|(dim, known)| matches!(dim, Dim::Unknown(_)) || *dim == Dim::Known(*known))
        })
    };
    let ones = dims.iter().take_while(|&dim| *dim == Dim::Known(1)).count();
    let unknown = dims.iter().filter(|dim| matches!(dim, Dim::Unknown(_))).count();
    let axis = match (0..=ones).find(|&axis| axis < dims.len() && fits(&dims[axis + 1..])) {
        Some(axis) => axis,
        None if fits(dims) => return Ok((known.unwrap_or_default().to_vec(), SINGLE)),
        // The one dimension that is unknown is the batch, be it behind others that are 1.
        None if unknown == 1 && ones < dims.len() && matches!(dims[ones], Dim::Unknown(_)) => ones,
        None => 0,
    };
    let Some((batch, row)) = dims.get(axis).map(|batch| (batch, &dims[axis + 1..])) else {
        return Err("expected rows of values, found a single number".into());
    };
    let lengths: Option<Vec<usize>> = match known {
        Some(known) if fits(row) => Some(known.to_vec()),
        _ => row.iter().map(|dim| if let Dim::Known(length) = dim { Some(*length) } else { None }).collect(),
    };
    let row = lengths.ok_or_else(|| no_shape(Some(dims)))?;
    Ok(match *batch {
        Dim::Unknown(_) => (row, Layout { before: axis, batch: Batch::Any }),
        Dim::Known(length) if row.is_empty() => (vec![length], SINGLE),
        Dim::Known(length) => (row, Layout { before: axis, batch: Batch::Fixed(length) }),
    })
}

const SINGLE: Layout = Layout { before: 0, batch: Batch::Single };

fn no_shape(dims: Option<&[Dim]>) -> String {
    let found = dims.map_or("no shape".into(), |dims| {
        let names = dims.iter().map(|dim| match dim {
            Dim::Known(length) => length.to_string(),
            Dim::Unknown(name) => printable(name),
        });
        format!("[{}]", names.collect::<Vec<_>>().join(", "))
    });
    format!(
        "expected the length of a row, as in [batch, 784], found {found}; load it from a bundle whose model.json has \
         the `row_shape`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dims: &[&str], known: Option<&[usize]>) -> Result<(Vec<usize>, Layout), String> {
        let dim = |text: &&str| text.parse().map_or_else(|_| Dim::Unknown((*text).into()), Dim::Known);
        rows(&dims.iter().map(dim).collect::<Vec<_>>(), known)
    }

    #[test]
    fn the_batch_is_found_wherever_other_exporters_put_it() {
        type Case<'a> = (&'a [&'a str], Option<&'a [usize]>, &'a [usize], Layout);
        let layout = |before, batch| Layout { before, batch };
        let cases: [Case; 13] = [
            (&["batch", "64"], None, &[64], layout(0, Batch::Any)),
            (&["?", "1", "8", "8"], None, &[1, 8, 8], layout(0, Batch::Any)),
            (&["1", "64"], None, &[64], layout(0, Batch::Fixed(1))),
            (&["4", "64"], None, &[64], layout(0, Batch::Fixed(4))),
            (&["1", "batch", "64"], None, &[64], layout(1, Batch::Any)),
            (&["64"], None, &[64], SINGLE),
            (&["batch"], None, &[], layout(0, Batch::Any)),
            // What the caller knows decides where the file leaves it open.
            (&["28", "28"], None, &[28], layout(0, Batch::Fixed(28))),
            (&["28", "28"], Some(&[28, 28]), &[28, 28], SINGLE),
            (&["n", "h", "w"], Some(&[8, 5]), &[8, 5], layout(0, Batch::Any)),
            (&["1", "h", "w"], Some(&[8, 5]), &[8, 5], layout(0, Batch::Fixed(1))),
            (&["1", "h", "w"], Some(&[5]), &[5], layout(1, Batch::Any)),
            (&["batch", "64"], Some(&[1, 8, 8]), &[64], layout(0, Batch::Any)),
        ];
        for (dims, known, row, expected) in cases {
            assert_eq!(found(dims, known), Ok((row.to_vec(), expected)), "{dims:?}, {known:?}");
        }
    }

    #[test]
    fn a_row_of_unknown_length_is_shown_as_it_was_found() {
        let error = found(&["n", "height", "width"], None).unwrap_err();
        assert!(error.contains("found [n, height, width]"), "{error}");
        let error = found(&["n", "width"], Some(&[1, 8, 8])).unwrap_err();
        assert!(error.contains("found [n, width]"), "{error}");
    }
}
