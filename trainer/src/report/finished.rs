//! What the report is made from.

use crate::data::Samples;
use crate::evaluate::{Measure, TestScores};
use crate::run::{EpochRecord, Run, Summary};

/// A finished training, and what its pictures are made of.
pub(crate) struct Finished<'a> {
    pub(crate) run: &'a Run,
    pub(crate) summary: &'a Summary,
    pub(crate) history: &'a [EpochRecord],
    /// The best weights, and how rows are prepared for them.
    pub(crate) measure: &'a Measure<'a>,
    /// The test rows.
    pub(crate) test: &'a Samples,
    /// Their anomaly scores; nothing where there is no detector.
    pub(crate) scores: Option<&'a TestScores>,
}
