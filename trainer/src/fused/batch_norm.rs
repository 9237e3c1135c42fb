//! The parameters of a normalisation over the batch.

use candle_core::{Result, Tensor, Var};

/// The part of a batch's mean and variance in the running ones.
const MOMENTUM: f64 = 0.1;

/// A normalisation over the batch, with its parameters and running statistics, `[channels]` each.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
    pub(crate) mean: Var,
    pub(crate) variance: Var,
}

impl BatchNorm {
    /// The variance's smallest part, which keeps the quotient finite.
    pub(crate) const EPSILON: f64 = 1e-5;

    /// One divided by the standard deviation of each channel.
    pub(crate) fn inverse(variance: &[f32]) -> Vec<f32> {
        variance.iter().map(|variance| 1. / (variance + Self::EPSILON as f32).sqrt()).collect()
    }

    /// In use, by what each channel is multiplied and what is added to it, `[channels]` both.
    ///
    /// # Errors
    ///
    /// Those of candle.
    pub fn scale_and_shift(&self) -> Result<[Tensor; 2]> {
        let scale = (&self.weight / (self.variance.as_tensor() + Self::EPSILON)?.sqrt()?)?;
        let shift = (&self.bias - (self.mean.as_tensor() * &scale)?)?;
        Ok([scale.detach(), shift.detach()])
    }

    /// Takes a batch's mean and variance into the running ones, `count` values for each channel.
    pub(crate) fn average(&self, [mean, variance]: [&Tensor; 2], count: usize) -> Result<()> {
        // The variance of all rows, as estimated from these.
        let variance = (variance * (count as f64 / (count as f64 - 1.).max(1.)))?;
        for (running, batch) in [(&self.mean, mean), (&self.variance, &variance)] {
            running.set(&((running.as_detached_tensor() * (1. - MOMENTUM))? + (batch.detach() * MOMENTUM)?)?)?;
        }
        Ok(())
    }
}
