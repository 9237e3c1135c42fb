//! The detector of unusual rows in a run's folder.

use std::borrow::Cow;
use std::path::PathBuf;

use bundle::{Array, Detector, Numbers};
use safetensors::{Dtype, SafeTensors, View};

use super::Run;
use crate::error::{Error, Result};
use crate::file;

/// An array on its way to a file.
struct Stored<'a>(&'a Array);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.numbers {
            Numbers::Floats(_) => Dtype::F32,
            Numbers::Bytes(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.0.numbers {
            Numbers::Floats(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into(),
            Numbers::Bytes(bytes) => bytes.into(),
        }
    }

    fn data_len(&self) -> usize {
        match &self.0.numbers {
            Numbers::Floats(values) => size_of_val(&values[..]),
            Numbers::Bytes(bytes) => bytes.len(),
        }
    }
}

impl Run {
    /// What says how unusual a row is: `detector.safetensors`.
    pub fn detector_path(&self) -> PathBuf {
        self.dir.join("detector.safetensors")
    }

    /// The detector that was fitted to the best weights; nothing where there were no rows to calibrate on, and in a run of an
    /// earlier version.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds no detector.
    pub fn detector(&self) -> Result<Option<Detector>> {
        let path = self.detector_path();
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = file::read(&path)?;
        let damaged = |reason: String| Error::file(&path, format!("not a whole detector: {reason}"));
        let parsed = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
        let array = |name: &str| {
            let view = parsed.tensor(name).ok()?;
            let floats = || view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let numbers = match view.dtype() {
                Dtype::F32 => Numbers::Floats(floats()),
                Dtype::U8 => Numbers::Bytes(view.data().to_vec()),
                _ => return None,
            };
            Some(Array { shape: view.shape().to_vec(), numbers })
        };
        Detector::from_arrays(array).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// Replaces the detector.
    pub(crate) fn write_detector(&self, detector: &Detector) -> Result<()> {
        file::write_atomic(&self.detector_path(), &self.detector_bytes(detector)?)
    }

    pub(super) fn detector_bytes(&self, detector: &Detector) -> Result<Vec<u8>> {
        let mut arrays = detector.to_arrays();
        arrays.sort_by_key(|(name, _)| *name);
        let views = arrays.iter().map(|(name, array)| (*name, Stored(array)));
        safetensors::serialize(views, None).map_err(|error| Error::file(&self.detector_path(), error.to_string()))
    }
}
