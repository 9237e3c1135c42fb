//! Raw values as people write them: named texts become a raw row, and come back.

use std::fmt::Write;

use crate::dates::{date_of, seconds_of};
use crate::error::{Error, Result};
use crate::printable::printable;
use crate::schema::{Column, ColumnKind, Schema};

/// Words for a missing value, in lower case.
const MISSING: [&str; 7] = ["", "na", "n/a", "nan", "null", "none", "?"];

/// Whether a text says that there is no value: it is empty, or `NA`, `NaN`, `null`, `none` or `?`.
pub fn is_missing(text: &str) -> bool {
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// 1 for `true` and 0 for `false`, in any case of letters.
pub fn truth(text: &str) -> Option<f32> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(1.) } else { is("false").then_some(0.) }
}

impl Column {
    /// The raw value that a text stands for: a number as it is, `true` and `false` as 1 and 0, a date in seconds, a word by its place, NaN
    /// where it is missing.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] when it is missing and may not be, or is not what the column holds.
    pub fn parse(&self, text: &str) -> Result<f32> {
        let (text, name) = (text.trim(), printable(&self.name));
        if is_missing(text) {
            let refused = || {
                Error::Schema(format!(
                    "column `{name}`: a value is missing, and the rows that trained the network had none"
                ))
            };
            return if self.may_be_missing() { Ok(f32::NAN) } else { Err(refused()) };
        }
        let expected =
            |what: &str| Error::Schema(format!("column `{name}`: expected {what}, found `{}`", printable(text)));
        match (&self.kind, &self.since) {
            (ColumnKind::Category { values }, _) => {
                Ok(values.iter().position(|value| value == text).unwrap_or(values.len()) as f32)
            }
            (_, Some(since)) => {
                let seconds = seconds_of(text).ok_or_else(|| expected("a date such as 2026-01-31T23:59:59"))?;
                Ok((seconds - seconds_of(since).unwrap_or_default()) as f32)
            }
            _ => {
                let number = text.parse().ok().or_else(|| truth(text)).filter(|number: &f32| number.is_finite());
                number.ok_or_else(|| expected("a finite number"))
            }
        }
    }

    /// Appends a raw value as a person writes it; a word that training never saw is `other`.
    pub fn write(&self, value: f32, text: &mut String) {
        match (&self.kind, &self.since) {
            (ColumnKind::Category { values }, _) => {
                text.push_str(values.get(value as usize).map_or("other", String::as_str));
            }
            (_, Some(since)) => text.push_str(&date_of(seconds_of(since).unwrap_or_default() + f64::from(value))),
            // A `String` takes everything.
            _ => drop(write!(text, "{value}")),
        }
    }
}

impl Schema {
    /// The raw row of these values, named and in any order. A column that is not among them is missing.
    ///
    /// ```
    /// use bundle::{Column, ColumnKind, Schema};
    ///
    /// let mode = Column::new("mode", ColumnKind::Category { values: vec!["slow".into(), "fast".into()] });
    /// let schema = Schema::new(vec![Column::number("load", 0., 1.), mode])?;
    /// let row = schema.row([("mode", "fast"), ("load", "0.25")])?;
    /// assert_eq!(row, [0.25, 1.]);
    /// assert_eq!(schema.named(&row), [("load", "0.25".to_owned()), ("mode", "fast".to_owned())]);
    /// # Ok::<(), bundle::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] when there is no column of a name, a name comes twice, or a value does not fit its column: see [`Column::parse`].
    pub fn row<'a>(&self, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<f32>> {
        let mut texts = vec![None; self.raw_len()];
        for (name, text) in values {
            let Some(place) = self.columns().iter().position(|column| column.name == name) else {
                let names: Vec<String> =
                    self.columns().iter().map(|column| format!("`{}`", printable(&column.name))).collect();
                let found = printable(name);
                return Err(Error::Schema(format!("there is no column `{found}`; expected {}", names.join(", "))));
            };
            if texts[place].replace(text).is_some() {
                return Err(Error::Schema(format!("column `{}` comes twice", printable(name))));
            }
        }
        self.columns().iter().zip(texts).map(|(column, text)| column.parse(text.unwrap_or_default())).collect()
    }

    /// The values of a raw row with the names of their columns, as [`Column::write`] has them.
    pub fn named(&self, raw: &[f32]) -> Vec<(&str, String)> {
        let value = |(column, value): (&'_ Column, &f32)| {
            let mut text = String::new();
            column.write(*value, &mut text);
            text
        };
        self.columns().iter().zip(raw).map(|pair| (pair.0.name.as_str(), value(pair))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let time = Column { since: Some("2026-01-26T00:00:00".into()), ..Column::number("time", 0., 1.) };
        let mode = Column::new("mode", ColumnKind::Category { values: vec!["5".into(), "slow".into()] });
        let mode = Column { missing: Some(0.), ..mode };
        Schema::new(vec![time, mode, Column::number("on", 0., 1.)]).unwrap()
    }

    #[test]
    fn texts_become_a_raw_row_and_come_back() {
        let schema = schema();
        let row = schema.row([("on", " True "), ("mode", "5"), ("time", "2026-01-26 00:01")]).unwrap();
        assert_eq!(row, [60., 0., 1.]);
        let named = schema.named(&[60.4, 2., 0.5]);
        let expected = [("time", "2026-01-26T00:01:00"), ("mode", "other"), ("on", "0.5")];
        assert!(named.iter().map(|(name, text)| (*name, text.as_str())).eq(expected), "{named:?}");
        let missing = schema.row([("time", "27.01.2026"), ("on", "0")]).unwrap();
        assert!(missing[1].is_nan() && missing[0] == 86_400.);
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        let error =
            |values: &[(&'static str, &'static str)]| schema().row(values.iter().copied()).unwrap_err().to_string();
        let time = ("time", "2026-01-26");
        assert_eq!(error(&[time, ("on", "maybe")]), "column `on`: expected a finite number, found `maybe`");
        assert_eq!(error(&[time, ("on", "inf")]), "column `on`: expected a finite number, found `inf`");
        assert!(error(&[("time", "noon")]).starts_with("column `time`: expected a date such as"));
        assert!(error(&[time]).starts_with("column `on`: a value is missing"));
        assert_eq!(error(&[("off", "1")]), "there is no column `off`; expected `time`, `mode`, `on`");
        assert_eq!(error(&[time, time]), "column `time` comes twice");
    }
}
