//! Whether a trained network has learned anything: what was found, in plain sentences, and what to try.

mod advice;
mod symptoms;

use serde::{Deserialize, Serialize};

pub(crate) use advice::Recipe;
pub(crate) use symptoms::Symptoms;

use super::test_report::{PcaReport, TestReport};

/// A network must be better than the mean row by this part of its error.
const MIN_GAIN: f64 = 0.02;
/// This part of the mean row's error is good enough, whatever PCA reaches.
const GOOD: f64 = 1e-4;
/// PCA that is this many times better says that training went wrong.
const PCA_TIMES_BETTER: f64 = 10.;

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

/// Everything that is wrong, the worst first.
pub(crate) fn findings(
    symptoms: &Symptoms,
    test: &TestReport,
    pca: Option<&PcaReport>,
    recipe: &Recipe,
) -> Vec<Finding> {
    let mse = test.metrics.mse;
    let mut found = Vec::new();
    let mut find = |level, kind, message: String| {
        found.push(Finding { level, kind, message, advice: recipe.advice(kind, symptoms) });
    };
    // Rows that are all the same have no error to gain upon.
    if let Some(mean) = test.mean_row_mse
        && mean > 0.
        && mse >= (1. - MIN_GAIN) * mean
    {
        let message = format!(
            "the network reconstructs no better than the mean training row: its MSE on the test rows is {mse:.5}, that of the \
             mean row {mean:.5}"
        );
        find(Level::Failed, FindingKind::LearnedNothing, message);
    }
    let Symptoms { units, constant, active, largest, max_value } = *symptoms;
    if constant == units {
        let message = format!("the latent is the same for every row: all of its {units} units are constant");
        find(Level::Failed, FindingKind::ConstantLatent, message);
    } else if 2 * constant >= units {
        let message = format!("{constant} of the latent's {units} units are dead: the same for every row");
        find(Level::Warning, FindingKind::DeadUnits, message);
    }
    if let Some(active) = active
        && 10 * active < units
    {
        let message = format!(
            "the latent's distribution has collapsed: {} of its {units} units have a divergence below 0.01 nats and carry nothing",
            units - active
        );
        find(Level::Warning, FindingKind::CollapsedPosterior, message);
    }
    if let Some(pca) = pca
        && mse > PCA_TIMES_BETTER * pca.metrics.mse
        && test.mean_row_mse.is_some_and(|mean| mse > GOOD * mean)
    {
        let message = format!(
            "PCA with {} components is far better: its MSE on the test rows is {:.5}, the network's {mse:.5}",
            pca.components, pca.metrics.mse
        );
        find(Level::Warning, FindingKind::WorseThanPca, message);
    }
    if symptoms.is_small_scale() {
        let message = format!("the largest value of the training rows is {largest}, where {max_value} is expected");
        find(Level::Warning, FindingKind::InputScale, message);
    }
    found
}
