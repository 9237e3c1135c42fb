//! Adam: Kingma and Ba 2015, algorithm 1; with decoupled decay, AdamW: Loshchilov and Hutter 2019, algorithm 2.

use candle_core::{Result, Tensor};

use super::rule::Rule;
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

    fn update(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        slots: &mut [Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<Tensor> {
        let gradient = decayed(parameter, gradient, self.weight_decay)?;
        slots[0] = ((&slots[0] * self.beta1)? + (&gradient * (1. - self.beta1))?)?;
        slots[1] = ((&slots[1] * self.beta2)? + (gradient.sqr()? * (1. - self.beta2))?)?;
        let bias1 = 1. - self.beta1.powf(step as f64);
        let bias2 = 1. - self.beta2.powf(step as f64);
        let denominator = ((&slots[1] / bias2)?.sqrt()? + self.epsilon)?;
        let update = ((&slots[0] * (learning_rate / bias1))? / denominator)?;
        let kept = if self.decoupled_decay == 0. {
            parameter.clone()
        } else {
            (parameter * (1. - learning_rate * self.decoupled_decay))?
        };
        kept - update
    }

    fn update_in_place(
        &self,
        parameter: &mut [f32],
        gradient: &[f32],
        slots: &mut [&mut [f32]],
        learning_rate: f64,
        step: u64,
    ) {
        let [mean, variance] = slots else { unreachable!("two slots") };
        let bias = |beta: f64| 1. - beta.powf(step as f64);
        let settings = [
            self.beta1,
            1. - self.beta1,
            self.beta2,
            1. - self.beta2,
            self.weight_decay,
            1. - learning_rate * self.decoupled_decay,
            learning_rate / bias(self.beta1),
            1. / bias(self.beta2),
            self.epsilon,
        ];
        kernels::adam_step(parameter, gradient, mean, variance, settings.map(|value| value as f32));
    }
}
