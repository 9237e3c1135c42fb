//! How well a network reconstructs rows it was not trained on.

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::data::Images;
use crate::loss::bce_with_logits;
use crate::model::Autoencoder;

/// Rows in one forward pass: large enough to be fast, small enough for any memory.
pub(crate) const EVALUATION_ROWS: usize = 500;

/// Errors of a reconstruction, means over rows and elements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Binary cross-entropy per element, in nats.
    pub bce: f64,
    /// Mean squared error per element.
    pub mse: f64,
}

/// Measures `model` on the rows `indices` of `images`.
///
/// # Errors
///
/// When the images have another size than the network's.
pub fn evaluate(model: &Autoencoder, images: &Images, indices: &[u32], device: &Device) -> Result<Metrics> {
    let mut sum = Metrics { bce: 0., mse: 0. };
    for indices in indices.chunks(EVALUATION_ROWS) {
        let input = images.batch(indices, device)?;
        let logits = model.decode_logits(&model.encode(&input)?)?;
        let rows = indices.len() as f64;
        sum.bce += f64::from(bce_with_logits(&logits, &input)?.to_scalar::<f32>()?) * rows;
        let squared = (candle_nn::ops::sigmoid(&logits)? - input)?.sqr()?;
        sum.mse += f64::from(squared.mean_all()?.to_scalar::<f32>()?) * rows;
    }
    let rows = indices.len() as f64;
    Ok(Metrics { bce: sum.bce / rows, mse: sum.mse / rows })
}

/// The mean squared error of each row, in order.
pub(crate) fn row_errors(model: &Autoencoder, images: &Images, indices: &[u32], device: &Device) -> Result<Vec<f32>> {
    let mut errors = Vec::with_capacity(indices.len());
    for indices in indices.chunks(EVALUATION_ROWS) {
        let input = images.batch(indices, device)?;
        errors.extend((model.reconstruct(&input)? - input)?.sqr()?.mean(1)?.to_vec1::<f32>()?);
    }
    Ok(errors)
}
