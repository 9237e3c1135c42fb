//! A detector as named arrays: in the checkpoint of a run, and among the initializers of `scorer.onnx`.

use super::calibration::Calibration;
use super::centre::Centre;
use super::fitted::Detector;
use super::known_rows::KnownRows;
use crate::error::{Error, Result};
use crate::names::DETECTOR;

/// Numbers with a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub numbers: Numbers,
}

/// The numbers of an [`Array`].
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// 32-bit floats.
    Floats(Vec<f32>),
    /// Unsigned bytes.
    Bytes(Vec<u8>),
}

impl Detector {
    /// The parts by name.
    pub fn to_arrays(&self) -> Vec<(&'static str, Array)> {
        let floats = |shape: &[usize], values: &[f32]| Array {
            shape: shape.to_vec(),
            numbers: Numbers::Floats(values.to_vec()),
        };
        let list = |values: &[f32]| floats(&[values.len()], values);
        let mut arrays = vec![
            (DETECTOR.weights, list(&self.weights)),
            (DETECTOR.spread, list(&self.spread)),
            (DETECTOR.bounds, list(self.calibration.bounds())),
            (DETECTOR.counts, list(self.calibration.counts())),
        ];
        if let Some(matrix) = &self.whitening {
            let features = matrix.len().isqrt();
            arrays.push((DETECTOR.whitening, floats(&[features, features], matrix)));
        }
        if let Some(known) = &self.known {
            let bytes =
                Array { shape: vec![known.len(), known.width()], numbers: Numbers::Bytes(known.bytes().to_vec()) };
            arrays.extend([
                (DETECTOR.known, bytes),
                (DETECTOR.known_low, list(known.low())),
                (DETECTOR.known_step, list(known.step())),
            ]);
        }
        if let Some(centre) = &self.centre {
            arrays.extend([(DETECTOR.middle, list(centre.middle())), (DETECTOR.scale, list(centre.scale()))]);
        }
        arrays
    }

    /// The detector whose arrays `get` finds by name.
    ///
    /// # Errors
    ///
    /// [`Error::Detector`] when one is missing or cannot be a part of a detector. [`Detector::check`] says whether they fit the rows.
    pub fn from_arrays(get: impl Fn(&str) -> Option<Array>) -> Result<Self> {
        let floats = |name: &str| match get(name) {
            Some(Array { numbers: Numbers::Floats(values), .. }) => Ok(values),
            _ => Err(Error::Detector(format!("expected the numbers `{name}`, found none"))),
        };
        let whitening = get(DETECTOR.whitening).map(|_| floats(DETECTOR.whitening)).transpose()?;
        let known = match get(DETECTOR.known) {
            None => None,
            Some(Array { numbers: Numbers::Bytes(bytes), .. }) => {
                let known = KnownRows::from_parts(bytes, floats(DETECTOR.known_low)?, floats(DETECTOR.known_step)?);
                Some(known.ok_or_else(|| Error::Detector("the known rows do not fit their columns".into()))?)
            }
            Some(_) => return Err(Error::Detector(format!("expected the bytes `{}`", DETECTOR.known))),
        };
        let centre = match get(DETECTOR.middle) {
            None => None,
            Some(_) => {
                let centre = Centre::from_parts(floats(DETECTOR.middle)?, floats(DETECTOR.scale)?);
                Some(centre.ok_or_else(|| Error::Detector("the centre is damaged".into()))?)
            }
        };
        let weights = floats(DETECTOR.weights)?;
        let weights = weights.try_into().map_err(|_| Error::Detector("expected three weights".into()))?;
        let counts = floats(DETECTOR.counts)?;
        let rows = counts.iter().map(|&count| f64::from(count)).sum::<f64>() as usize;
        let calibration = Calibration::from_parts(rows, floats(DETECTOR.bounds)?, counts)?;
        Ok(Self { whitening, known, centre, weights, spread: floats(DETECTOR.spread)?, calibration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_comes_back_from_its_arrays() {
        let detector = Detector {
            whitening: Some(vec![1., 0., 0., 0.5]),
            known: Some(KnownRows::new(&[0., 0., 4., 4.], 2)),
            centre: Some(Centre::new(&[0., 0., 4., 4.], 2)),
            weights: [2., 1., 1.],
            spread: vec![0.5, 2.],
            calibration: Calibration::new(vec![1., 2., 3.]).unwrap(),
        };
        for detector in [detector.clone(), Detector { whitening: None, known: None, centre: None, ..detector }] {
            let arrays = detector.to_arrays();
            let get = |name: &str| arrays.iter().find(|(known, _)| *known == name).map(|(_, array)| array.clone());
            assert_eq!(Detector::from_arrays(get).unwrap(), detector);
            let error = Detector::from_arrays(|name| get(name).filter(|_| name != DETECTOR.spread)).unwrap_err();
            assert_eq!(error.to_string(), "expected the numbers `detector.spread`, found none");
        }
    }
}
