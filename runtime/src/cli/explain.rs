//! One row explained as text.

use std::cell::OnceCell;
use std::fmt::Write;

use anyhow::{Result, bail};
use bundle::{ColumnKind, Manifest, Schema, counted, printable};
use rows::Columns;
use runtime::{Explained, Matrix, Scorer};

use super::scores::furthest;
use super::source::Source;

/// Values that are shown of a row.
const SHOWN: usize = 20;

/// Rows, and what is known about them.
pub struct Rows<'a> {
    pub scorer: &'a Scorer,
    pub manifest: &'a Manifest,
    pub rows: &'a Matrix,
    /// The pictures that are the rows, by their names; none where rows come from files of numbers.
    pub pictures: Vec<String>,
    /// Where they come from.
    pub source: &'a Source<'a>,
    /// The same as they are written, once a word asks for it.
    pub written: OnceCell<Option<Columns>>,
}

impl Rows<'_> {
    /// What is unusual about a row, by its number from 1, or about the most unusual one.
    pub fn explained(&self, row: Option<usize>) -> Result<String> {
        let count = self.rows.rows();
        if let Some(row) = row.filter(|row| *row > count) {
            bail!("--row {row}: expected a row from 1 to {count}");
        }
        let explained = self.scorer.explain(self.rows)?;
        let most =
            || (0..count).max_by(|&a, &b| explained.scores[a].total_cmp(&explained.scores[b])).unwrap_or_default();
        let row = row.map_or_else(most, |row| row - 1);
        let (score, p_value) = (explained.scores[row], explained.p_values[row]);
        let as_unusual = (p_value * (self.scorer.calibration_rows() as f32 + 1.)).round() - 1.;
        let usual = counted(self.scorer.calibration_rows(), "usual row");
        let mut text = format!("row {}{}: score {score:.4}, p-value {p_value:.4}", row + 1, self.place(row));
        let _ = writeln!(text, "; {as_unusual} of {usual} are as unusual\n");
        text.push_str(&self.table(row, &explained));
        text.push_str("\n`off by` counts standard deviations of the column's error on usual rows.\n");
        Ok(text)
    }

    /// Where the row comes from, if it is a picture or a window.
    fn place(&self, row: usize) -> String {
        match (self.pictures.get(row), self.manifest.window) {
            (Some(picture), _) => format!(" ({})", printable(picture)),
            (None, Some([steps, stride])) if self.manifest.series.is_nowhere() => {
                format!(" (steps {} to {})", row * stride + 1, row * stride + steps)
            }
            _ => String::new(),
        }
    }

    /// The values that are furthest off, a line for each.
    fn table(&self, row: usize, explained: &Explained) -> String {
        let errors = explained.feature_errors.row(row);
        let lines = furthest(errors, SHOWN).into_iter().map(|index| {
            let (value, restored) = (self.rows.row(row)[index], explained.reconstructions.row(row)[index]);
            let value = self.unseen(row, index).unwrap_or_else(|| self.cell(index, value));
            [self.name(index), number(errors[index], 1), value, self.cell(index, restored)]
        });
        let header = ["column", "off by", "value", "reconstruction"].map(str::to_owned);
        let lines: Vec<[String; 4]> = [header].into_iter().chain(lines).collect();
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0));
        let mut text = String::new();
        for [name, off, value, restored] in lines {
            let _ = writeln!(text, "{name:a$}  {off:>b$}  {value:>c$}  {restored:>d$}");
        }
        if errors.len() > SHOWN {
            let _ = writeln!(text, "\n{} more are nearer", counted(errors.len() - SHOWN, "value"));
        }
        text
    }

    /// The name of a value: its column, the place of its pixel, or its number.
    fn name(&self, index: usize) -> String {
        let columns = self.manifest.schema.as_ref().map(Schema::columns).unwrap_or_default();
        match (columns.get(index), &self.manifest.image_shape[..]) {
            (Some(column), _) => printable(&column.name),
            (None, &[height, width]) if index < height * width => {
                format!("pixel {}, {}", index / width + 1, index % width + 1)
            }
            (None, &[channels, height, width]) if index < channels * height * width => {
                let (channel, place) = (index / (height * width), index % (height * width));
                format!("pixel {}, {}, channel {}", place / width + 1, place % width + 1, channel + 1)
            }
            _ => format!("value {}", index + 1),
        }
    }

    /// A word that no training row has, as it stands in the file.
    fn unseen(&self, row: usize, index: usize) -> Option<String> {
        let column = self.manifest.schema.as_ref()?.columns().get(index)?;
        let ColumnKind::Category { values } = &column.kind else { return None };
        let is_unseen = self.rows.row(row)[index] as usize == values.len();
        let word = || {
            let table = self.written.get_or_init(|| self.source.table()).as_ref()?;
            let place = table.position(&column.name).filter(|_| row < table.len())?;
            Some(printable(&table.columns[place].text(row)))
        };
        is_unseen.then(|| word().map_or("a new word".into(), |word| format!("{word} (new)")))
    }

    fn cell(&self, index: usize, value: f32) -> String {
        let columns = self.manifest.schema.as_ref().map(Schema::columns).unwrap_or_default();
        let mut cell = String::new();
        match columns.get(index) {
            _ if value.is_nan() => cell.push_str("missing"),
            Some(column) if matches!(column.kind, ColumnKind::Category { .. }) || column.since.is_some() => {
                column.write(value, &mut cell);
            }
            _ => cell = number(value, 6),
        }
        printable(&cell)
    }
}

/// A number with at most so many digits behind the point; a very large or small one with its power of ten.
fn number(value: f32, digits: usize) -> String {
    let size = value.abs();
    if size >= 1e7 || (digits > 1 && size > 0. && size < 1e-4) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.digits$}");
    if digits > 1 { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_of_any_size_fit_a_table() {
        let found = [0., 1.5, 1e20, -3.4e38, 1e-9, 123_456.78].map(|value| number(value, 6));
        assert_eq!(found, ["0", "1.5", "1.000e20", "-3.400e38", "1.000e-9", "123456.78125"]);
        assert_eq!((number(0.04, 1), number(1e20, 1)), ("0.0".into(), "1.000e20".into()));
    }
}
