//! How well each column of a table is reconstructed.

use bundle::{ColumnKind, Schema};

use super::finished::Finished;
use super::page::Table;
use crate::error::Result;
use crate::numbers::{Amount, Count, Percent};

/// The most columns that the report shows.
const MAX_COLUMNS: usize = 40;
/// Rows that are reconstructed at once.
const BLOCK: usize = 500;

/// One column on the test rows.
struct Column {
    name: String,
    /// The typical error, in the column's own unit; or the part of the rows whose category is another.
    error: String,
    /// The part of the column's variance, or of its rows, that the reconstruction gets right.
    right: f64,
}

/// The columns of a table on the test rows, the worst first; nothing for other rows.
pub(super) fn columns(finished: &Finished) -> Result<Option<Table>> {
    let Some(schema) = finished.test.schema() else { return Ok(None) };
    let raw = finished.test.raw_rows(&(0..finished.test.len() as u32).collect::<Vec<_>>());
    let reconstructed = reconstructed(finished, schema)?;
    // Of windows, each channel at all steps.
    let described = schema.channels(finished.test.size()[0]);
    let channels = described.len();
    let mut columns: Vec<Column> = (0..channels)
        .map(|index| {
            let of = |values: &'_ [f32]| values.iter().skip(index).step_by(channels).copied().collect::<Vec<_>>();
            column(&described[index], &of(&raw), &of(&reconstructed))
        })
        .collect();
    columns.sort_by(|a, b| a.right.total_cmp(&b.right));
    let left_out = columns.len().saturating_sub(MAX_COLUMNS);
    columns.truncate(MAX_COLUMNS);
    let more = if left_out > 0 { format!(" {} more are better.", Count::from(left_out)) } else { String::new() };
    let note = format!(
        "The typical error is the root of the mean squared error, in the column's own unit. Explained is the part of the variance that \
         the reconstruction keeps; of a category, the part of the rows where it is right. The worst first.{more}"
    );
    let rows = columns.into_iter().map(|Column { name, error, right }| vec![name, error, explained(right)]).collect();
    let header = ["", "typical error", "explained"].map(str::to_owned).to_vec();
    Ok(Some(Table { title: "Columns".into(), header, rows, note: Some(note) }))
}

/// What the network makes of all test rows, in raw units.
fn reconstructed(finished: &Finished, schema: &Schema) -> Result<Vec<f32>> {
    let Finished { measure, test, .. } = *finished;
    let all: Vec<u32> = (0..test.len() as u32).collect();
    let mut raw = vec![0.; test.len() * schema.raw_len()];
    for (rows, raw) in all.chunks(BLOCK).zip(raw.chunks_mut(BLOCK * schema.raw_len())) {
        let input = measure.input(&test.batch(rows, measure.device)?)?;
        let output = measure.model.reconstruct(&input)?.flatten_all()?.to_vec1::<f32>()?;
        schema.restore(&output, raw);
    }
    Ok(raw)
}

fn column(described: &bundle::Column, raw: &[f32], reconstructed: &[f32]) -> Column {
    let pairs =
        || raw.iter().zip(reconstructed).filter(|(x, _)| !x.is_nan()).map(|(x, y)| (f64::from(*x), f64::from(*y)));
    let count = pairs().count().max(1) as f64;
    let name = described.name.clone();
    if let ColumnKind::Category { .. } = described.kind {
        let right = pairs().filter(|(x, y)| x == y).count() as f64 / count;
        return Column { name, error: format!("{} wrong", Percent(1. - right)), right };
    }
    let mean = pairs().map(|(x, _)| x).sum::<f64>() / count;
    let squares = pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    let variance = pairs().map(|(x, _)| (x - mean).powi(2)).sum::<f64>();
    let right = if variance > 0. { 1. - squares / variance } else { f64::NAN };
    let error = Amount((squares / count).sqrt());
    let error = if described.since.is_some() { format!("{error} s") } else { error.to_string() };
    Column { name, error, right }
}

/// A part that may be below 0, where the column's mean is better; nothing for a column that is the same in all rows.
fn explained(right: f64) -> String {
    match right {
        _ if right.is_nan() => "constant".into(),
        _ if right < 0. => "worse than the mean".into(),
        _ => Percent(right).to_string(),
    }
}
