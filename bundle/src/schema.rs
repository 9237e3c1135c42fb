//! The columns of a table: what a raw row holds, and how it becomes the network's input and comes back.

use std::collections::HashSet;
use std::f32::consts::{FRAC_PI_2, TAU};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The most values of the network's input; `trainer fit` refuses rows of more than a quarter of it.
const MAX_INPUT: usize = 1 << 18;

/// The columns of a table, in the order of a raw row.
///
/// A raw row has one float for each column: a number as it is, NaN where it is missing, a category by its place in
/// [`ColumnKind::Category`]. The network's input has one value for each number, one for each category of a column, and one for
/// each column with [`Column::flag_missing`].
///
/// ```
/// use bundle::{Column, ColumnKind, Schema};
///
/// let size = Column::number("size", 20., 10.);
/// let colour = Column::new("colour", ColumnKind::Category { values: vec!["red".into(), "blue".into()] });
/// let schema = Schema::new(vec![size, colour]).unwrap();
/// assert_eq!((schema.raw_len(), schema.input_len()), (2, 4));
///
/// let mut input = [0.; 4];
/// schema.prepare(&[25., 1.], &mut input); // 25, blue
/// assert_eq!(input, [0.5, 0., 1., 0.]); // the last place is for all other colours
/// let mut raw = [0.; 2];
/// schema.restore(&input, &mut raw);
/// assert_eq!(raw, [25., 1.]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Schema {
    columns: Vec<Column>,
    features: Vec<Feature>,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The name in the file that trained the network.
    pub name: String,
    /// What the column holds.
    #[serde(flatten)]
    pub kind: ColumnKind,
    /// The number that replaces a missing one. In a column of categories, any number means that a missing value is allowed and
    /// counts as no category. Nothing: missing values are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<f32>,
    /// Whether the network's input has a further value, which is 1 where this column's value is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flag_missing: bool,
    /// In a column of dates, the moment from which its numbers count seconds: `2026-01-05T00:00:00`, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Periods in seconds. For each, the network's input has the sine and the cosine of the number's place in it, so that 23:59 is
    /// next to 00:00. They do not count in [`Schema::scores`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycles: Vec<f32>,
    /// Of a number, how far from the mean it counts at most, in units of its scale, above 1; nothing: however far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<f32>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnKind {
    /// A number `x`, which becomes `(x - mean) / scale`.
    Number {
        /// What becomes 0.
        mean: f32,
        /// What becomes 1 above the mean; above 0.
        scale: f32,
    },
    /// A word, as its place in `values`; any other word is `values.len()`. It becomes a 1 among zeros.
    Category {
        /// The words.
        values: Vec<String>,
    },
}

/// A value of the network's input; `column` is that of the raw row it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Feature {
    /// `(x - mean) / scale`, with `missing` for NaN, and at most `clip` from 0.
    Number {
        /// The column.
        column: usize,
        /// See [`Column::missing`].
        missing: Option<f32>,
        /// See [`ColumnKind::Number`].
        mean: f32,
        /// See [`ColumnKind::Number`].
        scale: f32,
        /// See [`Column::clip`].
        clip: Option<f32>,
    },
    /// 1 where the column has this category, else 0.
    Category {
        /// The column.
        column: usize,
        /// The place of the category.
        place: usize,
    },
    /// The sine of the number's place in a period, or, a quarter of it later, the cosine; 0 where it is missing.
    Cycle {
        /// The column.
        column: usize,
        /// See [`Column::cycles`].
        period: f32,
        /// The angle that is added: 0 for the sine, pi / 2 for the cosine.
        shift: f32,
    },
    /// 1 where the column's value is missing, else 0.
    Missing {
        /// The column.
        column: usize,
    },
}

impl Column {
    /// A column of this kind, whose missing values are refused.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            kind,
            missing: None,
            flag_missing: false,
            since: None,
            cycles: Vec::new(),
            clip: None,
        }
    }

    /// A column of numbers, whose missing values are refused.
    pub fn number(name: impl Into<String>, mean: f32, scale: f32) -> Self {
        Self::new(name, ColumnKind::Number { mean, scale })
    }

    /// Whether a raw row may have NaN here.
    pub fn may_be_missing(&self) -> bool {
        self.missing.is_some()
    }

    fn features(&self, column: usize) -> impl Iterator<Item = Feature> {
        let numbers = match self.kind {
            ColumnKind::Number { mean, scale } => {
                Some(Feature::Number { column, missing: self.missing, mean, scale, clip: self.clip })
            }
            ColumnKind::Category { .. } => None,
        };
        let categories = match &self.kind {
            ColumnKind::Number { .. } => 0,
            ColumnKind::Category { values } => values.len() + 1,
        };
        let cycle = move |&period: &f32| [0., FRAC_PI_2].map(|shift| Feature::Cycle { column, period, shift });
        let cycles = self.cycles.iter().flat_map(cycle);
        let flag = self.flag_missing.then_some(Feature::Missing { column });
        numbers
            .into_iter()
            .chain((0..categories).map(move |place| Feature::Category { column, place }))
            .chain(cycles)
            .chain(flag)
    }
}

