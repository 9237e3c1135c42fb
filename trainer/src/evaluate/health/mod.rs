//! Whether a trained network has learned anything: what was found, in plain sentences, and what to try.

mod advice;
mod finding;
mod symptoms;

pub(crate) use advice::Recipe;
pub use finding::{Finding, FindingKind, Level};
pub(crate) use symptoms::Symptoms;

use super::test_report::{PcaReport, TestReport};
use crate::numbers::Amount;

/// A network must be better than the mean row by this part of its error.
const MIN_GAIN: f64 = 0.02;
/// This part of the mean row's error is good enough, whatever PCA reaches.
const GOOD: f64 = 1e-4;
/// Where PCA is this many times better, training went wrong.
const PCA_TIMES_BETTER: f64 = 10.;

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
    // Where all rows are the same, the mean row's error cannot be improved upon.
    if let Some(mean) = test.mean_row_mse
        && mean > 0.
        && mse >= (1. - MIN_GAIN) * mean
    {
        let message = format!(
            "the network reconstructs no better than the mean training row: its MSE on the test rows is {}, that of the mean \
             row {}",
            Amount(mse),
            Amount(mean)
        );
        find(Level::Failed, FindingKind::LearnedNothing, message);
    }
    let Symptoms { units, constant, active, largest, max_value, .. } = *symptoms;
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
            "PCA with {} is far better: its MSE on the test rows is {}, the network's {}",
            bundle::counted(pca.components, "component"),
            Amount(pca.metrics.mse),
            Amount(mse)
        );
        find(Level::Warning, FindingKind::WorseThanPca, message);
    }
    if symptoms.is_small_scale() {
        let message = match largest {
            0 => "all values of the training rows are 0".into(),
            _ => format!("the largest value of the training rows is {largest}, where {max_value} is expected"),
        };
        find(Level::Warning, FindingKind::InputScale, message);
    }
    found
}
