//! The rows of a table that are reconstructed worst, and what is wrong with them.

use bundle::{Column, ColumnKind, RowForm};

use super::page::Table;
use super::reconstructed::Reconstructed;
use crate::evaluate::TestScores;
use crate::numbers::Amount;

/// Rows that are shown.
const ROWS: usize = 10;
/// Columns that are shown of each.
const COLUMNS: usize = 3;

/// The test rows with the largest scores, each with the columns that are furthest off; nothing for windows of a series. By the detector, if
/// there is one.
pub(super) fn worst_rows(rows: &Reconstructed, test: Option<&TestScores>) -> Option<Table> {
    if rows.steps > 1 {
        return None;
    }
    let columns = rows.columns();
    let width = columns.len();
    let all: Vec<f64> = match test {
        Some(test) => test.scores.iter().map(|score| f64::from(*score)).collect(),
        None => rows.schema.scores(&rows.raw, &rows.restored),
    };
    let mut scores: Vec<(usize, f64)> = all.into_iter().enumerate().filter(|(_, score)| !score.is_nan()).collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    scores.truncate(ROWS);
    let amounts = Amount::column(&scores.iter().map(|(_, score)| *score).collect::<Vec<_>>());
    let cells = scores.iter().zip(amounts).map(|(&(row, score), amount)| {
        let of_row = row * width..(row + 1) * width;
        let (raw, restored) = (&rows.raw[of_row.clone()], &rows.restored[of_row]);
        let distances: Vec<f64> = match test {
            Some(TestScores { detector, .. }) => {
                let found = detector.score(RowForm::Table(&rows.schema), [raw, restored], |_, _| ());
                found.feature_errors.into_iter().map(f64::from).collect()
            }
            None => (0..width).map(|index| distance(&columns[index], raw[index], restored[index])).collect(),
        };
        let mut off: Vec<usize> = (0..width).collect();
        off.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
        let shown = off.iter().take(COLUMNS).map(|&index| told(&columns[index], raw[index], restored[index]));
        let mut cells = vec![(row + 1).to_string(), amount];
        if let Some(test) = test {
            let p_value = test.detector.calibration.p_value(score as f32);
            cells.push(Amount(f64::from(p_value)).to_string());
        }
        cells.push(shown.collect::<Vec<_>>().join("; "));
        cells
    });
    let (score, header) = match test {
        Some(_) => ("The p-value is the part of usual test rows that score as much.", &["row", "score", "p-value"][..]),
        None => ("The score is the mean squared error in units of the columns' scales.", &["row", "score"][..]),
    };
    let note = format!(
        "Rows count from 1 in the order of the test rows. {score} Shown are the columns that are furthest off: what stands there, and in brackets \
         the reconstruction."
    );
    Some(Table {
        title: if test.is_some() { "Most unusual test rows" } else { "Worst test rows" }.into(),
        header: header.iter().chain(&["furthest off"]).map(|&name| name.to_owned()).collect(),
        rows: cells.collect(),
        note: Some(note),
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
        let table = worst_rows(&rows, None).unwrap();
        assert_eq!(table.rows[0][0], "2");
        assert_eq!(table.rows[0][2], "load 9.0 (1.0); mode fast (slow); temp 1.50 (1.00)");
        assert_eq!(table.rows[1][2].split(';').next(), Some("temp 1.00 (1.25)"));
        assert!(worst_rows(&Reconstructed { steps: 2, ..rows }, None).is_none());
    }
}
