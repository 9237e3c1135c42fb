//! Held-out rows and what candle computes for them: what every exported file is compared with.

use std::path::Path;

use bundle::{
    ColumnKind, Detector, FEATURE_ERROR, INPUT, LATENT, LOG_VARIANCE, P_VALUE, RECONSTRUCTION, RowForm, SCORE, Schema,
};
use candle_core::{DType, Device, Tensor};
use runtime::ScoredRows;
use trainer::{Autoencoder, Samples};

use crate::error::Result;
use crate::hourglass::error::ExportError;
use crate::hourglass::known::Known;
use crate::hourglass::raw_rows::{RawRows, channels_last};
use crate::hourglass::scored::Scored;

/// The most rows that are compared at each batch size.
const MAX_ROWS: usize = 512;
/// The fewest, for the largest batch; a smaller set is repeated.
const MIN_ROWS: usize = 256;
/// Rows in `golden.npz`.
const GOLDEN_ROWS: usize = 10;

/// A model and rows that it was not trained on.
pub(super) struct HeldOut<'a> {
    model: &'a Autoencoder,
    form: &'a RawRows,
    /// As the network takes them, `[rows, input_dim]`.
    input: Tensor,
    /// As the graphs take them.
    raw: Tensor,
    distinct: usize,
    /// What the detector says about all rows; nothing without one.
    scored: Option<Scored<'a>>,
}

/// One batch and candle's results for it, row-major: what goes into the graphs and comes out of them.
pub(super) struct Expected {
    pub(super) input: Vec<f32>,
    pub(super) latent: Known,
    /// Empty unless variational.
    pub(super) log_variance: Known,
    pub(super) reconstruction: Known,
    /// The number of its first row, from 0.
    pub(super) first: usize,
}

impl<'a> HeldOut<'a> {
    pub(super) fn new(test: &Samples, model: &'a Autoencoder, form: &'a RawRows) -> Result<Self, ExportError> {
        let rows: Vec<u32> = (0..test.len() as u32).cycle().take(test.len().clamp(MIN_ROWS, MAX_ROWS)).collect();
        let distinct = test.len().min(rows.len());
        let (input, raw) = match form {
            RawRows::Prepared(_) => {
                let input = test.batch(&rows, &Device::Cpu)?;
                (input.clone(), input)
            }
            RawRows::Bytes { image, .. } => {
                let bytes: Vec<u8> = rows.iter().flat_map(|&row| test.row(row as usize)).copied().collect();
                let bytes = Tensor::from_vec(bytes, (rows.len(), image.iter().product::<usize>()), &Device::Cpu)?;
                (test.batch(&rows, &Device::Cpu)?, channels_last(&bytes, *image)?)
            }
            RawRows::Table(schema) => {
                let mut raw = test.raw_rows(&rows);
                raw.extend(edge_cases(schema, &test.raw_rows(&(0..test.len() as u32).collect::<Vec<_>>())));
                let count = raw.len() / schema.raw_len();
                let mut input = vec![0.; count * schema.input_len()];
                schema.prepare(&raw, &mut input);
                let input = Tensor::from_vec(input, (count, schema.input_len()), &Device::Cpu)?;
                (input, Tensor::from_vec(raw, (count, schema.raw_len()), &Device::Cpu)?)
            }
        };
        Ok(Self { model, form, input, raw, distinct, scored: None })
    }

    /// The same rows, to be scored by this detector too, to a relative difference of `tolerance`.
    pub(super) fn with_detector(mut self, detector: Option<&'a Detector>, tolerance: f32) -> Result<Self, ExportError> {
        let Some(detector) = detector else { return Ok(self) };
        let input = self.input.flatten_all()?.to_vec1::<f32>()?;
        let rows = (&input[..], self.input.dim(1)?);
        self.scored = Some(Scored::new(detector, self.form, rows, tolerance.max(f32::MIN_POSITIVE)));
        Ok(self)
    }

