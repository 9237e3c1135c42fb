//! What to try against a finding: one change to the settings, the likeliest first.

use super::finding::FindingKind;
use super::symptoms::Symptoms;

/// The settings that most often make a training fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recipe {
    /// The optimiser's learning rate.
    pub(crate) learning_rate: f64,
    /// Its default.
    pub(crate) usual_learning_rate: f64,
    /// Weight of a variational latent's divergence.
    pub(crate) beta: f64,
    /// Weight of the L1 penalty on the latent.
    pub(crate) sparsity: f64,
    /// Epochs that were asked for.
    pub(crate) epochs: usize,
    /// Whether the time budget ended training before they were done.
    pub(crate) out_of_time: bool,
    /// Where every random choice started.
    pub(crate) seed: u64,
}

/// The most that a config may ask for.
const MAX_EPOCHS: usize = 1_000_000;
/// A rate more than this many times above or below the usual one is suspicious.
const FAR: f64 = 5.;
/// The penalty of the preset `sparse`.
const USUAL_SPARSITY: f64 = 1e-4;
/// What to multiply the epochs by, or divide the divergence's weight by.
const TIMES: usize = 10;

impl Recipe {
    /// What to try first.
    pub(super) fn advice(&self, kind: FindingKind, symptoms: &Symptoms) -> String {
        let Self { learning_rate, usual_learning_rate, beta, sparsity, epochs, out_of_time, seed } = *self;
        let Symptoms { units, constant, active, largest, max_value } = *symptoms;
        let again = |change: String| format!("train again with `{change}`");
        if kind == FindingKind::InputScale || symptoms.is_small_scale() {
            if largest == 0 {
                return "look at the files of the training rows: there is nothing in them to learn".into();
            }
            let factor = max_value / largest;
            return format!("multiply the values of the data by {factor}, so that the largest becomes {max_value}");
        }
        if learning_rate > FAR * usual_learning_rate || learning_rate < usual_learning_rate / FAR {
            return again(format!("--learning-rate {usual_learning_rate}"));
        }
        if beta > 1. && active.is_some() {
            return again("--beta 1".into());
        }
        if sparsity > USUAL_SPARSITY {
            return again(format!("--sparsity {USUAL_SPARSITY}"));
        }
        match kind {
            FindingKind::CollapsedPosterior => again(format!("--beta {}", beta / TIMES as f64)),
            FindingKind::ConstantLatent => again(format!("--seed {}", seed + 1)),
            FindingKind::DeadUnits => {
                let used = units - constant;
                format!("the same with `--latent-dim {used}` is as good; `--seed {}` may use more units", seed + 1)
            }
            _ if out_of_time => again("--time-budget 0".into()),
            _ => again(format!("--epochs {}", (epochs * TIMES).min(MAX_EPOCHS))),
        }
    }
}
