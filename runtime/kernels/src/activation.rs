//! What follows a layer's sums.

use super::math;
use super::vectorised::vectorised;

/// A function of each value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0)
    Relu,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

vectorised! {
    /// Replaces each value by the activation's, on this thread.
    pub fn activate<'a>(activation: Activation, values: &'a mut [f32]) -> () {
        apply(activation, values);
    }
}

/// `activate`, inside of a dispatch.
#[inline(always)]
pub(super) fn apply(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::None => (),
        Activation::Relu => {
            for x in values {
                *x = if *x < 0. { 0. } else { *x };
            }
        }
        Activation::Sigmoid => {
            for x in values {
                *x = math::sigmoid(*x);
            }
        }
        Activation::Tanh => {
            for x in values {
                *x = math::tanh(*x);
            }
        }
    }
}
