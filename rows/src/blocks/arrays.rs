//! The rows of a `.npy` file as tables, block by block.

use std::path::Path;

use anyhow::{Result, bail};
use bundle::counted;

use crate::named::Columns;
use crate::npy_rows::NpyRows;

/// A `.npy` file of rows.
pub(super) struct ArrayBlocks {
    rows: NpyRows,
}

impl ArrayBlocks {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let rows = NpyRows::open_file(path)?;
        if rows.axes() > 2 {
            bail!("expected rows along the first of two axes, found {} axes", rows.axes());
        }
        Ok(Self { rows })
    }

    /// The next rows; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Columns>> {
        let done = self.rows.done();
        let Some(numbers) = self.rows.block()? else { return Ok(None) };
        let rows = counted(self.rows.done() - done, "row");
        let note = format!("{rows} of {} from .npy", counted(self.rows.columns(), "column"));
        let mut table = Columns::from_numbers(&numbers, self.rows.columns(), note);
        let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        table.lines = (done + 1..=self.rows.done()).map(line).collect();
        Ok(Some(table))
    }

    /// The part of the rows that were given, in 0.0..=1.0.
    pub(super) fn part(&self) -> f64 {
        self.rows.part()
    }
}
