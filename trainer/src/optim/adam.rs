//! Adam: Kingma and Ba 2015, algorithm 1; with decoupled decay, AdamW: Loshchilov and Hutter 2019, algorithm 2.

use candle_core::{Result, Tensor, Var};

use super::Rule;
use super::sgd::decayed;
use crate::ops::{AdamStep, MoveMean, in_place};

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
        parameter: &Var,
        gradient: &Tensor,
        slots: &[Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<bool> {
        let [mean, variance] = slots else { return Ok(false) };
        if ![parameter, gradient, mean, variance].into_iter().all(in_place) {
            return Ok(false);
        }
        let gradient = decayed(parameter, gradient, self.weight_decay)?;
        mean.inplace_op2(&gradient, &MoveMean { decay: self.beta1, squared: false })?;
        variance.inplace_op2(&gradient, &MoveMean { decay: self.beta2, squared: true })?;
        let bias = |beta: f64| 1. - beta.powf(step as f64);
        let adam = AdamStep {
            kept: 1. - learning_rate * self.decoupled_decay,
            rate: learning_rate / bias(self.beta1),
            unbias: 1. / bias(self.beta2),
            epsilon: self.epsilon,
        };
        parameter.inplace_op3(mean, variance, &adam)?;
        Ok(true)
    }
}
