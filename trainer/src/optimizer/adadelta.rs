//! Adadelta: Zeiler 2012, "ADADELTA: an adaptive learning rate method", algorithm 1, times a learning rate.

use candle_core::{Result, Tensor};

use super::rule::{Moment, Rule};
use super::sgd::decayed;

pub(super) struct Adadelta {
    pub(super) rho: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
}

impl Rule for Adadelta {
    fn slots(&self) -> &'static [&'static str] {
        &["squared_gradient", "squared_update"]
    }

    fn update(&self, parameter: &Tensor, gradient: &Tensor, slots: &mut [Tensor], moment: Moment) -> Result<Tensor> {
        let gradient = decayed(parameter, gradient, self.weight_decay)?;
        slots[0] = ((&slots[0] * self.rho)? + (gradient.sqr()? * (1. - self.rho))?)?;
        let scale = ((&slots[1] + self.epsilon)? / (&slots[0] + self.epsilon)?)?.sqrt()?;
        let update = (scale * gradient)?;
        slots[1] = ((&slots[1] * self.rho)? + (update.sqr()? * (1. - self.rho))?)?;
        parameter - (update * moment.learning_rate)?
    }

    fn update_in_place(&self, parameter: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]], moment: Moment) {
        let [squared_gradient, squared_update] = slots else { unreachable!("two slots") };
        let settings = [self.rho, 1. - self.rho, self.weight_decay, moment.learning_rate, self.epsilon];
        let settings = settings.map(|value| value as f32);
        kernels::adadelta_step(parameter, gradient, squared_gradient, squared_update, settings);
    }
}
