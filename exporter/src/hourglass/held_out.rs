//! Held-out rows and what candle computes for them: what every exported file is compared with.

use std::path::Path;
use std::sync::Arc;

use bundle::{ColumnKind, INPUT, LATENT, LOG_VARIANCE, RECONSTRUCTION, Schema};
use candle_core::{Device, Tensor};
use trainer::{Autoencoder, Samples};

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
    /// As the network takes them.
    input: Tensor,
    /// Of a table, the raw rows and their columns.
    raw: Option<(Vec<f32>, Arc<Schema>)>,
    distinct: usize,
}

/// One batch and candle's results for it, row-major: what goes into the graphs and comes out of them.
pub(super) struct Expected {
    pub(super) input: Vec<f32>,
    pub(super) latent: Known,
    /// Empty unless variational.
    pub(super) log_variance: Known,
    pub(super) reconstruction: Known,
}

/// What a graph must give.
pub(super) struct Known {
    pub(super) values: Vec<f32>,
    /// How large each value's rounding errors may be in relation to each other.
    pub(super) sizes: Vec<f32>,
}

impl Known {
    /// Values that are rounded by themselves, as behind a sigmoid.
    pub(super) fn alone(values: Vec<f32>) -> Self {
        let sizes = values.iter().map(|value| value.abs().max(1.)).collect();
        Self { values, sizes }
    }

    /// Values without bounds, sums in which large terms may cancel each other: the largest value of a row tells how large the terms are.
    fn by_row(values: Vec<f32>, width: usize) -> Self {
        let sizes = values.chunks(width.max(1)).flat_map(|row| vec![largest(row); row.len()]).collect();
        Self { values, sizes }
    }
}

/// The largest absolute value of a row, at least 1.
fn largest(row: &[f32]) -> f32 {
    row.iter().fold(1., |largest, value| largest.max(value.abs()))
}

impl<'a> HeldOut<'a> {
    pub(super) fn new(test: &Samples, model: &'a Autoencoder) -> Result<Self, ExportError> {
        let rows: Vec<u32> = (0..test.len() as u32).cycle().take(test.len().clamp(MIN_ROWS, MAX_ROWS)).collect();
        let distinct = test.len().min(rows.len());
        let Some(schema) = test.schema() else {
            return Ok(Self { model, input: test.batch(&rows, &Device::Cpu)?, raw: None, distinct });
        };
        let width = schema.raw_len();
        let mut values = test.raw_rows(&rows);
        values.extend(edge_cases(schema, &test.raw_rows(&(0..test.len() as u32).collect::<Vec<_>>())));
        let mut input = vec![0.; values.len() / width * schema.input_len()];
        schema.prepare(&values, &mut input);
        let input = Tensor::from_vec(input, (values.len() / width, schema.input_len()), &Device::Cpu)?;
        Ok(Self { model, input, raw: Some((values, schema.clone())), distinct })
    }

    /// The rows from `first` on that the network takes as `input`, as the graphs take them.
    fn raw_input(&self, first: usize, input: &Tensor) -> candle_core::Result<Tensor> {
        let Some((raw, schema)) = &self.raw else { return Ok(input.clone()) };
        let (rows, width) = (input.dim(0)?, schema.raw_len());
        Tensor::from_slice(&raw[first * width..][..rows * width], (rows, width), &Device::Cpu)
    }

    /// What the network gives, as the graphs give it. The numbers of a table are measured in units of their scale, as the network
    /// computes them, or by themselves where they are larger.
    fn known_output(&self, output: &Tensor) -> candle_core::Result<Known> {
        let values = self.raw_output(output)?.flatten_all()?.to_vec1::<f32>()?;
        let Some((_, schema)) = &self.raw else { return Ok(Known::alone(values)) };
        let scales: Vec<f32> = schema.columns().iter().map(|column| scale(&column.kind)).collect();
        let output = output.flatten_all()?.to_vec1::<f32>()?;
        let rows = output.chunks(schema.input_len()).zip(values.chunks(schema.raw_len()));
        let sizes = rows.flat_map(|(output, raw)| {
            let largest = largest(output);
            let size = move |(raw, scale): (&f32, &f32)| raw.abs().max(scale * largest);
            raw.iter().zip(&scales).map(size).collect::<Vec<_>>()
        });
        let sizes = sizes.collect();
        Ok(Known { values, sizes })
    }

    /// How [`Known::sizes`] are defined, for the report.
    pub(super) fn relative_to(&self) -> &'static str {
        match self.raw {
            None => "max(1, |candle|)",
            Some(_) => {
                "the largest |candle| of the row, at least 1, in units of the column's scale; or |candle| if larger"
            }
        }
    }

    /// What the network gives, as the graphs give it.
    fn raw_output(&self, output: &Tensor) -> candle_core::Result<Tensor> {
        let Some((_, schema)) = &self.raw else { return Ok(output.clone()) };
        let rows = output.dim(0)?;
        let mut raw = vec![0.; rows * schema.raw_len()];
        schema.restore(&output.flatten_all()?.to_vec1::<f32>()?, &mut raw);
        Tensor::from_vec(raw, (rows, schema.raw_len()), &Device::Cpu)
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
            let latents = |tensor: &Tensor| -> candle_core::Result<Known> {
                let values = tensor.flatten_all()?.to_vec1::<f32>()?;
                Ok(if self.raw.is_some() { Known::by_row(values, tensor.dim(1)?) } else { Known::alone(values) })
            };
            Ok(Expected {
                input: self.raw_input(index * size, &input)?.flatten_all()?.to_vec1()?,
                latent: latents(&latent)?,
                log_variance: log_variance.as_ref().map(latents).transpose()?.unwrap_or(Known::alone(Vec::new())),
                reconstruction: self.known_output(&reconstruction)?,
            })
        })
    }

    /// Writes a few rows with their latents and reconstructions, and for a variational network their `log_variance`: clients in
    /// other languages compare their results with these.
    pub(super) fn write_golden(&self, path: &Path) -> Result<(), ExportError> {
        let input = self.input.narrow(0, 0, GOLDEN_ROWS.min(self.distinct))?.contiguous()?;
        let (latent, log_variance) = self.model.encode_distribution(&input)?;
        let reconstruction = self.model.decode(&latent)?;
        let (input, reconstruction) = (self.raw_input(0, &input)?, self.raw_output(&reconstruction)?);
        let mut arrays = vec![(INPUT, input), (LATENT, latent), (RECONSTRUCTION, reconstruction)];
        arrays.extend(log_variance.map(|values| (LOG_VARIANCE, values)));
        Tensor::write_npz(&arrays, path)?;
        Ok(())
    }
}

fn scale(kind: &ColumnKind) -> f32 {
    match kind {
        ColumnKind::Number { scale, .. } => *scale,
        ColumnKind::Category { .. } => 1.,
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
