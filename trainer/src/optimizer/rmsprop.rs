//! RMSprop: Tieleman and Hinton 2012, "Neural networks for machine learning", lecture 6e.

use candle_core::{Result, Tensor};

use super::rule::{Moment, Rule};
use super::sgd::decayed;

pub(super) struct Rmsprop {
    pub(super) rho: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
}

impl Rule for Rmsprop {
    fn slots(&self) -> &'static [&'static str] {
        &["squared_gradient"]
    }

    fn update(&self, parameter: &Tensor, gradient: &Tensor, slots: &mut [Tensor], moment: Moment) -> Result<Tensor> {
        let gradient = decayed(parameter, gradient, self.weight_decay)?;
        slots[0] = ((&slots[0] * self.rho)? + (gradient.sqr()? * (1. - self.rho))?)?;
        parameter - ((gradient * moment.learning_rate)? / (slots[0].sqrt()? + self.epsilon)?)?
    }

    fn update_in_place(&self, parameter: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]], moment: Moment) {
        let [squared_gradient] = slots else { unreachable!("one slot") };
        let settings = [self.rho, 1. - self.rho, self.weight_decay, moment.learning_rate, self.epsilon];
        kernels::rmsprop_step(parameter, gradient, squared_gradient, settings.map(|value| value as f32));
    }
}
