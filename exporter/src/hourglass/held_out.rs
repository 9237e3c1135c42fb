//! Held-out rows and what candle computes for them: what every exported file is compared with.

use std::path::Path;

use bundle::{
    ColumnKind, Detector, FEATURE_ERROR, INPUT, KnownRows, LATENT, LOG_VARIANCE, NEIGHBOURS, P_VALUE, RECONSTRUCTION,
    RowForm, SCORE, Schema, Scores,
};
use candle_core::{DType, Device, Tensor};
use runtime::ScoredRows;
use trainer::{Autoencoder, Samples};

use crate::error::Result;
use crate::hourglass::error::ExportError;
use crate::hourglass::raw_rows::{RawRows, channels_last, largest};

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
    scored: Option<Scored>,
}

/// Scores, p-values and feature errors of all rows.
struct Scored {
    scores: Known,
    p_values: Known,
    feature_errors: Known,
}

/// One batch and candle's results for it, row-major: what goes into the graphs and comes out of them.
pub(super) struct Expected {
    pub(super) input: Vec<f32>,
    pub(super) latent: Known,
    /// Empty unless variational.
    pub(super) log_variance: Known,
    pub(super) reconstruction: Known,
    /// Empty without a detector, as the two below.
    pub(super) score: Known,
    pub(super) p_value: Known,
    pub(super) feature_error: Known,
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
    pub(super) fn with_detector(mut self, detector: Option<&Detector>, tolerance: f32) -> Result<Self, ExportError> {
        let Some(detector) = detector else { return Ok(self) };
        let raw = self.raw.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        let mut restored = Vec::with_capacity(raw.len());
        for start in (0..self.input.dim(0)?).step_by(MIN_ROWS) {
            let rows = self.input.narrow(0, start, MIN_ROWS.min(self.input.dim(0)? - start))?;
            let output = self.form.restored(&self.model.reconstruct(&rows)?)?;
            restored.extend(output.flatten_all()?.to_vec1::<f32>()?);
        }
        let known = detector.known.as_ref().map(KnownRows::rows).unwrap_or_default();
        let Scores { scores, feature_errors } =
            detector.score(self.form.row_form(), [&raw, &restored], |row| mean_distance(row, &known));
        let p_value = |score| detector.calibration.p_value(score);
        let p_values = Known {
            values: scores.iter().copied().map(p_value).collect(),
            // Scores that differ by as much as they may have other ranks where usual rows lie between them.
            sizes: scores
                .iter()
                .map(|&score| {
                    let off = tolerance * score.abs().max(1.);
                    1. + (p_value(score - off) - p_value(score + off)) / tolerance.max(f32::MIN_POSITIVE)
                })
                .collect(),
        };
        // An error is a difference of values as the network has them: the largest of the row tells how large those are.
        let features = self.input.dim(1)?;
        let rows = self.input.flatten_all()?.to_vec1::<f32>()?;
        let sizes =
            rows.chunks(features).zip(feature_errors.chunks(detector.spread.len())).flat_map(|(row, errors)| {
                let largest = largest(row);
                let size = move |(error, spread): (&f32, &f32)| error.abs().max(largest / spread).max(1.);
                errors.iter().zip(&detector.spread).map(size).collect::<Vec<_>>()
            });
        let sizes = sizes.collect();
        let feature_errors = Known { values: feature_errors, sizes };
        self.scored = Some(Scored { scores: Known::alone(scores), p_values, feature_errors });
        Ok(self)
    }

    /// Whether the rows are scored.
    pub(super) fn are_scored(&self) -> bool {
        self.scored.is_some()
    }

    /// What the rows are, for the runtime.
    pub(super) fn scored_rows(&self) -> ScoredRows {
        match self.form.row_form() {
            RowForm::Table(schema) => ScoredRows::Table(schema.clone()),
            RowForm::Plain { white } => ScoredRows::Plain(white),
        }
    }

    /// The scores of the batch of `size` rows number `index`.
    fn expected_scores(&self, index: usize, size: usize) -> [Known; 3] {
        let Some(Scored { scores, p_values, feature_errors }) = &self.scored else {
            return [(); 3].map(|()| Known::alone(Vec::new()));
        };
        let rows = scores.values.len().max(1);
        [scores, p_values, feature_errors].map(|known| {
            let width = known.values.len() / rows;
            let part = |values: &[f32]| values[index * size * width..][..size * width].to_vec();
            Known { values: part(&known.values), sizes: part(&known.sizes) }
        })
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
            let [score, p_value, feature_error] = self.expected_scores(index, size);
            Ok(Expected {
                score,
                p_value,
                feature_error,
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
        if let Some(Scored { scores, p_values, feature_errors }) = &self.scored {
            let column = |values: &[f32]| Tensor::new(&values[..count], &Device::Cpu);
            let (scores, p_values, feature_errors) = (&scores.values, &p_values.values, &feature_errors.values);
            let width = feature_errors.len() / scores.len();
            let dims = [&[count], &self.raw.dims()[1..]].concat();
            arrays.extend([
                (SCORE, column(scores)?),
                (P_VALUE, column(p_values)?),
                (FEATURE_ERROR, Tensor::new(&feature_errors[..count * width], &Device::Cpu)?.reshape(dims)?),
            ]);
        }
        Tensor::write_npz(&arrays, path)?;
        Ok(())
    }
}

/// The mean distance from `row` to the known rows `[n, row.len()]` that are nearest to it, by a plain search in 64 bits.
fn mean_distance(row: &[f32], known: &[f32]) -> f32 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let mut distances: Vec<f64> =
        known.chunks_exact(row.len()).map(|known| row.iter().zip(known).map(square).sum::<f64>().sqrt()).collect();
    if distances.iter().any(|distance| distance.is_nan()) {
        return f32::NAN;
    }
    distances.sort_by(f64::total_cmp);
    distances.truncate(NEIGHBOURS);
    (distances.iter().sum::<f64>() / distances.len().max(1) as f64) as f32
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
