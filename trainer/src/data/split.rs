//! Which rows train and which validate; test rows are a separate set and never mix with either.

use std::fmt;
use std::str::FromStr;

use rand::seq::SliceRandom;
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::{Serialize, Serializer};

use super::dataset::Dataset;
use super::samples::Samples;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};

/// Which rows validate after each epoch. Default: a tenth of the training rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Validation {
    /// This part of the training rows, in 0.0..1.0, drawn by the seed; the rest trains.
    Fraction(f64),
    /// The test rows, as the classic tutorial does; every training row trains.
    Test,
}

impl Validation {
    const TEST: &str = "test";

    /// What is expected, for messages.
    const EXPECTED: &str = "`test` or a fraction between 0 and 1, such as 0.1";

    fn fraction(fraction: f64) -> Option<Self> {
        (fraction > 0. && fraction < 1.).then_some(Self::Fraction(fraction))
    }

    fn parse(text: &str) -> Option<Self> {
        if text == Self::TEST { Some(Self::Test) } else { Self::fraction(text.parse().ok()?) }
    }
}

impl FromStr for Validation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
            .ok_or_else(|| Error::setting("validation", format!("expected {}, found {text}", Self::EXPECTED)))
    }
}

impl Serialize for Validation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fraction(fraction) => serializer.serialize_f64(*fraction),
            Self::Test => serializer.serialize_str(Self::TEST),
        }
    }
}

impl<'de> Deserialize<'de> for Validation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TestOrFraction;

        impl Visitor<'_> for TestOrFraction {
            type Value = Validation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Validation::EXPECTED)
            }

            fn visit_f64<E: de::Error>(self, fraction: f64) -> Result<Validation, E> {
                Validation::fraction(fraction).ok_or_else(|| E::invalid_value(Unexpected::Float(fraction), &self))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Validation, E> {
                Err(E::invalid_value(Unexpected::Signed(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Validation, E> {
                Validation::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(TestOrFraction)
    }
}

/// Row numbers of a [`Dataset`]: what trains and what validates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows of [`Dataset::train`] to train on.
    pub train: Vec<u32>,
    /// Rows to validate on: of [`Dataset::train`], or all of [`Dataset::test`] for [`Validation::Test`].
    pub validation: Vec<u32>,
    validation_is_test: bool,
}

impl Split {
    /// Splits validation off the training rows, by `seed`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when no row would be left to train or to validate on.
    pub fn new(dataset: &Dataset, validation: Validation, seed: u64) -> Result<Self> {
        let mut rows: Vec<u32> = (0..dataset.train.len() as u32).collect();
        let fraction = match validation {
            Validation::Test => {
                let validation = (0..dataset.test.len() as u32).collect();
                return Ok(Self { train: rows, validation, validation_is_test: true });
            }
            Validation::Fraction(fraction) => fraction,
        };
        let held_out = (rows.len() as f64 * fraction).round() as usize;
        if held_out == 0 || held_out == rows.len() {
            let all = rows.len();
            let others = if all > 1 {
                // A half leaves at least one row of two on each side.
                format!("expected a part that is 1 to {}, such as {}", all - 1, if all >= 10 { 0.1 } else { 0.5 })
            } else {
                "expected `test`: `--validation test` validates on the test rows".into()
            };
            return Err(Error::setting(
                "validation",
                format!("{fraction} of {all} training rows is {held_out}; {others}"),
            ));
        }
        // Windows of a series share steps: the last ones validate, and none trains that shares a step with them.
        let overlap = dataset.train.overlap();
        if overlap > 0 {
            let validation = rows.split_off(rows.len() - held_out);
            rows.truncate(rows.len().saturating_sub(overlap));
            if rows.is_empty() {
                let reason = format!(
                    "{held_out} windows validate, and all others overlap them; expected a smaller part or a larger `--stride`"
                );
                return Err(Error::setting("validation", reason));
            }
            return Ok(Self { train: rows, validation, validation_is_test: false });
        }
        rows.shuffle(&mut stream(seed, Purpose::Split, 0));
        let mut train = rows.split_off(held_out);
        train.sort_unstable();
        rows.sort_unstable();
        Ok(Self { train, validation: rows, validation_is_test: false })
    }

    /// The images that [`Split::validation`] counts in.
    pub fn validation_images<'a>(&self, dataset: &'a Dataset) -> &'a Samples {
        if self.validation_is_test { &dataset.test } else { &dataset.train }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSource;

    #[test]
    fn training_and_validation_rows_never_mix() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let split = Split::new(&dataset, Validation::Fraction(0.1), 1).unwrap();
        assert_eq!((split.train.len(), split.validation.len()), (1350, 150));
        let mut all = [split.train.clone(), split.validation.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1500).collect::<Vec<_>>());
        assert_ne!(split, Split::new(&dataset, Validation::Fraction(0.1), 2).unwrap());
        assert_eq!(split, Split::new(&dataset, Validation::Fraction(0.1), 1).unwrap());
    }

    #[test]
    fn validation_test_trains_on_every_training_row() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let split = Split::new(&dataset, Validation::Test, 1).unwrap();
        assert_eq!((split.train.len(), split.validation.len()), (1500, 297));
        assert_eq!(split.validation_images(&dataset).len(), 297);
    }

    #[test]
    fn too_small_a_fraction_is_refused() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let error = Split::new(&dataset, Validation::Fraction(0.0001), 1).unwrap_err().to_string();
        let advice = "0.0001 of 1500 training rows is 0; expected a part that is 1 to 1499, such as 0.1";
        assert!(error.ends_with(advice), "{error}");
        assert!(Split::new(&dataset, Validation::Fraction(0.9999), 1).is_err());
    }
}
