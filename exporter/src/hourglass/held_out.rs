//! Held-out rows and what candle computes for them: what every exported file is compared with.

use std::path::Path;

use bundle::{INPUT, LATENT, LOG_VARIANCE, RECONSTRUCTION};
use candle_core::{Device, Tensor};
use trainer::{Autoencoder, Images};

use crate::error::Result;
use crate::hourglass::error::ExportError;

/// The most rows that are compared at each batch size.
const MAX_ROWS: usize = 512;
/// The fewest, for the largest batch; a smaller set is repeated.
const MIN_ROWS: usize = 256;
/// Rows in `golden.npz`.
const GOLDEN_ROWS: usize = 10;

/// A model and rows that it was not trained on.
pub(super) struct HeldOut<'a> {
    model: &'a Autoencoder,
    input: Tensor,
    distinct: usize,
}

/// One batch and candle's results for it, row-major.
pub(super) struct Expected {
    pub(super) input: Vec<f32>,
    pub(super) latent: Vec<f32>,
    /// Empty unless variational.
    pub(super) log_variance: Vec<f32>,
    pub(super) reconstruction: Vec<f32>,
}

impl<'a> HeldOut<'a> {
    pub(super) fn new(test: &Images, model: &'a Autoencoder) -> Result<Self, ExportError> {
        let rows: Vec<u32> = (0..test.len() as u32).cycle().take(test.len().clamp(MIN_ROWS, MAX_ROWS)).collect();
        let distinct = test.len().min(rows.len());
        Ok(Self { model, input: test.batch(&rows, &Device::Cpu)?, distinct })
    }

    /// The number of different rows among those that are compared.
    pub(super) fn distinct(&self) -> usize {
        self.distinct
    }

    /// candle's results in whole batches of `size`.
    pub(super) fn batches(&self, size: usize) -> impl Iterator<Item = Result<Expected, ExportError>> {
        (0..self.input.elem_count() / self.model.network().input_dim() / size).map(move |index| {
            let input = self.input.narrow(0, index * size, size)?;
            let (latent, log_variance) = self.model.encode_distribution(&input)?;
            let reconstruction = self.model.decode(&latent)?;
            let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
            Ok(Expected {
                input: values(&input)?,
                latent: values(&latent)?,
                log_variance: log_variance.as_ref().map(values).transpose()?.unwrap_or_default(),
                reconstruction: values(&reconstruction)?,
            })
        })
    }

    /// Writes a few rows with their latents and reconstructions, and for a variational network their `log_variance`: clients in
    /// other languages compare their results with these.
    pub(super) fn write_golden(&self, path: &Path) -> Result<(), ExportError> {
        let input = self.input.narrow(0, 0, GOLDEN_ROWS.min(self.distinct))?.contiguous()?;
        let (latent, log_variance) = self.model.encode_distribution(&input)?;
        let reconstruction = self.model.decode(&latent)?;
        let mut arrays = vec![(INPUT, input), (LATENT, latent), (RECONSTRUCTION, reconstruction)];
        arrays.extend(log_variance.map(|values| (LOG_VARIANCE, values)));
        Tensor::write_npz(&arrays, path)?;
        Ok(())
    }
}
