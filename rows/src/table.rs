//! Rows in memory.

use anyhow::{Result, bail};
use bundle::counted;

use crate::options::{Expected, Options};

/// Rows of `columns` values each, one after the other.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub columns: usize,
    pub values: Vec<f32>,
}

impl Table {
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// `3 rows of 64 values`
    pub fn describe(&self) -> String {
        format!("{} of {}", counted(self.rows(), "row"), counted(self.columns, "value"))
    }

    /// The same rows without their `first` and `last` columns, which are counts.
    pub fn without(self, [first, last]: [usize; 2]) -> Result<Self> {
        if first + last == 0 {
            return Ok(self);
        }
        let Some(columns) = self.columns.checked_sub(first + last).filter(|&columns| columns > 0) else {
            bail!("expected more columns than the {} to leave out, found {}", first + last, self.columns);
        };
        let rows = self.values.chunks(self.columns).flat_map(|row| &row[first..][..columns]);
        Ok(Self { columns, values: rows.copied().collect() })
    }

    /// Fails unless there are rows of finite numbers, as long as the network takes them.
    pub fn check(&self, options: &Options) -> Result<()> {
        if self.values.is_empty() {
            bail!("expected at least one row of numbers, found none");
        }
        if let Some(expected) = &options.expected
            && expected.columns != self.columns
        {
            let Expected { name, columns, .. } = expected;
            bail!("expected {columns} values a row for `{name}`, found {}{}", self.columns, self.hint(expected));
        }
        if let Some(position) =
            self.values.iter().position(|value| !(value.is_finite() || options.missing && value.is_nan()))
        {
            let (row, column) = (position / self.columns + 1, position % self.columns + 1);
            bail!("row {row}, column {column}: expected a finite number, found {}", self.values[position]);
        }
        Ok(())
    }

    /// What to do about rows of another length.
    fn hint(&self, expected: &Expected) -> String {
        if let Some((_, command)) = expected.other.filter(|(columns, _)| *columns == self.columns) {
            return format!("; `runtime {command}` takes such rows");
        }
        if self.values.len() == expected.columns {
            return format!(
                "; it has {} values in all: each line is a row, so write them on one line",
                expected.columns
            );
        }
        if self.columns != expected.columns + 1 {
            return String::new();
        }
        let counts = |start: usize| {
            let mut rows = self.values.chunks(self.columns).enumerate();
            self.rows() > 1 && rows.all(|(index, row)| row[0] == (start + index) as f32)
        };
        if counts(0) || counts(1) {
            "; the first column numbers the rows: leave it out with `--skip-columns 1`".into()
        } else {
            "; leave out the first column with `--skip-columns 1`, or the last one with `--skip-last-columns 1`".into()
        }
    }
}
