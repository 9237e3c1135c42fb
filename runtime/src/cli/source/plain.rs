//! Rows of numbers by the places of their columns, from CSV or Parquet.

use std::sync::Arc;

use anyhow::{Result, bail};
use bundle::{counted, printable};
use rows::{Column, Columns, Progress};

use super::blocks::{RowBlocks, Tables};

/// Rows of numbers by the places of their columns.
pub(super) struct PlainRows {
    tables: Box<dyn Iterator<Item = rows::Result<Columns>>>,
    progress: Arc<Progress>,
    layout: String,
    may_be_missing: bool,
    rows: usize,
}

impl PlainRows {
    /// Rows of `columns` numbers; nothing where the first ones are no such rows.
    pub(super) fn new(tables: Tables, columns: usize, may_be_missing: bool) -> Option<Self> {
        if tables.first.columns.len() != columns || values(&tables.first, may_be_missing).is_err() {
            return None;
        }
        let layout = tables.layout();
        let (tables, progress) = tables.all();
        Some(Self { tables: Box::new(tables), progress, layout, may_be_missing, rows: 0 })
    }
}

impl RowBlocks for PlainRows {
    fn next(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(table) = self.tables.next().transpose()? else { return Ok(None) };
        self.rows += table.len();
        values(&table, self.may_be_missing).map(Some)
    }

    fn part(&self) -> f64 {
        self.progress.part()
    }

    fn note(&self) -> Option<String> {
        Some(format!("{}{}", counted(self.rows, "row"), self.layout))
    }
}

/// The numbers of a table, row after row.
fn values(table: &Columns, may_be_missing: bool) -> Result<Vec<f32>> {
    let width = table.columns.len();
    let mut values = vec![0.; table.len() * width];
    for (index, column) in table.columns.iter().enumerate() {
        let place = |row: usize| format!("{}, column {}", table.place(row), index + 1);
        let numbers = match column {
            Column::Numbers(numbers) => numbers,
            Column::Texts(texts) => {
                let row = texts.first.unwrap_or_default();
                bail!("{}: expected a number, found `{}`", place(row), printable(texts.get(row).unwrap_or_default()));
            }
        };
        let is_number = |number: &f32| number.is_finite() || (may_be_missing && number.is_nan());
        match numbers.iter().position(|number| !is_number(number)) {
            Some(row) if numbers[row].is_nan() => {
                bail!("{}: a value is missing; fill it in, or leave the row out", place(row));
            }
            Some(row) => bail!("{}: expected a finite number, found {}", place(row), numbers[row]),
            None => (),
        }
        values.iter_mut().skip(index).step_by(width).zip(numbers).for_each(|(value, number)| *value = *number);
    }
    Ok(values)
}
