//! The activation that follows a layer's sums.

use crate::simd::math;
use crate::simd::vectorised::vectorised;

/// A function of each value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The value itself.
    None,
    /// max(x, 0)
    Relu,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

vectorised! {
    /// Applies the activation to each value, on this thread.
    pub fn activate<'a>(activation: Activation, values: &'a mut [f32]) -> () {
        apply(activation, values);
    }
}

/// [`activate`] within a function that is already compiled for its vectors.
#[inline(always)]
pub(crate) fn apply(activation: Activation, values: &mut [f32]) {
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
