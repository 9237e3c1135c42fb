//! What decides how rows are measured.

use crate::objective::ObjectiveConfig;

/// The settings of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MeasureConfig {
    /// What training minimises.
    pub(crate) objective: ObjectiveConfig,
    /// Standard deviation of the noise on the input, from 0.
    pub(crate) input_noise: f64,
    /// Where the noise and the samples start.
    pub(crate) seed: u64,
}
