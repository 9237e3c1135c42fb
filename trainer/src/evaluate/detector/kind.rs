//! What makes a row unusual.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::Samples;

/// What a row's score is made of. Default: `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorKind {
    /// `both` for tables and series; `reconstruction` for pictures, and where anomalies train too.
    #[default]
    Auto,
    /// The error of the reconstruction; of a table, weighed by the covariance of such errors.
    Reconstruction,
    /// The distance to the nearest training rows.
    Neighbours,
    /// Error and distance, each in units of its standard deviation on training rows.
    Both,
    /// Both, and the distance from the middle of the training rows: for those that hold unusual ones too, which then lie near
    /// themselves.
    Contaminated,
}

/// The most values of a row whose errors are weighed by their covariance, and whose distances are measured.
pub(super) const MAX_FEATURES: usize = 1024;

impl DetectorKind {
    /// What `auto` stands for.
    pub(super) fn resolve(self, train: &Samples, trains_anomalies: bool) -> Self {
        let is_table = train.schema().is_some() && train.width() <= MAX_FEATURES;
        match self {
            Self::Auto if is_table && trains_anomalies => Self::Contaminated,
            Self::Auto if is_table => Self::Both,
            Self::Auto => Self::Reconstruction,
            kind => kind,
        }
    }

    /// The name in `config.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Reconstruction => "reconstruction",
            Self::Neighbours => "neighbours",
            Self::Both => "both",
            Self::Contaminated => "contaminated",
        }
    }
}

impl fmt::Display for DetectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
