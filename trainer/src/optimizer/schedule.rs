//! Learning-rate schedules: functions of the settings and of the course so far, so that a resumed run continues exactly.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::suggest::did_you_mean;

/// How the learning rate changes in the course of training. Default: `constant`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum Schedule {
    /// The optimiser's own rate throughout.
    Constant {},
    /// Lowered by a factor whenever the validation loss has not improved for a while. As in PyTorch's `ReduceLROnPlateau`, where the
    /// defaults come from too, an improvement is at least 1e-4 of the loss.
    Plateau {
        /// What the rate is multiplied by, in 0.0..1.0. Default 0.1.
        factor: f64,
        /// How many epochs without improvement to wait, from 0. Default 10.
        patience: usize,
        /// The rate goes no lower, from 0. Default 0.
        min_learning_rate: f64,
    },
    /// Half a cosine wave down to the lowest rate at the last epoch's end, step by step (Loshchilov and Hutter 2017, without
    /// restarts), after a linear rise from zero.
    Cosine {
        /// Epochs of the linear rise, from 0; parts of one are fine. Default 0.
        warmup_epochs: f64,
        /// The rate at the end, from 0. Default 0.
        min_learning_rate: f64,
    },
}

/// The least part of the loss that counts as an improvement.
const IMPROVEMENT: f64 = 1e-4;

impl Default for Schedule {
    fn default() -> Self {
        Self::Constant {}
    }
}

impl Schedule {
    /// Every schedule's name.
    pub const NAMES: [&str; 3] = ["constant", "plateau", "cosine"];

    /// The schedule `name` with its default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "constant" => Self::Constant {},
            "plateau" => Self::Plateau { factor: 0.1, patience: 10, min_learning_rate: 0. },
            "cosine" => Self::Cosine { warmup_epochs: 0., min_learning_rate: 0. },
            _ => {
                let names = Self::NAMES.join(", ");
                let meant = did_you_mean(name, Self::NAMES);
                return Err(Error::setting("schedule.name", format!("expected one of {names}; found `{name}`{meant}")));
            }
        })
    }

    /// Checks every range, for an optimiser's rate `base` and this number of `epochs`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first setting out of its range.
    pub fn check(&self, base: f64, epochs: usize) -> Result<()> {
        if let Self::Plateau { min_learning_rate, .. } | Self::Cosine { min_learning_rate, .. } = *self
            && min_learning_rate > base
        {
            let reason = format!("expected at most the optimiser's rate, {base}, found {min_learning_rate}");
            return Err(Error::setting("schedule.min_learning_rate", reason));
        }
        let from_zero = |setting, value: f64| {
            let fine = value >= 0. && value.is_finite();
            fine.then_some(()).ok_or_else(|| Error::setting(setting, format!("expected 0 or more, found {value}")))
        };
        match *self {
            Self::Constant {} => Ok(()),
            Self::Plateau { factor, min_learning_rate, .. } => {
                if !(factor > 0. && factor < 1.) {
                    let reason = format!("expected more than 0 and less than 1, found {factor}");
                    return Err(Error::setting("schedule.factor", reason));
                }
                from_zero("schedule.min_learning_rate", min_learning_rate)
            }
            Self::Cosine { warmup_epochs, min_learning_rate } => {
                from_zero("schedule.warmup_epochs", warmup_epochs)?;
                if warmup_epochs > epochs as f64 {
                    let reason = format!("expected at most the {epochs} epochs there are, found {warmup_epochs}");
                    return Err(Error::setting("schedule.warmup_epochs", reason));
                }
                from_zero("schedule.min_learning_rate", min_learning_rate)
            }
        }
    }

    /// The rate at the moment when `epochs_done` epochs of `epochs` are over, parts of an epoch included, and
    /// `validation_losses` are those of the whole ones. `base` is the optimiser's rate.
    pub(crate) fn learning_rate(&self, base: f64, epochs_done: f64, epochs: usize, validation_losses: &[f64]) -> f64 {
        match *self {
            Self::Constant {} => base,
            Self::Plateau { factor, patience, min_learning_rate } => {
                let (mut rate, mut best, mut waited) = (base, f64::INFINITY, 0);
                for &loss in validation_losses {
                    if loss < best - IMPROVEMENT * best.abs().min(f64::MAX) || best.is_infinite() {
                        (best, waited) = (loss, 0);
                    } else {
                        waited += 1;
                    }
                    if waited > patience {
                        (rate, waited) = ((rate * factor).max(min_learning_rate), 0);
                    }
                }
                rate
            }
            Self::Cosine { warmup_epochs, min_learning_rate } => {
                if epochs_done < warmup_epochs {
                    return base * epochs_done / warmup_epochs;
                }
                let falling = (epochs as f64 - warmup_epochs).max(f64::MIN_POSITIVE);
                let part = ((epochs_done - warmup_epochs) / falling).clamp(0., 1.);
                min_learning_rate + (base - min_learning_rate) * 0.5 * (1. + (std::f64::consts::PI * part).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plateau_waits_and_then_lowers_the_rate() {
        let schedule = Schedule::Plateau { factor: 0.5, patience: 1, min_learning_rate: 0.2 };
        let rate = |losses: &[f64]| schedule.learning_rate(1., losses.len() as f64, 100, losses);
        assert_eq!(rate(&[]), 1.);
        assert_eq!(rate(&[3., 2., 1.]), 1.);
        assert_eq!(rate(&[1., 1.]), 1.);
        assert_eq!(rate(&[1., 1., 1.]), 0.5);
        // An improvement of less than a ten-thousandth is none.
        assert_eq!(rate(&[1., 0.99995, 0.9999]), 0.5);
        assert_eq!(rate(&[1., 1., 1., 0.5, 0.6, 0.6]), 0.25);
        assert_eq!(rate(&[1.; 20]), 0.2);
    }

    #[test]
    fn cosine_rises_in_a_line_and_falls_in_half_a_wave() {
        let schedule = Schedule::Cosine { warmup_epochs: 2., min_learning_rate: 0.1 };
        let rate = |done| schedule.learning_rate(1., done, 12, &[]);
        assert_eq!([rate(0.), rate(0.5), rate(1.), rate(2.)], [0., 0.25, 0.5, 1.]);
        assert!((rate(7.) - 0.55).abs() < 1e-12);
        assert!((rate(12.) - 0.1).abs() < 1e-12);
        assert!(rate(6.9) > rate(7.1));
    }

    #[test]
    fn names_have_defaults_in_range_and_others_are_refused() {
        for name in Schedule::NAMES {
            Schedule::named(name).unwrap().check(1., 1).unwrap();
        }
        assert!(Schedule::named("linear").unwrap_err().to_string().contains("constant, plateau, cosine"));
        let schedule = Schedule::Plateau { factor: 1.5, patience: 1, min_learning_rate: 0. };
        assert!(schedule.check(1., 1).unwrap_err().to_string().contains("schedule.factor"));
        let cosine = |warmup_epochs, min_learning_rate| Schedule::Cosine { warmup_epochs, min_learning_rate };
        assert!(cosine(4., 0.).check(1., 3).unwrap_err().to_string().contains("at most the 3 epochs"));
        assert!(cosine(0., 5.).check(1., 3).unwrap_err().to_string().contains("at most the optimiser's rate"));
    }
}
