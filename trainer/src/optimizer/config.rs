//! The optimisers' settings, with the published defaults.

use serde::{Deserialize, Serialize};

use super::adadelta::Adadelta;
use super::adam::Adam;
use super::rmsprop::Rmsprop;
use super::rule::Rule;
use super::sgd::Sgd;
use crate::error::{Error, Result};
use crate::suggest::did_you_mean;

/// An optimiser and its settings. Default: `adam`.
///
/// In every variant `learning_rate` (above 0) is the factor on the update, and `weight_decay` (from 0) pulls weights to
/// zero: added to the gradient, except in `adamw`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Zeiler 2012, "ADADELTA: an adaptive learning rate method". The learning rate of the paper is 1.0; at Keras 3's
    /// own default, 0.001, the tutorial's network does not learn.
    Adadelta {
        /// Default 1.0.
        learning_rate: f64,
        /// Decay of the running means, in 0.0..1.0. Default 0.95.
        rho: f64,
        /// Added under both square roots. Default 1e-7, as in Keras.
        epsilon: f64,
        /// Default 0.0.
        weight_decay: f64,
    },
    /// Kingma and Ba 2015, "Adam: a method for stochastic optimization".
    Adam {
        /// Default 0.001.
        learning_rate: f64,
        /// Decay of the mean gradient, in 0.0..1.0. Default 0.9.
        beta1: f64,
        /// Decay of the mean squared gradient, in 0.0..1.0. Default 0.999.
        beta2: f64,
        /// Added to the denominator. Default 1e-8.
        epsilon: f64,
        /// Default 0.0.
        weight_decay: f64,
    },
    /// Loshchilov and Hutter 2019, "Decoupled weight decay regularization".
    Adamw {
        /// Default 0.001.
        learning_rate: f64,
        /// Decay of the mean gradient, in 0.0..1.0. Default 0.9.
        beta1: f64,
        /// Decay of the mean squared gradient, in 0.0..1.0. Default 0.999.
        beta2: f64,
        /// Added to the denominator. Default 1e-8.
        epsilon: f64,
        /// Default 0.01, as in PyTorch.
        weight_decay: f64,
    },
    /// Gradient descent with Polyak's momentum.
    Sgd {
        /// Default 0.1.
        learning_rate: f64,
        /// In 0.0..1.0. Default 0.9.
        momentum: f64,
        /// Default 0.0.
        weight_decay: f64,
    },
    /// Tieleman and Hinton 2012, lecture 6e.
    Rmsprop {
        /// Default 0.001.
        learning_rate: f64,
        /// Decay of the mean squared gradient, in 0.0..1.0. Default 0.9.
        rho: f64,
        /// Added to the denominator. Default 1e-7, as in Keras.
        epsilon: f64,
        /// Default 0.0.
        weight_decay: f64,
    },
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0. }
    }
}

impl OptimizerConfig {
    /// Every optimiser's name.
    pub const NAMES: [&str; 5] = ["adadelta", "adam", "adamw", "sgd", "rmsprop"];

