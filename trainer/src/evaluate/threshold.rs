//! The score above which a row is unusual, from the validation rows.

use bundle::Threshold;

use super::measure::Measure;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};

/// The part of the validation rows that lie at or below the threshold.
const QUANTILE: f64 = 0.99;

/// The score that 99 % of the validation rows do not exceed.
pub(crate) fn threshold(measure: &Measure, dataset: &Dataset, split: &Split) -> Result<Threshold> {
    let scores = measure.row_scores(split.validation_images(dataset), &split.validation)?;
    Threshold::calibrate(scores, QUANTILE).ok_or_else(|| Error::setting("validation", "there are no validation rows"))
}