impl Schema {
    /// A table with these columns.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] when there is no column, two have the same name, or a number's scale is not above 0.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        if columns.is_empty() {
            return Err(Error::Schema("expected at least one column, found none".into()));
        }
        let mut names = HashSet::new();
        for column in &columns {
            if !names.insert(column.name.as_str()) {
                return Err(Error::Schema(format!("two columns are named `{}`", crate::printable(&column.name))));
            }
            if let ColumnKind::Number { mean, scale } = column.kind
                && !(mean.is_finite() && scale.is_finite() && scale > 0.)
            {
                let name = crate::printable(&column.name);
                let reason =
                    format!("column `{name}`: expected a finite mean and a scale above 0, found {mean} and {scale}");
                return Err(Error::Schema(reason));
            }
            let is_period = |period: &f32| period.is_finite() && *period > 0.;
            let is_number = matches!(column.kind, ColumnKind::Number { .. });
            if !column.cycles.iter().all(is_period) || !is_number && !column.cycles.is_empty() {
                let name = crate::printable(&column.name);
                let reason = format!("column `{name}`: expected periods above 0 of numbers, found {:?}", column.cycles);
                return Err(Error::Schema(reason));
            }
        }
        let values = columns.iter().map(|column| column.features(0).count()).sum::<usize>();
        if values > MAX_INPUT {
            return Err(Error::Schema(format!(
                "expected rows of at most {MAX_INPUT} values for the network, found {values}"
            )));
        }
        let features = columns.iter().enumerate().flat_map(|(index, column)| column.features(index)).collect();
        Ok(Self { columns, features })
    }

    /// The columns of a raw row.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The values of the network's input, column by column.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Values in a raw row.
    pub fn raw_len(&self) -> usize {
        self.columns.len()
    }

    /// Values in the network's input.
    pub fn input_len(&self) -> usize {
        self.features.len()
    }

    /// Turns raw rows, `[rows, raw_len]`, into the network's input, `[rows, input_len]`.
    pub fn prepare(&self, raw: &[f32], input: &mut [f32]) {
        for (raw, input) in raw.chunks_exact(self.raw_len()).zip(input.chunks_exact_mut(self.input_len())) {
            for (value, feature) in input.iter_mut().zip(&self.features) {
                *value = match *feature {
                    Feature::Number { column, missing, mean, scale, clip } => {
                        let x = raw[column];
                        let x = (if x.is_nan() { missing.unwrap_or(x) } else { x } - mean) / scale;
                        clip.map_or(x, |most| x.clamp(-most, most))
                    }
                    Feature::Category { column, place } => f32::from(u8::from(raw[column] == place as f32)),
                    Feature::Cycle { column, period, shift } => {
                        let angle = raw[column] % period * (TAU / period) + shift;
                        if angle.is_nan() { 0. } else { angle.sin() }
                    }
                    Feature::Missing { column } => f32::from(u8::from(raw[column].is_nan())),
                };
            }
        }
    }

    /// Turns what is like the network's input, `[rows, input_len]`, into raw rows, `[rows, raw_len]`: numbers in their own units, and
    /// the category with the largest value.
    pub fn restore(&self, input: &[f32], raw: &mut [f32]) {
        for (input, raw) in input.chunks_exact(self.input_len()).zip(raw.chunks_exact_mut(self.raw_len())) {
            let mut largest = f32::NEG_INFINITY;
            for (value, feature) in input.iter().zip(&self.features) {
                match *feature {
                    Feature::Number { column, mean, scale, .. } => raw[column] = value * scale + mean,
                    Feature::Category { column, place } => {
                        if place == 0 || *value > largest {
                            largest = *value;
                            raw[column] = place as f32;
                        }
                    }
                    Feature::Cycle { .. } | Feature::Missing { .. } => (),
                }
            }
        }
    }
}

impl Feature {
    /// The column that it is computed from.
    pub fn column(&self) -> usize {
        match *self {
            Self::Number { column, .. }
            | Self::Category { column, .. }
            | Self::Cycle { column, .. }
            | Self::Missing { column } => column,
        }
    }
}

impl TryFrom<Vec<Column>> for Schema {
    type Error = Error;

    fn try_from(columns: Vec<Column>) -> Result<Self> {
        Self::new(columns)
    }
}

