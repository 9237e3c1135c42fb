//! How far reconstructions are from their targets: cross-entropy and squared error.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::fused::{Categories, is_f32_cpu, with_values};
use crate::model::Output;
use crate::objective::bce_with_logits;

/// Errors of a reconstruction, means over rows and elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Binary cross-entropy per element, in nats; nothing for values without bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bce: Option<f64>,
    /// Mean squared error per element; of categories, that of their probabilities.
    pub mse: f64,
    /// What training minimises where a table has categories, per element: the squared error of numbers, and the cross-entropy of categories
    /// in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<f64>,
}

impl Metrics {
    /// Peak signal-to-noise ratio in decibels, for a peak of 1.0: -10 log10(mse). Nothing where there is no error at all, or values have no
    /// bounds.
    ///
    /// ```
    /// let metrics = trainer::Metrics { bce: Some(0.1), mse: 0.01, mixed: None };
    /// assert_eq!(metrics.psnr(), Some(20.));
    /// ```
    pub fn psnr(&self) -> Option<f64> {
        psnr(self.mse).filter(|_| self.bce.is_some())
    }

    /// The errors of what `output` makes of `logits` against `target`, of the same shape.
    pub(super) fn of(logits: &Tensor, target: &Tensor, (output, categories): (Output, &Categories)) -> Result<Self> {
        if output == Output::Linear {
            let (mixed, logits) = if categories.is_empty() {
                (None, logits.clone())
            } else {
                let (loss, output) = categories.compute(logits, target)?;
                (Some(f64::from(loss.to_scalar::<f32>()?)), output)
            };
            let mse = f64::from((logits - target)?.sqr()?.mean_all()?.to_scalar::<f32>()?);
            return Ok(Self { bce: None, mse, mixed });
        }
        if is_f32_cpu(logits) && is_f32_cpu(target) {
            let (logits, target) = (logits.contiguous()?, target.contiguous()?);
            let [bce, mse] =
                with_values(&[&logits, &target], |values| kernels::bce_and_squared_error(values[0], values[1]))?
                    .map(|sum| sum / target.elem_count() as f64);
            return Ok(Self { bce: Some(bce), mse, mixed: None });
        }
        let squared = (candle_nn::ops::sigmoid(logits)? - target)?.sqr()?;
        Ok(Self {
            bce: Some(f64::from(bce_with_logits(logits, target)?.to_scalar::<f32>()?)),
            mse: f64::from(squared.mean_all()?.to_scalar::<f32>()?),
            mixed: None,
        })
    }

    pub(super) fn values(&mut self) -> impl Iterator<Item = &mut f64> {
        self.bce.iter_mut().chain([&mut self.mse]).chain(self.mixed.iter_mut())
    }
}

/// Peak signal-to-noise ratio in decibels of a mean squared error, for a peak of 1.0.
pub(crate) fn psnr(mse: f64) -> Option<f64> {
    (mse > 0.).then(|| -10. * mse.log10())
}
