//! Fits a detector of unusual rows to a trained network: what usual errors look like, what usual rows look like, and how large their
//! scores are.

mod kind;
mod whitening;

use std::collections::HashSet;

use bundle::{Calibration, Centre, ColumnKind, Detector, KnownRows, MAX_DETECTOR_VALUES, NEIGHBOURS, RowForm};
use kernels::Neighbours;
use rayon::prelude::*;

pub use kind::DetectorKind;

use super::measure::Measure;
use crate::data::{Dataset, Samples, Split};
use crate::error::{Error, Result};
use kind::MAX_FEATURES;
use whitening::whitening;

/// Training rows whose errors are looked at.
const MAX_ROWS: usize = 20_000;
/// The most rows that are kept to measure distances from. Of the tables in `docs/anomalies.md`, twice as many tell no more.
pub(super) const MAX_KNOWN: usize = 2048;
/// Rows that a thread takes at once.
const BLOCK: usize = 256;
/// What the error counts beside the distance: with half, the tables of `docs/anomalies.md` came out best.
const RESIDUAL_WEIGHT: f32 = 0.5;
/// The least spread of a value, in units of its scale: that of a column that never changes is 0.
const MIN_SPREAD: f32 = 1e-4;

/// What is asked of a detector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DetectorWish {
    pub(crate) kind: DetectorKind,
    /// Whether training rows are known to hold anomalies.
    pub(crate) trains_anomalies: bool,
}

/// Raw rows and their reconstructions.
struct Reconstructed {
    raw: Vec<f32>,
    restored: Vec<f32>,
}

/// Fits the detector on the training rows, and calibrates it on the usual test rows; nothing where none of those can be scored.
pub(crate) fn fit_detector(
    measure: &Measure,
    dataset: &Dataset,
    split: &Split,
    wish: DetectorWish,
) -> Result<Option<Detector>> {
    let Dataset { train, test, .. } = dataset;
    let form = form(train);
    let usual = usual_rows(dataset, split);
    let kind = wish.kind.resolve(train, wish.trains_anomalies);
    let rows = spaced(&split.train, MAX_ROWS);
    let found = reconstructed(measure, train, &rows)?;
    let raw_len = found.raw.len() / rows.len().max(1);
    let width = train.width();
    let errors = errors(form, &found, raw_len, width);
    let is_near = kind != DetectorKind::Reconstruction;
    let uses_matrix = train.schema().is_some() && width <= MAX_FEATURES && kind != DetectorKind::Neighbours;
    let known = is_near.then(|| known_rows(train, &split.train, kind));
    let centre = (kind == DetectorKind::Contaminated).then(|| Centre::new(&prepared(train, &rows), width));
    let mut detector = Detector {
        whitening: uses_matrix.then(|| whitening(&errors, width)).flatten(),
        known,
        centre,
        weights: [1.; 3],
        spread: spread(form, &errors, raw_len, width),
        calibration: Calibration::new(vec![0.]).map_err(failed)?,
    };
    detector.weights = weights(&detector, form, &found, kind);
    let found = reconstructed(measure, test, &usual)?;
    let mut scores = scores(&detector, form, &found);
    scores.retain(|score| score.is_finite());
    if scores.is_empty() {
        return Ok(None);
    }
    detector.calibration = Calibration::new(scores).map_err(failed)?;
    Ok(Some(detector))
}

/// The score of each of these rows.
pub(crate) fn detector_scores(
    measure: &Measure,
    samples: &Samples,
    indices: &[u32],
    detector: &Detector,
) -> Result<Vec<f32>> {
    let found = reconstructed(measure, samples, indices)?;
    Ok(scores(detector, form(samples), &found))
}

/// The test rows that are like those that train: with a label that training rows have.
pub(crate) fn usual_rows(dataset: &Dataset, split: &Split) -> Vec<u32> {
    let Dataset { train, test, .. } = dataset;
    let known: HashSet<u8> = split.train.iter().map(|&row| train.labels()[row as usize]).collect();
    (0..test.len() as u32).filter(|&row| known.contains(&test.labels()[row as usize])).collect()
}

fn failed(error: bundle::Error) -> Error {
    Error::setting("detector", error.to_string())
}

/// At most `count` of these rows, evenly spaced.
pub(super) fn spaced(rows: &[u32], count: usize) -> Vec<u32> {
    let count = count.min(rows.len());
    (0..count).map(|index| rows[index * rows.len() / count]).collect()
}

/// What raw rows are: here, pictures are as the network takes them.
fn form(samples: &Samples) -> RowForm<'_> {
    samples.schema().map_or(RowForm::Plain { white: 1. }, |schema| RowForm::Table(schema))
}

fn reconstructed(measure: &Measure, samples: &Samples, indices: &[u32]) -> Result<Reconstructed> {
    let (mut raw, mut restored) = (vec![], vec![]);
    for rows in indices.chunks(super::measured::EVALUATION_ROWS) {
        let batch = samples.batch(rows, measure.device)?;
        let output = measure.model.reconstruct(&batch)?.flatten_all()?.to_vec1::<f32>()?;
        match samples.schema() {
            Some(schema) => {
                let start = restored.len();
                restored.resize(start + rows.len() * schema.raw_len(), 0.);
                schema.restore(&output, &mut restored[start..]);
                raw.extend(samples.raw_rows(rows));
            }
            None => {
                raw.extend(batch.flatten_all()?.to_vec1::<f32>()?);
                restored.extend(output);
            }
        }
    }
    Ok(Reconstructed { raw, restored })
}

