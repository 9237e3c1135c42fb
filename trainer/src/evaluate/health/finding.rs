//! What may be wrong with a trained network.

use serde::{Deserialize, Serialize};

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The result is of use, but less than it could be.
    Warning,
    /// The result is no better than the mean training row.
    Failed,
}

/// What a [`Finding`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The reconstructions are no closer than the mean training row.
    LearnedNothing,
    /// The latent is the same for every row.
    ConstantLatent,
    /// Units of the latent are the same for every row.
    DeadUnits,
    /// The distribution of a variational latent is the same for every row.
    CollapsedPosterior,
    /// PCA of the same width is far better.
    WorseThanPca,
    /// The data is on another scale than its source says.
    InputScale,
}

/// Something that is wrong with a trained network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub kind: FindingKind,
    /// What was found, in a sentence.
    pub message: String,
    /// What to try, in a sentence.
    pub advice: String,
}