    /// What the detector says of the rows, where there is one.
    pub(super) fn scored(&self) -> Option<&Scored<'a>> {
        self.scored.as_ref()
    }

    /// What the rows are, for the runtime.
    pub(super) fn scored_rows(&self) -> ScoredRows {
        match self.form.row_form() {
            RowForm::Table(schema) => ScoredRows::Table(schema.clone()),
            RowForm::Plain { white } => ScoredRows::Plain(white),
        }
    }

    /// What the network gives, as the graphs give it.
    fn known_output(&self, output: &Tensor) -> candle_core::Result<Known> {
        let values = self.form.restored(output)?.flatten_all()?.to_vec1::<f32>()?;
        let sizes = self.form.sizes(&output.flatten_all()?.to_vec1::<f32>()?, &values);
        Ok(Known { values, sizes })
    }

    /// How [`Known::sizes`] are defined, for the report.
    pub(super) fn relative_to(&self) -> &'static str {
        self.form.relative_to()
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
            let is_table = matches!(self.form, RawRows::Table(_));
            let latents = |tensor: &Tensor| -> candle_core::Result<Known> {
                let values = tensor.flatten_all()?.to_vec1::<f32>()?;
                Ok(if is_table { Known::by_row(values, tensor.dim(1)?) } else { Known::alone(values) })
            };
            let raw = self.raw.narrow(0, index * size, size)?.flatten_all()?;
            Ok(Expected {
                first: index * size,
                input: raw.to_dtype(DType::F32)?.to_vec1()?,
                latent: latents(&latent)?,
                log_variance: log_variance.as_ref().map(latents).transpose()?.unwrap_or(Known::alone(Vec::new())),
                reconstruction: self.known_output(&reconstruction)?,
            })
        })
    }

    /// Writes a few rows with their latents and reconstructions, and for a variational network their `log_variance`: clients in
    /// other languages compare their results with these.
    pub(super) fn write_golden(&self, path: &Path) -> Result<(), ExportError> {
        let count = GOLDEN_ROWS.min(self.distinct);
        let (latent, log_variance) = self.model.encode_distribution(&self.input.narrow(0, 0, count)?.contiguous()?)?;
        let reconstruction = self.form.restored(&self.model.decode(&latent)?)?;
        let raw = self.raw.narrow(0, 0, count)?.contiguous()?;
        let mut arrays = vec![(INPUT, raw), (LATENT, latent), (RECONSTRUCTION, reconstruction)];
        arrays.extend(log_variance.map(|values| (LOG_VARIANCE, values)));
        if let Some(scored) = &self.scored {
            let dims = [&[count], &self.raw.dims()[1..]].concat();
            let floats = |tensor: &Tensor| tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>();
            let [scores, p_values, feature_errors] =
                scored.expected(0, &floats(&arrays[0].1)?, &floats(&arrays[2].1)?).map(|known| known.values);
            arrays.extend([
                (SCORE, Tensor::from_vec(scores, count, &Device::Cpu)?),
                (P_VALUE, Tensor::from_vec(p_values, count, &Device::Cpu)?),
                (FEATURE_ERROR, Tensor::from_vec(feature_errors, dims, &Device::Cpu)?),
            ]);
        }
        Tensor::write_npz(&arrays, path)?;
        Ok(())
    }
}

/// Rows made for the columns of a table: the first row with each category and an unseen one, a missing value where one may be, and the
/// smallest and the largest number.
fn edge_cases(schema: &Schema, raw: &[f32]) -> Vec<f32> {
    let width = schema.raw_len();
    let mut rows = Vec::new();
    for (index, column) in schema.columns().iter().enumerate() {
        let found = || raw.iter().skip(index).step_by(width).copied();
        let mut values: Vec<f32> = match &column.kind {
            ColumnKind::Category { values } => (0..=values.len()).map(|place| place as f32).collect(),
            ColumnKind::Number { .. } => vec![found().fold(f32::NAN, f32::min), found().fold(f32::NAN, f32::max)],
        };
        values.extend(column.may_be_missing().then_some(f32::NAN));
        for value in values {
            let start = rows.len();
            rows.extend_from_slice(&raw[..width]);
            rows[start + index] = value;
        }
    }
    rows
}