impl From<Schema> for Vec<Column> {
    fn from(schema: Schema) -> Self {
        schema.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let values = vec!["red".into(), "blue".into()];
        let colour = Column {
            missing: Some(f32::NAN),
            flag_missing: true,
            ..Column::new("colour", ColumnKind::Category { values })
        };
        let size = Column { missing: Some(1e6), flag_missing: true, ..Column::number("size", 1e6, 0.5) };
        Schema::new(vec![colour, size, Column::number("weight", 0., 2.)]).unwrap()
    }

    #[test]
    fn raw_rows_become_the_networks_input_and_come_back() {
        let schema = schema();
        assert_eq!((schema.raw_len(), schema.input_len()), (3, 7));
        let raw = [1., 1e6 + 1., 3., 2., 1e6, -4.];
        let mut input = [f32::NAN; 14];
        schema.prepare(&raw, &mut input);
        assert_eq!(input, [0., 1., 0., 0., 2., 0., 1.5, 0., 0., 1., 0., 0., 0., -2.]);
        let mut back = [f32::NAN; 6];
        schema.restore(&input, &mut back);
        assert_eq!(back, raw);
    }

    #[test]
    fn a_missing_value_is_filled_and_told() {
        let mut input = [f32::NAN; 7];
        schema().prepare(&[f32::NAN, f32::NAN, 0.], &mut input);
        assert_eq!(input, [0., 0., 0., 1., 0., 1., 0.]);
        schema().prepare(&[0., 1e6, f32::NAN], &mut input);
        assert!(input[6].is_nan(), "where it is refused, it stays");
    }

    #[test]
    fn a_column_counts_by_its_scale_in_the_score() {
        let schema = Schema::new(vec![Column::number("large", 1e6, 100.), Column::number("small", 0., 0.01)]).unwrap();
        let scores = schema.scores(&[1e6, 0., 1e6, 0.], &[1e6 + 100., 0., 1e6, 0.02]);
        assert!((scores[0] - 0.5).abs() < 1e-6 && (scores[1] - 2.).abs() < 1e-6, "{scores:?}");
    }

    #[test]
    fn what_is_missing_counts_nothing_in_the_score() {
        let mode = Column::new("mode", ColumnKind::Category { values: vec!["slow".into(), "fast".into()] });
        let mode = Column { missing: Some(0.), flag_missing: true, ..mode };
        let load = Column { missing: Some(0.), flag_missing: true, ..Column::number("load", 0., 1.) };
        let schema = Schema::new(vec![load, mode]).unwrap();
        let scores = schema.scores(&[f32::NAN, f32::NAN, 2., 1.], &[7., 0., 1., 1.]);
        assert_eq!(scores, [0., 1. / schema.input_len() as f64]);
    }

    #[test]
    fn a_cycle_meets_its_start_and_counts_nothing_in_the_score() {
        let time = Column { cycles: vec![24.], missing: Some(0.), ..Column::number("time", 0., 1.) };
        let schema = Schema::new(vec![time]).unwrap();
        let mut input = [f32::NAN; 12];
        schema.prepare(&[6., 47.99, 24., f32::NAN], &mut input);
        let expected = [6., 1., 0., 47.99, -0.003, 1., 24., 0., 1., 0., 0., 0.];
        assert!(input.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-3), "{input:?}");
        assert_eq!(schema.scores(&[6.], &[9.]), [3.]);
        let mut raw = [0.];
        schema.restore(&[5., 1., 1.], &mut raw);
        assert_eq!(raw, [5.]);
        let category = ColumnKind::Category { values: vec![] };
        for wrong in [
            Column { cycles: vec![0.], ..Column::number("x", 0., 1.) },
            Column { cycles: vec![1.], ..Column::new("x", category) },
        ] {
            assert!(Schema::new(vec![wrong]).is_err());
        }
    }

    #[test]
    fn a_schema_survives_json() {
        let text = serde_json::to_string(&Schema::new(vec![Column::number("size", 1.5, 2.)]).unwrap()).unwrap();
        assert_eq!(text, r#"[{"name":"size","kind":"number","mean":1.5,"scale":2.0}]"#);
        let found: Schema = serde_json::from_str(&text).unwrap();
        assert_eq!(found.features(), [Feature::Number { column: 0, missing: None, mean: 1.5, scale: 2., clip: None }]);
    }

    #[test]
    fn a_schema_that_means_nothing_is_refused() {
        let error = |columns| Schema::new(columns).unwrap_err().to_string();
        assert_eq!(error(vec![]), "expected at least one column, found none");
        assert_eq!(error(vec![Column::number("a", 0., 1.), Column::number("a", 0., 1.)]), "two columns are named `a`");
        assert!(error(vec![Column::number("a", 0., 0.)]).ends_with("found 0 and 0"));
        assert!(serde_json::from_str::<Schema>("[]").is_err());
    }
}
