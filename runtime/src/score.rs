//! How unusual a row is, by the formula and the threshold of the bundle.

use bundle::{Threshold, mean_squared_error};

use crate::autoencoder::Autoencoder;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;

impl Autoencoder {
    /// The anomaly score of each row: the mean squared error of its reconstruction; of the raw rows of a table, in units of each
    /// column's scale.
    ///
    /// ```no_run
    /// # fn main() -> runtime::Result<()> {
    /// let autoencoder = runtime::Autoencoder::load("runs/simple-digits-1/onnx")?;
    /// let rows = vec![0.5; 2 * autoencoder.input_len()];
    /// let scores = autoencoder.score(&rows)?; // one for each row
    /// let threshold = autoencoder.threshold()?;
    /// assert_eq!(autoencoder.is_anomaly(&rows)?[1], scores[1] > threshold.value);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have another length.
    pub fn score<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Vec<f64>> {
        let rows = rows.into();
        let reconstructions = self.reconstruct(rows)?;
        if let Some(schema) = self.manifest().and_then(|manifest| manifest.schema.as_ref()) {
            return Ok(schema.scores(rows.values, reconstructions.as_slice()));
        }
        let pairs = rows.values.chunks(self.input_len()).zip(reconstructions.iter());
        // As the network takes the values: in its range, 1.0 is white.
        let range = self.manifest().and_then(|manifest| manifest.input.range);
        let white = range.map_or(1., |[low, high]| f64::from(high - low));
        Ok(pairs.map(|(row, reconstruction)| mean_squared_error(row, reconstruction) / (white * white)).collect())
    }

    /// Whether the score of each row exceeds the bundle's threshold.
    ///
    /// # Errors
    ///
    /// [`Error::NoThreshold`] as for [`Autoencoder::threshold`], [`Error::Shape`] when the rows have another length.
    pub fn is_anomaly<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Vec<bool>> {
        let threshold = self.threshold()?;
        Ok(self.score(rows)?.into_iter().map(|score| threshold.is_exceeded_by(score)).collect())
    }

    /// The score that few usual rows exceed, as training found it on held-out rows.
    ///
    /// # Errors
    ///
    /// [`Error::NoThreshold`] when the autoencoder comes from bytes, or the bundle has no threshold for this score.
    pub fn threshold(&self) -> Result<&Threshold> {
        let manifest =
            self.manifest().ok_or_else(|| Error::NoThreshold { found: "an autoencoder from bytes".into() })?;
        match &manifest.threshold {
            Some(threshold) if threshold.metric == Threshold::MSE => Ok(threshold),
            Some(threshold) => {
                Err(Error::NoThreshold { found: format!("one of `{}`", threshold.metric.escape_default()) })
            }
            None => Err(Error::NoThreshold { found: "a bundle without one".into() }),
        }
    }
}
