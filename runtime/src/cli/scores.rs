//! Scores as a table, and one row explained as text.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::iter;
use std::path::Path;

use anyhow::{Result, bail};
use bundle::{Column, ColumnKind, Manifest, Schema, counted, is_anomaly, printable};
use runtime::{Drift, Explained, Matrix, Scorer};

/// Columns that are named for each row.
const REASONS: usize = 3;
/// Values that are shown of a row.
const SHOWN: usize = 20;

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
    /// Loads the scorer of the bundle in `dir`, to accept the rate `alpha` of false alarms.
    pub fn load(dir: &Path, manifest: &Manifest, alpha: f32) -> Result<Self> {
        let columns = manifest.schema.as_ref().map(Schema::columns).unwrap_or_default();
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let (pictures, done) = (vec![], Cell::new(0));
        Ok(Self { scorer: Scorer::load(dir)?, alpha, names, pictures, done, drift: None })
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
fn furthest(errors: &[f32], count: usize) -> Vec<usize> {
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

/// What is unusual about a row, by its number from 1 or the most unusual one.
pub fn explained(scorer: &Scorer, manifest: &Manifest, rows: &Matrix, row: Option<usize>) -> Result<String> {
    let count = rows.rows();
    if let Some(row) = row.filter(|row| *row > count) {
        bail!("--row {row}: expected a row from 1 to {count}");
    }
    let explained = scorer.explain(rows)?;
    let most = || (0..count).max_by(|&a, &b| explained.scores[a].total_cmp(&explained.scores[b])).unwrap_or_default();
    let row = row.map_or_else(most, |row| row - 1);
    let (score, p_value) = (explained.scores[row], explained.p_values[row]);
    let mut text = format!("row {}: score {score:.4}, p-value {p_value:.4}", row + 1);
    let as_unusual = (p_value * (scorer.calibration_rows() as f32 + 1.)).round() - 1.;
    let usual = counted(scorer.calibration_rows(), "usual row");
    let _ = writeln!(text, "; {as_unusual} of {usual} are as unusual\n");
    let errors = explained.feature_errors.row(row);
    let columns = manifest.schema.as_ref().map(Schema::columns).unwrap_or_default();
    let cell = |index: usize, value: f32| {
        let mut cell = String::new();
        match columns.get(index) {
            _ if value.is_nan() => cell.push_str("missing"),
            Some(column) if matches!(column.kind, ColumnKind::Category { .. }) || column.since.is_some() => {
                column.write(value, &mut cell);
            }
            _ => cell = format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').into(),
        }
        printable(&cell).to_string()
    };
    let lines = furthest(errors, SHOWN).into_iter().map(|index| {
        let name = columns.get(index).map_or_else(|| format!("value {}", index + 1), |column| printable(&column.name));
        let (value, restored) = (rows.row(row)[index], explained.reconstructions.row(row)[index]);
        [name, format!("{:.1}", errors[index]), cell(index, value), cell(index, restored)]
    });
    let header = ["column", "off by", "value", "reconstruction"].map(str::to_owned);
    let lines: Vec<[String; 4]> = [header].into_iter().chain(lines).collect();
    let widths = [0, 1, 2, 3].map(|place| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0));
    for [name, off, value, restored] in lines {
        let [a, b, c, d] = widths;
        let _ = writeln!(text, "{name:a$}  {off:>b$}  {value:>c$}  {restored:>d$}");
    }
    if errors.len() > SHOWN {
        let _ = writeln!(text, "\n{} more are nearer", counted(errors.len() - SHOWN, "value"));
    }
    text.push_str("\n`off by` counts standard deviations of the column's error on usual rows.\n");
    Ok(text)
}
