//! Scores as a table.

use std::cell::{Cell, RefCell};
use std::iter;

use anyhow::Result;
use bundle::{Column, ColumnKind, Manifest, Schema, counted, is_anomaly};
use runtime::{Drift, Explained, Matrix, Scorer};

/// Columns that are named for each row.
const REASONS: usize = 3;

/// Scores rows, and says which columns are off.
pub struct Table {
    scorer: Scorer,
    alpha: f32,
    /// The names of the values of a row; none where they have no names.
    names: Vec<String>,
    /// The pictures that are the rows, by their names; none where rows come from files of numbers.
    pictures: Vec<String>,
    /// The rows that were scored.
    done: Cell<usize>,
    drift: Option<RefCell<Drift>>,
}

impl Table {
    /// Scores by this scorer, to accept the rate `alpha` of false alarms.
    pub fn new(scorer: Scorer, manifest: &Manifest, alpha: f32) -> Self {
        let columns = manifest.schema.as_ref().map(Schema::columns).unwrap_or_default();
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let (pictures, done) = (vec![], Cell::new(0));
        Self { scorer, alpha, names, pictures, done, drift: None }
    }

    /// With the names of pictures before their scores.
    pub fn of_pictures(self, pictures: Option<Vec<String>>) -> Self {
        Self { pictures: pictures.unwrap_or_default(), ..self }
    }

    /// Watches for a change of the world, with at most one false alarm in so many rows.
    pub fn watching(self, rows_per_alarm: Option<f64>) -> Self {
        let drift = rows_per_alarm.map(|rows| RefCell::new(self.scorer.drift(rows)));
        Self { drift, ..self }
    }

    /// What became of watching.
    pub fn outcome(&self) -> Option<String> {
        let drift = self.drift.as_ref()?.borrow();
        Some(match drift.found() {
            Some(row) => format!(
                "drift: by row {row}, rows are unlike the {} that calibrated; \
                 `runtime calibrate` on newer ones, or train again",
                counted(self.scorer.calibration_rows(), "usual row")
            ),
            None => format!("no drift in {}", counted(drift.rows(), "row")),
        })
    }

    /// That the scorer cannot keep the rate, where it cannot.
    pub fn note(&self) -> Option<String> {
        let (alpha, least) = (self.alpha, self.scorer.min_alpha());
        let rows = counted(self.scorer.calibration_rows(), "usual row");
        let note =
            || format!("--alpha {alpha}: no row will be an alarm, since {rows} can show no rate below {least:.4}");
        (alpha < least).then(note)
    }

    fn reasons(&self) -> usize {
        REASONS.min(self.names.len())
    }

    /// The columns of the result.
    pub fn columns(&self) -> Result<Schema> {
        let number = |name: String| Column::number(name, 0., 1.);
        let file = || Column::new("file", ColumnKind::Category { values: self.pictures.clone() });
        let mut columns: Vec<Column> = if self.pictures.is_empty() { vec![] } else { vec![file()] };
        columns.extend(["score", "p_value", "is_anomaly"].map(|name| number(name.into())));
        for reason in 1..=self.reasons() {
            let kind = ColumnKind::Category { values: self.names.clone() };
            columns.extend([Column::new(format!("reason_{reason}"), kind), number(format!("off_{reason}"))]);
        }
        Ok(Schema::new(columns)?)
    }

    /// The result for these rows.
    pub fn of(&self, rows: &Matrix) -> runtime::Result<Matrix> {
        let Explained { scores, p_values, feature_errors, .. } = self.scorer.explain(rows)?;
        if let Some(drift) = &self.drift {
            p_values.iter().for_each(|p_value| drift.borrow_mut().watch(*p_value));
        }
        let is_picture = usize::from(!self.pictures.is_empty());
        let width = is_picture + 3 + 2 * self.reasons();
        let mut values = Vec::with_capacity(scores.len() * width);
        let done = self.done.replace(self.done.get() + scores.len());
        for (row, ((score, p_value), errors)) in (done..).zip(scores.iter().zip(p_values).zip(feature_errors.iter())) {
            values.extend(iter::repeat_n(row as f32, is_picture));
            values.extend([*score, p_value, f32::from(u8::from(is_anomaly(p_value, self.alpha)))]);
            for index in furthest(errors, self.reasons()) {
                values.extend([index as f32, errors[index]]);
            }
        }
        Matrix::new(scores.len(), width, values)
    }
}

/// The places of the largest errors, the largest first.
pub fn furthest(errors: &[f32], count: usize) -> Vec<usize> {
    let mut found: Vec<usize> = vec![];
    for (index, error) in errors.iter().enumerate() {
        let place = found.partition_point(|&known| errors[known].total_cmp(error).is_ge());
        if place < count {
            found.insert(place, index);
            found.truncate(count);
        }
    }
    found
}
