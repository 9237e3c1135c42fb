//! The rows of a table that are reconstructed worst, and what is wrong with them.

use bundle::{Column, ColumnKind};

use super::page::Table;
use super::reconstructed::Reconstructed;
use crate::numbers::Amount;

/// Rows that are shown.
const ROWS: usize = 10;
/// Columns that are shown of each.
const COLUMNS: usize = 3;

/// The test rows with the largest scores, each with the columns that are furthest off; nothing for windows of a series.
pub(super) fn worst_rows(rows: &Reconstructed) -> Option<Table> {
    if rows.steps > 1 {
        return None;
    }
    let columns = rows.columns();
    let width = columns.len();
    let mut scores: Vec<(usize, f64)> = rows.schema.scores(&rows.raw, &rows.restored).into_iter().enumerate().collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    scores.truncate(ROWS);
    let amounts = Amount::column(&scores.iter().map(|(_, score)| *score).collect::<Vec<_>>());
    let cells = scores.iter().zip(amounts).map(|(&(row, _), score)| {
        let of_row = row * width..(row + 1) * width;
        let (raw, restored) = (&rows.raw[of_row.clone()], &rows.restored[of_row]);
        let mut off: Vec<usize> = (0..width).collect();
        off.sort_by(|&a, &b| {
            let distance = |index: usize| distance(&columns[index], raw[index], restored[index]);
            distance(b).total_cmp(&distance(a))
        });
        let shown = off.iter().take(COLUMNS).map(|&index| told(&columns[index], raw[index], restored[index]));
        vec![(row + 1).to_string(), score, shown.collect::<Vec<_>>().join("; ")]
    });
    let note = "Rows count from 1 in the order of the test rows. The score is the mean squared error in units of the columns' scales. Shown are the \
                columns that are furthest off: what stands there, and in brackets the reconstruction.";
    Some(Table {
        title: "Worst test rows".into(),
        header: ["row", "score", "furthest off"].map(str::to_owned).to_vec(),
        rows: cells.collect(),
        note: Some(note.into()),
    })
}

/// How far off a value is, in units of its column's scale.
fn distance(column: &Column, raw: f32, restored: f32) -> f64 {
    match column.kind {
        _ if raw.is_nan() => 0.,
        ColumnKind::Number { scale, .. } => f64::from((raw - restored).abs() / scale),
        ColumnKind::Category { .. } => f64::from(u8::from(raw != restored)),
    }
}

/// `load 4999 (0)`, with as many decimals as it takes to see the difference.
fn told(column: &Column, raw: f32, restored: f32) -> String {
    let decimals = (1. - (raw - restored).abs().log10().floor()).clamp(0., 6.) as usize;
    let text = |value: f32| {
        if matches!(column.kind, ColumnKind::Number { .. }) && column.since.is_none() {
            return format!("{value:.decimals$}");
        }
        let mut text = String::new();
        column.write(value, &mut text);
        bundle::printable(&text).to_string()
    };
    let raw_text = if raw.is_nan() { "missing".into() } else { text(raw) };
    format!("{} {raw_text} ({})", bundle::printable(&column.name), text(restored))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bundle::Schema;

    use super::*;

    #[test]
    fn the_worst_row_comes_first_with_the_column_that_is_furthest_off() {
        let mode = Column::new("mode", ColumnKind::Category { values: vec!["slow".into(), "fast".into()] });
        let schema = Schema::new(vec![Column::number("load", 0., 2.), Column::number("temp", 0., 1.), mode]).unwrap();
        let rows = Reconstructed {
            schema: Arc::new(schema),
            raw: vec![1., 1., 0., 9., 1.5, 1.],
            restored: vec![1., 1.25, 0., 1., 1., 0.],
            steps: 1,
        };
        let table = worst_rows(&rows).unwrap();
        assert_eq!(table.rows[0][0], "2");
        assert_eq!(table.rows[0][2], "load 9.0 (1.0); mode fast (slow); temp 1.50 (1.00)");
        assert_eq!(table.rows[1][2].split(';').next(), Some("temp 1.00 (1.25)"));
        assert!(worst_rows(&Reconstructed { steps: 2, ..rows }).is_none());
    }
}
