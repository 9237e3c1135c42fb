//! Adam: Kingma and Ba 2015, algorithm 1; with decoupled decay, AdamW: Loshchilov and Hutter 2019, algorithm 2.

use candle_core::{Result, Tensor};

use super::rule::{Moment, Rule};
use super::sgd::decayed;

pub(super) struct Adam {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
    pub(super) decoupled_decay: f64,
}

impl Rule for Adam {
    fn slots(&self) -> &'static [&'static str] {
        &["mean", "variance"]
    }

    fn update(&self, parameter: &Tensor, gradient: &Tensor, slots: &mut [Tensor], moment: Moment) -> Result<Tensor> {
        let gradient = decayed(parameter, gradient, self.weight_decay)?;
        slots[0] = ((&slots[0] * self.beta1)? + (&gradient * (1. - self.beta1))?)?;
        slots[1] = ((&slots[1] * self.beta2)? + (gradient.sqr()? * (1. - self.beta2))?)?;
        let bias1 = 1. - self.beta1.powf(moment.step as f64);
        let bias2 = 1. - self.beta2.powf(moment.step as f64);
        let denominator = ((&slots[1] / bias2)?.sqrt()? + self.epsilon)?;
        let update = ((&slots[0] * (moment.learning_rate / bias1))? / denominator)?;
        let kept = if self.decoupled_decay == 0. {
            parameter.clone()
        } else {
            (parameter * (1. - moment.learning_rate * self.decoupled_decay))?
        };
        kept - update
    }

    fn update_in_place(&self, parameter: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]], moment: Moment) {
        let [mean, variance] = slots else { unreachable!("two slots") };
        let bias = |beta: f64| 1. - beta.powf(moment.step as f64);
        let settings = [
            self.beta1,
            1. - self.beta1,
            self.beta2,
            1. - self.beta2,
            self.weight_decay,
            1. - moment.learning_rate * self.decoupled_decay,
            moment.learning_rate / bias(self.beta1),
            1. / bias(self.beta2),
            self.epsilon,
        ];
        kernels::adam_step(parameter, gradient, mean, variance, settings.map(|value| value as f32));
    }
}