/// The errors of all rows, `[rows, width]`.
fn errors(form: RowForm, found: &Reconstructed, raw_len: usize, width: usize) -> Vec<f32> {
    let mut errors = vec![0.; found.raw.len() / raw_len * width];
    let pairs = found.raw.par_chunks(raw_len).zip(found.restored.par_chunks(raw_len));
    pairs
        .zip(errors.par_chunks_mut(width))
        .for_each_init(|| vec![0.; width], |row, ((raw, restored), errors)| form.errors([raw, restored], row, errors));
    errors
}

/// For each value of a raw row, the root of the mean square of its error.
fn spread(form: RowForm, errors: &[f32], raw_len: usize, width: usize) -> Vec<f32> {
    let mut squares = vec![0f64; raw_len];
    for errors in errors.chunks_exact(width) {
        squares.iter_mut().zip(form.of_columns(errors)).for_each(|(sum, error)| *sum += f64::from(error).powi(2));
    }
    let rows = (errors.len() / width).max(1) as f64;
    let is_word = |index: usize| {
        let RowForm::Table(schema) = form else { return false };
        matches!(schema.columns()[index].kind, ColumnKind::Category { .. })
    };
    // A wrong word is an error of 2; no rows show that there is less than one among as many.
    let least = |index: usize| if is_word(index) { (2. / rows).sqrt() as f32 } else { MIN_SPREAD };
    let spread = |(index, sum): (usize, f64)| ((sum / rows).sqrt() as f32).max(least(index));
    squares.into_iter().enumerate().map(spread).collect()
}

/// Training rows to measure distances from.
fn known_rows(train: &Samples, indices: &[u32], kind: DetectorKind) -> KnownRows {
    let count = match kind {
        // So few that unusual rows hardly find each other among them.
        DetectorKind::Contaminated => (indices.len() / 10).clamp(2 * NEIGHBOURS, MAX_KNOWN),
        _ => MAX_KNOWN,
    };
    let count = count.min(MAX_DETECTOR_VALUES / train.width());
    let rows = spaced(indices, count);
    KnownRows::new(&prepared(train, &rows), train.width())
}

/// These rows as the network takes them.
pub(super) fn prepared(samples: &Samples, rows: &[u32]) -> Vec<f32> {
    let mut values = vec![0.; rows.len() * samples.width()];
    samples.fill(rows, &mut values);
    values
}

/// One over the standard deviation of each part of the score on training rows; a known row is not its own neighbour.
fn weights(detector: &Detector, form: RowForm, found: &Reconstructed, kind: DetectorKind) -> [f32; 3] {
    let plain = Detector { known: None, centre: None, ..detector.clone() };
    let residuals = scores(&plain, form, found);
    let mut weights = [RESIDUAL_WEIGHT / deviation(&residuals), 0., 0.];
    if detector.centre.is_some() {
        let from_centre = Detector { known: None, weights: [0., 0., 1.], ..detector.clone() };
        weights = [2. * weights[0], 0., 1. / deviation(&scores(&from_centre, form, found))];
    }
    if let Some(known) = &detector.known {
        let rows = known.rows();
        let search = Neighbours::new(&rows, known.width());
        let count = NEIGHBOURS.min(known.len() - 1);
        let with_itself = distances(&search, &rows, count + 1);
        let of_itself = distances(&search, &rows, 1);
        let others = with_itself.iter().zip(of_itself);
        let others: Vec<f32> = others.map(|(all, own)| (all * (count + 1) as f32 - own) / count as f32).collect();
        weights[1] = 1. / deviation(&others);
        if kind == DetectorKind::Neighbours {
            weights[0] = 0.;
        }
    }
    weights.map(|weight| if weight.is_finite() { weight } else { 0. })
}

fn deviation(values: &[f32]) -> f32 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt() as f32
}

/// The score of each row.
fn scores(detector: &Detector, form: RowForm, found: &Reconstructed) -> Vec<f32> {
    let search = detector.known.as_ref().map(|known| Neighbours::new(&known.rows(), known.width()));
    let distances = |rows: &[f32], out: &mut [f32]| {
        if let Some(search) = &search {
            search.mean_distances(rows, NEIGHBOURS, out);
        }
    };
    let raw_len = detector.spread.len();
    let pairs = found.raw.par_chunks(BLOCK * raw_len).zip(found.restored.par_chunks(BLOCK * raw_len));
    let blocks = pairs.map(|(raw, restored)| detector.score(form, [raw, restored], distances).scores);
    blocks.collect::<Vec<_>>().concat()
}

/// The mean distance of each of `rows` to the `count` nearest known ones.
pub(super) fn distances(search: &Neighbours, rows: &[f32], count: usize) -> Vec<f32> {
    let width = search.width();
    let mut found = vec![0.; rows.len() / width];
    let blocks = found.par_chunks_mut(BLOCK).zip(rows.par_chunks(BLOCK * width));
    blocks.for_each(|(out, rows)| search.mean_distances(rows, count, out));
    found
}
