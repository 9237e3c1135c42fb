//! The training losses, both computed from the decoder's logits.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::ops;

/// What training minimises: a mean over rows and elements. Default: `bce`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Binary cross-entropy per element, in nats; targets in 0.0..=1.0.
    #[default]
    Bce,
    /// Mean squared error per element, after the sigmoid.
    Mse,
}

impl Loss {
    /// The loss of `logits` `[batch, n]` against `target` `[batch, n]`, a scalar.
    ///
    /// # Errors
    ///
    /// When the shapes differ.
    pub fn compute(self, logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        match self {
            Self::Bce => bce_with_logits(logits, target),
            Self::Mse => (candle_nn::ops::sigmoid(logits)? - target)?.sqr()?.mean_all(),
        }
    }

    /// The loss's name, as written in `config.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bce => "bce",
            Self::Mse => "mse",
        }
    }
}

/// Binary cross-entropy of `sigmoid(logits)` against `target`, the mean over all elements.
///
/// With `x` the logit and `t` the target, `max(x, 0) - x t + ln(1 + exp(-|x|))`: finite for every finite logit, unlike
/// `-t ln(sigmoid(x)) - (1 - t) ln(1 - sigmoid(x))`, which is not a number once the sigmoid saturates.
///
/// ```
/// use candle_core::{Device, Tensor};
/// # fn main() -> candle_core::Result<()> {
/// let logits = Tensor::new(&[[0f32, 100., -100.]], &Device::Cpu)?;
/// let target = Tensor::new(&[[1f32, 1., 0.]], &Device::Cpu)?;
/// let loss = trainer::bce_with_logits(&logits, &target)?.to_scalar::<f32>()?;
/// assert!((loss - 2f32.ln() / 3.).abs() < 1e-6);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// When the shapes differ.
pub fn bce_with_logits(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    ops::bce_with_logits(logits, target)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn gradients_match_finite_differences() -> Result<()> {
        let points = [-80f64, -3., -0.5, 0.2, 1.5, 40.];
        let targets = [0f64, 0.25, 1., 0.5, 0.75, 1.];
        let target = Tensor::new(&targets, &Device::Cpu)?;
        for loss in [Loss::Bce, Loss::Mse] {
            let logits = Var::new(&points, &Device::Cpu)?;
            let gradient = loss.compute(&logits, &target)?.backward()?;
            let gradient = gradient.get(&logits).expect("the loss depends on the logits").to_vec1::<f64>()?;
            // Central differences in f64: truncation about step^2 = 1e-10, rounding about 1e-16 / step = 1e-11.
            let step = 1e-5;
            for i in 0..points.len() {
                let at = |delta: f64| -> Result<f64> {
                    let mut moved = points;
                    moved[i] += delta;
                    loss.compute(&Tensor::new(&moved, &Device::Cpu)?, &target)?.to_scalar::<f64>()
                };
                let expected = (at(step)? - at(-step)?) / (2. * step);
                assert!((gradient[i] - expected).abs() < 1e-9, "{loss:?} at {}", points[i]);
            }
        }
        Ok(())
    }

    #[test]
    fn bce_gradient_at_a_zero_logit_is_one_half_minus_target() -> Result<()> {
        let logits = Var::new(&[0f32], &Device::Cpu)?;
        let target = Tensor::new(&[0.2f32], &Device::Cpu)?;
        let gradient = bce_with_logits(&logits, &target)?.backward()?;
        let gradient = gradient.get(&logits).expect("the loss depends on the logits").to_vec1::<f32>()?;
        assert!((gradient[0] - 0.3).abs() < 1e-6);
        Ok(())
    }
}
