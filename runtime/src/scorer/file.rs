//! The detector among the initializers of `scorer.onnx`.

use bundle::{Array, Calibration, DETECTOR, Detector, MAX_DETECTOR_VALUES, Numbers};
use onnx::{DataType, ModelProto, TensorProto};

use crate::engine::{dims, floats};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Reads the detector of a scorer that keeps to the limits.
pub(super) fn detector(bytes: &[u8], limits: &Limits) -> Result<Detector> {
    limits.check_file(bytes).map_err(wrong)?;
    let model = ModelProto::from_bytes(bytes).map_err(wrong)?;
    let graph = model.graph.as_ref().ok_or_else(|| wrong("it holds no graph"))?;
    if let Some(large) = graph.initializer.iter().find(|tensor| is_large(tensor)) {
        let name = bundle::printable(&large.name);
        return Err(wrong(format!("its tensor `{name}` has more than {MAX_DETECTOR_VALUES} values")));
    }
    let array = |name: &str| {
        let tensor = graph.initializer.iter().find(|tensor| tensor.name == name)?;
        let shape = dims(tensor)?;
        let count = shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim))?;
        let is_bytes = tensor.data_type == i32::from(DataType::Uint8) && tensor.raw_data.len() == count;
        let numbers = if is_bytes { Numbers::Bytes(tensor.raw_data.clone()) } else { Numbers::Floats(floats(tensor)?) };
        Some(Array { shape, numbers })
    };
    Detector::from_arrays(array).map_err(wrong)
}

/// Whether a part of the detector has more values than a trained one can have.
fn is_large(tensor: &TensorProto) -> bool {
    let values = dims(tensor).and_then(|shape| shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim)));
    tensor.name.starts_with("detector.") && values.is_none_or(|values| values > MAX_DETECTOR_VALUES)
}

/// The same scorer with another calibration.
pub(super) fn with_calibration(bytes: &[u8], calibration: &Calibration) -> Result<Vec<u8>> {
    let mut model = ModelProto::from_bytes(bytes).map_err(wrong)?;
    let graph = model.graph.as_mut().ok_or_else(|| wrong("it holds no graph"))?;
    for (name, values) in [(DETECTOR.bounds, calibration.bounds()), (DETECTOR.counts, calibration.counts())] {
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == name);
        let tensor = tensor.ok_or_else(|| wrong(format!("it has no tensor `{name}`")))?;
        *tensor = TensorProto {
            name: name.into(),
            data_type: DataType::Float.into(),
            dims: vec![values.len() as i64],
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..TensorProto::default()
        };
    }
    Ok(model.to_bytes())
}

/// An error about a scorer that comes from bytes.
pub(super) fn wrong(reason: impl ToString) -> Error {
    Error::graph("scorer", reason)
}
