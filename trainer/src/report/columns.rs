//! How well each column of a table is reconstructed.

use bundle::ColumnKind;

use super::correlations::correlations;
use super::page::Table;
use super::reconstructed::Reconstructed;
use crate::numbers::{Amount, Count, Percent};

/// The most columns that the report shows.
const MAX_COLUMNS: usize = 40;

/// One column on the test rows.
struct Column {
    name: String,
    /// The typical error, in the column's own unit; or the part of the rows whose category is another.
    error: String,
    /// The part of the column's variance, or of its rows, that the reconstruction gets right.
    right: f64,
}

/// The columns of a table on the test rows, the worst first.
pub(super) fn columns(rows: &Reconstructed) -> Table {
    let described = rows.columns();
    let of = |index: usize| column(&described[index], rows.pairs(index, described.len()));
    let mut columns: Vec<Column> = (0..described.len()).map(of).collect();
    columns.sort_by(|a, b| a.right.total_cmp(&b.right));
    let left_out = columns.len().saturating_sub(MAX_COLUMNS);
    columns.truncate(MAX_COLUMNS);
    let more = if left_out > 0 { format!(" {} more are better.", Count::from(left_out)) } else { String::new() };
    let note = format!(
        "The typical error is the root of the mean squared error, in the column's own unit. Explained is the part of the variance that \
         the reconstruction keeps; of a category, the part of the rows where it is right. The worst first.{more}"
    );
    let cells = columns.into_iter().map(|Column { name, error, right }| vec![name, error, explained(right)]).collect();
    let header = ["", "typical error", "explained"].map(str::to_owned).to_vec();
    let note = [Some(note), correlations(rows)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Table { title: "Columns".into(), header, rows: cells, note: Some(note) }
}

/// A column, from its values and their reconstructions.
fn column(described: &bundle::Column, values: impl Iterator<Item = (f32, f32)> + Clone) -> Column {
    let pairs = || values.clone().filter(|(x, _)| !x.is_nan()).map(|(x, y)| (f64::from(x), f64::from(y)));
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
