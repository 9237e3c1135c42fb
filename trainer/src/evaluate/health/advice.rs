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
    /// Largest norm of the gradients; 0 for any.
    pub(crate) clip_norm: f64,
    /// How strongly parameters are pulled to zero, and how strongly by default.
    pub(crate) weight_decay: [f64; 2],
    /// Standard deviation of the noise on the input.
    pub(crate) input_noise: f64,
    /// Whether the network is the one for tables, whose dropout keeps it from reconstructing as closely as it could.
    pub(crate) is_for_tables: bool,
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
/// A norm of the gradients below this hardly moves a parameter.
const LEAST_NORM: f64 = 0.01;
/// A pull to zero that is stronger than this is suspicious.
const STRONG_DECAY: f64 = 0.1;
/// The noise of the preset `denoise`, and where nothing of the input is left.
const NOISE: [f64; 2] = [0.5, 1.];
/// What to multiply the epochs by, or divide the divergence's weight by.
const TIMES: usize = 10;

impl Recipe {
    /// What to try first.
    pub(super) fn advice(&self, kind: FindingKind, symptoms: &Symptoms) -> String {
        let Self { learning_rate, usual_learning_rate, beta, sparsity, epochs, out_of_time, seed, .. } = *self;
        let Symptoms { units, constant, active, largest, max_value, alike } = *symptoms;
        let again = |change: String| format!("train again with `{change}`");
        if alike {
            return "look at the data: its training rows are all the same, so there is nothing to learn".into();
        }
        if kind == FindingKind::InputScale || symptoms.is_small_scale() {
            let factor = max_value / largest.max(1);
            let becomes = factor * largest;
            return format!("multiply the values of the data by {factor}, so that the largest becomes {becomes}");
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
        if let Some(change) = self.unusual() {
            return again(change);
        }
        match kind {
            FindingKind::CollapsedPosterior => again(format!("--beta {}", beta / TIMES as f64)),
            FindingKind::ConstantLatent => again(format!("--seed {}", seed + 1)),
            FindingKind::DeadUnits => {
                let used = units - constant;
                format!("the same with `--latent-dim {used}` is as good; `--seed {}` may use more units", seed + 1)
            }
            FindingKind::WorseThanPca if self.is_for_tables => again("--preset deep".into()),
            _ if out_of_time => again("--time-budget 0".into()),
            _ => again(format!("--epochs {}", (epochs * TIMES).min(MAX_EPOCHS))),
        }
    }

    /// The change to a setting that is far from what is usual.
    fn unusual(&self) -> Option<String> {
        let [decay, usual_decay] = self.weight_decay;
        let [noise, most] = NOISE;
        if self.clip_norm > 0. && self.clip_norm < LEAST_NORM {
            return Some("--clip-norm 1".into());
        }
        if decay > STRONG_DECAY {
            return Some(format!("--weight-decay {usual_decay}"));
        }
        (self.input_noise > most).then(|| format!("--input-noise {noise}"))
    }
}
