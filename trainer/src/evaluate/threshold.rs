//! The reconstruction error above which a row is unusual, from the validation rows.

use bundle::Threshold;

use super::measure::Measure;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};

/// The part of the validation rows that lie at or below the threshold.
const QUANTILE: f64 = 0.99;

/// The error that 99 % of the validation rows do not exceed.
pub(crate) fn threshold(measure: &Measure, dataset: &Dataset, split: &Split) -> Result<Threshold> {
    let errors = measure.row_errors(split.validation_images(dataset), &split.validation)?;
    let errors = errors.into_iter().map(f64::from).collect();
    Threshold::calibrate(errors, QUANTILE).ok_or_else(|| Error::setting("validation", "there are no validation rows"))
}
