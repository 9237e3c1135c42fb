//! One step of each optimizer, on a part of a parameter and of its state. The trainer's rules have the formulas and their sources.

use crate::simd::vectorised::vectorised;

/// A gradient, or the square of one, below these counts as zero. Once a weight gets no gradient any more, its state shrinks step by
/// step to subnormal numbers, which take the processor a hundred times as long. It stops moving the weight long before.
const TINY: f32 = 1e-17;
const TINY_SQUARE: f32 = 1e-34;

#[inline(always)]
fn flushed(value: f32, tiny: f32) -> f32 {
    if value.abs() < tiny { 0. } else { value }
}

vectorised! {
    /// Settings `[beta1, 1 - beta1, beta2, 1 - beta2, decay, kept, rate, unbias, epsilon]`: the parameter becomes
    /// `kept * parameter - rate * mean / (sqrt(variance * unbias) + epsilon)`.
    pub fn adam_step<'a>(
        parameter: &'a mut [f32],
        gradient: &'a [f32],
        mean: &'a mut [f32],
        variance: &'a mut [f32],
        settings: [f32; 9],
    ) -> () {
        let [beta1, rest1, beta2, rest2, decay, kept, rate, unbias, epsilon] = settings;
        let slots = mean.iter_mut().zip(variance);
        for ((parameter, &gradient), (mean, variance)) in parameter.iter_mut().zip(gradient).zip(slots) {
            let gradient = flushed(decay.mul_add(*parameter, gradient), TINY);
            *mean = flushed(beta1 * *mean + rest1 * gradient, TINY);
            *variance = flushed(beta2 * *variance + rest2 * (gradient * gradient), TINY_SQUARE);
            *parameter = *parameter * kept - rate * *mean / ((*variance * unbias).sqrt() + epsilon);
        }
    }

    /// Settings `[rho, 1 - rho, decay, rate, epsilon]`
    pub fn adadelta_step<'a>(
        parameter: &'a mut [f32],
        gradient: &'a [f32],
        squared_gradient: &'a mut [f32],
        squared_update: &'a mut [f32],
        settings: [f32; 5],
    ) -> () {
        let [rho, rest, decay, rate, epsilon] = settings;
        let slots = squared_gradient.iter_mut().zip(squared_update);
        for ((parameter, &gradient), (of_gradient, of_update)) in parameter.iter_mut().zip(gradient).zip(slots) {
            let gradient = flushed(decay.mul_add(*parameter, gradient), TINY);
            *of_gradient = flushed(rho * *of_gradient + rest * (gradient * gradient), TINY_SQUARE);
            let update = ((*of_update + epsilon) / (*of_gradient + epsilon)).sqrt() * gradient;
            *of_update = flushed(rho * *of_update + rest * (update * update), TINY_SQUARE);
            *parameter -= rate * update;
        }
    }

    /// Settings `[momentum, decay, rate]`
    pub fn sgd_step<'a>(
        parameter: &'a mut [f32],
        gradient: &'a [f32],
        velocity: &'a mut [f32],
        settings: [f32; 3],
    ) -> () {
        let [momentum, decay, rate] = settings;
        for ((parameter, &gradient), velocity) in parameter.iter_mut().zip(gradient).zip(velocity) {
            *velocity = flushed(momentum * *velocity + decay.mul_add(*parameter, gradient), TINY);
            *parameter -= rate * *velocity;
        }
    }

    /// Settings `[rho, 1 - rho, decay, rate, epsilon]`
    pub fn rmsprop_step<'a>(
        parameter: &'a mut [f32],
        gradient: &'a [f32],
        squared_gradient: &'a mut [f32],
        settings: [f32; 5],
    ) -> () {
        let [rho, rest, decay, rate, epsilon] = settings;
        for ((parameter, &gradient), squared) in parameter.iter_mut().zip(gradient).zip(squared_gradient) {
            let gradient = flushed(decay.mul_add(*parameter, gradient), TINY);
            *squared = flushed(rho * *squared + rest * (gradient * gradient), TINY_SQUARE);
            *parameter -= rate * gradient / (squared.sqrt() + epsilon);
        }
    }
}