    /// The optimiser `name` with its default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "adadelta" => Self::Adadelta { learning_rate: 1., rho: 0.95, epsilon: 1e-7, weight_decay: 0. },
            "adam" => Self::default(),
            "adamw" => Self::Adamw { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 },
            "sgd" => Self::Sgd { learning_rate: 0.1, momentum: 0.9, weight_decay: 0. },
            "rmsprop" => Self::Rmsprop { learning_rate: 1e-3, rho: 0.9, epsilon: 1e-7, weight_decay: 0. },
            _ => {
                let names = Self::NAMES.join(", ");
                let meant = did_you_mean(name, Self::NAMES);
                return Err(Error::setting(
                    "optimizer.name",
                    format!("expected one of {names}; found `{name}`{meant}"),
                ));
            }
        })
    }

    /// The same optimiser at another learning rate.
    pub fn with_learning_rate(mut self, rate: f64) -> Self {
        match &mut self {
            Self::Adadelta { learning_rate, .. }
            | Self::Adam { learning_rate, .. }
            | Self::Adamw { learning_rate, .. }
            | Self::Sgd { learning_rate, .. }
            | Self::Rmsprop { learning_rate, .. } => *learning_rate = rate,
        }
        self
    }

    /// How strongly parameters are pulled to zero.
    pub fn weight_decay(&self) -> f64 {
        match *self {
            Self::Adadelta { weight_decay, .. }
            | Self::Adam { weight_decay, .. }
            | Self::Adamw { weight_decay, .. }
            | Self::Sgd { weight_decay, .. }
            | Self::Rmsprop { weight_decay, .. } => weight_decay,
        }
    }

    /// The factor on every update.
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Self::Adadelta { learning_rate, .. }
            | Self::Adam { learning_rate, .. }
            | Self::Adamw { learning_rate, .. }
            | Self::Sgd { learning_rate, .. }
            | Self::Rmsprop { learning_rate, .. } => learning_rate,
        }
    }

    /// The optimiser's name, as written in `config.toml`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adadelta { .. } => "adadelta",
            Self::Adam { .. } => "adam",
            Self::Adamw { .. } => "adamw",
            Self::Sgd { .. } => "sgd",
            Self::Rmsprop { .. } => "rmsprop",
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first setting out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        let positive = |setting, value: f64| {
            let fine = value > 0. && value.is_finite();
            fine.then_some(()).ok_or_else(|| Error::setting(setting, format!("expected more than 0, found {value}")))
        };
        let decay = |setting, value: f64| {
            let fine = (0. ..1.).contains(&value);
            fine.then_some(())
                .ok_or_else(|| Error::setting(setting, format!("expected 0 or more and less than 1, found {value}")))
        };
        positive("optimizer.learning_rate", self.learning_rate())?;
        let weight_decay = match *self {
            Self::Adadelta { rho, epsilon, weight_decay, .. } | Self::Rmsprop { rho, epsilon, weight_decay, .. } => {
                decay("optimizer.rho", rho)?;
                positive("optimizer.epsilon", epsilon)?;
                weight_decay
            }
            Self::Adam { beta1, beta2, epsilon, weight_decay, .. }
            | Self::Adamw { beta1, beta2, epsilon, weight_decay, .. } => {
                decay("optimizer.beta1", beta1)?;
                decay("optimizer.beta2", beta2)?;
                positive("optimizer.epsilon", epsilon)?;
                weight_decay
            }
            Self::Sgd { momentum, weight_decay, .. } => {
                decay("optimizer.momentum", momentum)?;
                weight_decay
            }
        };
        if weight_decay >= 0. && weight_decay.is_finite() {
            Ok(())
        } else {
            Err(Error::setting("optimizer.weight_decay", format!("expected 0 or more, found {weight_decay}")))
        }
    }

    pub(super) fn rule(&self) -> Box<dyn Rule> {
        match *self {
            Self::Adadelta { rho, epsilon, weight_decay, .. } => Box::new(Adadelta { rho, epsilon, weight_decay }),
            Self::Adam { beta1, beta2, epsilon, weight_decay, .. } => {
                Box::new(Adam { beta1, beta2, epsilon, weight_decay, decoupled_decay: 0. })
            }
            Self::Adamw { beta1, beta2, epsilon, weight_decay, .. } => {
                Box::new(Adam { beta1, beta2, epsilon, weight_decay: 0., decoupled_decay: weight_decay })
            }
            Self::Sgd { momentum, weight_decay, .. } => Box::new(Sgd { momentum, weight_decay }),
            Self::Rmsprop { rho, epsilon, weight_decay, .. } => Box::new(Rmsprop { rho, epsilon, weight_decay }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_defaults_in_range() {
        for name in OptimizerConfig::NAMES {
            let config = OptimizerConfig::named(name).unwrap();
            assert_eq!(config.name(), name);
            config.check().unwrap();
        }
        assert!(OptimizerConfig::named("adagrad").unwrap_err().to_string().contains("adadelta, adam"));
    }

    #[test]
    fn values_out_of_range_are_named() {
        let error = OptimizerConfig::default().with_learning_rate(0.).check().unwrap_err().to_string();
        assert_eq!(error, "setting `optimizer.learning_rate`: expected more than 0, found 0");
        assert!(OptimizerConfig::default().with_learning_rate(f64::NAN).check().is_err());
        let momentum = OptimizerConfig::Sgd { learning_rate: 0.1, momentum: 1., weight_decay: 0. };
        assert!(momentum.check().unwrap_err().to_string().contains("optimizer.momentum"));
    }
}
