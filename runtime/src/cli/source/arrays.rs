//! The rows of a `.npy` file.

use std::sync::mpsc;

use anyhow::{Result, bail};
use rows::NpyRows;

use super::blocks::{RowBlocks, ahead};

/// The rows of a `.npy` file, which another thread reads ahead.
pub(super) struct ArrayRows {
    blocks: mpsc::IntoIter<rows::Result<Vec<f32>>>,
    columns: usize,
    rows: usize,
    done: usize,
    may_be_missing: bool,
    /// Rows and columns of each picture as a matrix that is to be turned.
    turned: Option<[usize; 2]>,
}

impl ArrayRows {
    pub(super) fn new(rows: NpyRows, may_be_missing: bool, turned: Option<[usize; 2]>) -> Self {
        let (columns, count) = (rows.columns(), rows.rows());
        Self { blocks: ahead(rows), columns, rows: count, done: 0, may_be_missing, turned }
    }
}

impl RowBlocks for ArrayRows {
    fn next(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(values) = self.blocks.next().transpose()? else {
            if self.rows == 0 {
                bail!("expected at least one row of numbers, found none");
            }
            return Ok(None);
        };
        let is_number = |value: &f32| value.is_finite() || (self.may_be_missing && value.is_nan());
        if let Some(place) = values.iter().position(|value| !is_number(value)) {
            let (row, column) = (self.done + place / self.columns + 1, place % self.columns + 1);
            bail!("row {row}, column {column}: expected a finite number, found {}", values[place]);
        }
        self.done += values.len() / self.columns;
        let Some([rows, columns]) = self.turned else { return Ok(Some(values)) };
        let turn = |picture: &[f32]| {
            let column = |column: usize| picture[column..].iter().step_by(columns).copied().collect::<Vec<f32>>();
            (0..columns).flat_map(column).collect::<Vec<f32>>()
        };
        Ok(Some(values.chunks_exact(rows * columns).flat_map(turn).collect()))
    }

    fn part(&self) -> f64 {
        self.done as f64 / self.rows.max(1) as f64
    }

    fn note(&self) -> Option<String> {
        None
    }
}
