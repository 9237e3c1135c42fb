//! Gradient descent with momentum, in the form of Polyak 1964: the velocity sums gradients, the rate scales the velocity.

use candle_core::{Result, Tensor};

use super::rule::{Moment, Rule};

pub(super) struct Sgd {
    pub(super) momentum: f64,
    pub(super) weight_decay: f64,
}

impl Rule for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn update(&self, parameter: &Tensor, gradient: &Tensor, slots: &mut [Tensor], moment: Moment) -> Result<Tensor> {
        let gradient = decayed(parameter, gradient, self.weight_decay)?;
        slots[0] = ((&slots[0] * self.momentum)? + gradient)?;
        parameter - (&slots[0] * moment.learning_rate)?
    }

    fn update_in_place(&self, parameter: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]], moment: Moment) {
        let [velocity] = slots else { unreachable!("one slot") };
        let settings = [self.momentum, self.weight_decay, moment.learning_rate].map(|value| value as f32);
        kernels::sgd_step(parameter, gradient, velocity, settings);
    }
}

/// The gradient of the loss plus `weight_decay / 2` times the squared weights.
pub(super) fn decayed(parameter: &Tensor, gradient: &Tensor, weight_decay: f64) -> Result<Tensor> {
    if weight_decay == 0. { Ok(gradient.clone()) } else { gradient + (parameter * weight_decay)? }
}
