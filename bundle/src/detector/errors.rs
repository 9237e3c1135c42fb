//! The errors of a reconstruction, as the network takes the values.

use crate::schema::{Feature, Schema};

/// What raw rows are, and so how they become the network's input.
#[derive(Clone, Copy, Debug)]
pub enum RowForm<'a> {
    /// The columns of a table.
    Table(&'a Schema),
    /// Values of which `white` becomes 1.
    Plain {
        /// Above 0.
        white: f32,
    },
}

impl RowForm<'_> {
    /// Values of the network's input, of raw rows with `raw_len` of them.
    pub fn features(self, raw_len: usize) -> usize {
        match self {
            Self::Table(schema) => schema.input_len(),
            Self::Plain { .. } => raw_len,
        }
    }

    /// Turns a raw row into the network's input, `row`, and what its reconstruction adds to that, `errors`. What is missing has no error:
    /// a decoder always gives a value. Nor have the sines and cosines of a date, which follow from a number that has one.
    pub fn errors(self, [raw, reconstruction]: [&[f32]; 2], row: &mut [f32], errors: &mut [f32]) {
        match self {
            Self::Table(schema) => {
                schema.prepare(raw, row);
                schema.prepare(reconstruction, errors);
                for ((error, value), feature) in errors.iter_mut().zip(&*row).zip(schema.features()) {
                    let column = schema.columns().get(feature.column());
                    let may_be_missing = column.is_some_and(|column| column.may_be_missing());
                    let is_missing = may_be_missing && raw[feature.column()].is_nan();
                    let counts = !is_missing && !matches!(feature, Feature::Cycle { .. });
                    *error = if counts { *error - value } else { 0. };
                }
            }
            Self::Plain { white } => {
                for (((value, error), raw), reconstruction) in row.iter_mut().zip(errors).zip(raw).zip(reconstruction) {
                    *value = raw / white;
                    *error = reconstruction / white - *value;
                }
            }
        }
    }

    /// The size of the errors of each value of a raw row: the root of the sum of the squares of those that come from it.
    pub fn of_columns(self, errors: &[f32]) -> impl Iterator<Item = f32> {
        let columns = match self {
            Self::Table(schema) if schema.input_len() != schema.raw_len() => {
                let mut columns = vec![0f32; schema.raw_len()];
                for (error, feature) in errors.iter().zip(schema.features()) {
                    columns[feature.column()] += error * error;
                }
                columns.iter_mut().for_each(|square| *square = square.sqrt());
                columns
            }
            _ => errors.iter().map(|error| error.abs()).collect(),
        };
        columns.into_iter()
    }
}

impl Schema {
    /// The mean squared error of raw rows: for each, that of its `reconstructions`, both as the network takes them. So a column counts by
    /// its scale, whatever its unit.
    pub fn scores(&self, raw: &[f32], reconstructions: &[f32]) -> Vec<f64> {
        let (mut row, mut errors) = (vec![0.; self.input_len()], vec![0.; self.input_len()]);
        let pairs = raw.chunks_exact(self.raw_len()).zip(reconstructions.chunks_exact(self.raw_len()));
        let square = |error: &f32| f64::from(*error).powi(2);
        pairs
            .map(|(raw, restored)| {
                RowForm::Table(self).errors([raw, restored], &mut row, &mut errors);
                errors.iter().map(square).sum::<f64>() / self.input_len() as f64
            })
            .collect()
    }
}
