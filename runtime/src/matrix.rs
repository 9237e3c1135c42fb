//! Rows of numbers in row-major order, owned or borrowed.

use std::hint::black_box;

use crate::error::{Error, Result};

/// There is always memory for this many values.
const FEW_VALUES: usize = 1 << 16;

/// A row-major matrix: `rows` rows of `columns` values, one after the other.
///
/// ```
/// use runtime::Matrix;
/// # fn main() -> runtime::Result<()> {
/// let matrix = Matrix::new(2, 3, vec![1., 2., 3., 4., 5., 6.])?;
/// assert_eq!(matrix.row(1), [4., 5., 6.]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// A matrix of `values`, row after row.
    ///
    /// # Errors
    ///
    /// [`Error::Matrix`] when there are not `rows * columns` of them.
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Result<Self> {
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(Error::Matrix { rows, columns, found: values.len() });
        }
        Ok(Self { rows, columns, values })
    }

    /// A matrix of bytes, row after row, for an encoder that takes bytes.
    ///
    /// ```
    /// let pixels = runtime::Matrix::from_bytes(1, 3, &[0, 128, 255]).unwrap();
    /// assert_eq!(pixels.as_slice(), [0., 128., 255.]);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Matrix::new`].
    pub fn from_bytes(rows: usize, columns: usize, bytes: &[u8]) -> Result<Self> {
        Self::new(rows, columns, bytes.iter().map(|&byte| f32::from(byte)).collect())
    }

    /// A matrix of zeros; nothing if it does not fit into memory.
    pub(crate) fn zeros(rows: usize, columns: usize) -> Option<Self> {
        let length = rows.checked_mul(columns)?;
        // `vec!` ends the program where there is no memory, so ask first. It then takes pages that are zeros already.
        if length > FEW_VALUES {
            black_box(Vec::<f32>::new()).try_reserve_exact(length).ok()?;
        }
        Some(Self { rows, columns, values: vec![0.; length] })
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The length of a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All values, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// All values, row after row.
    pub fn into_vec(self) -> Vec<f32> {
        self.values
    }

    /// Row `index`.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Matrix::rows`].
    pub fn row(&self, index: usize) -> &[f32] {
        assert!(index < self.rows, "row {index} of a matrix of {} rows", self.rows);
        &self.values[index * self.columns..][..self.columns]
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.rows).map(|index| self.row(index))
    }
}

/// Borrowed rows: a [`Matrix`], or a plain slice of one or more rows, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a> {
    pub(crate) values: &'a [f32],
    /// Rows and columns; a plain slice has as many rows as fit.
    pub(crate) shape: Option<(usize, usize)>,
}

impl<'a> From<&'a Matrix> for MatrixView<'a> {
    fn from(matrix: &'a Matrix) -> Self {
        Self { values: &matrix.values, shape: Some((matrix.rows, matrix.columns)) }
    }
}

impl<'a> From<&'a [f32]> for MatrixView<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self { values, shape: None }
    }
}

impl<'a> From<&'a Vec<f32>> for MatrixView<'a> {
    fn from(values: &'a Vec<f32>) -> Self {
        Self { values, shape: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_values_must_fit() {
        let error = Matrix::new(2, 3, vec![0.; 5]).unwrap_err();
        assert_eq!(error.to_string(), "expected 2 x 3 values, found 5");
        assert!(Matrix::new(usize::MAX, 2, vec![]).is_err());
    }

    #[test]
    fn more_zeros_than_there_is_memory_for_are_none() {
        assert_eq!(Matrix::zeros(2, 3), Matrix::new(2, 3, vec![0.; 6]).ok());
        for (rows, columns) in [(1, 1 << 46), (1, 1 << 62), (2, 1 << 63)] {
            assert_eq!(Matrix::zeros(rows, columns), None, "{rows} x {columns}");
        }
    }

    #[test]
    fn rows_come_in_order() {
        let matrix = Matrix::new(2, 2, vec![1., 2., 3., 4.]).unwrap();
        assert_eq!(matrix.iter().map(|row| row[1]).collect::<Vec<_>>(), [2., 4.]);
        assert_eq!(Matrix::new(0, 3, vec![]).unwrap().iter().count(), 0);
    }
}
