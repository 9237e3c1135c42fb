//! A column of texts: each different text once, and what they are as dates.

use std::collections::HashMap;

use bundle::seconds_of;

/// The most different texts of a column that are kept.
pub(crate) const MAX_TEXTS: usize = 1 << 16;

/// The cells of a column in which at least one is no number.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// The different texts, in the order in which they first occur; at most 65,536.
    pub values: Vec<String>,
    /// For each row the place of its text in `values`; [`Texts::MISSING`] for an empty cell, [`Texts::OTHER`] for a text that
    /// was not kept.
    pub rows: Vec<u32>,
    /// How many cells are numbers.
    pub numbers: usize,
    /// The first row whose cell is no number, if there is one.
    pub first: Option<usize>,
    /// Where every text is a date, the seconds of each row since 1970, NaN where it is missing.
    pub dates: Option<Vec<f64>>,
}

impl Texts {
    /// A missing value.
    pub const MISSING: u32 = u32::MAX;
    /// One text of too many.
    pub const OTHER: u32 = u32::MAX - 1;

    /// The text of a row; nothing where it is missing, or was not kept.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.values.get(self.rows[row] as usize).map(String::as_str)
    }
}

/// A column of texts that is being read.
pub(crate) struct TextsBuilder {
    texts: Texts,
    /// The place of each text that is kept.
    places: HashMap<Vec<u8>, u32>,
    /// As long as all texts are dates, the seconds of each that is kept.
    seconds: Vec<f64>,
}

impl TextsBuilder {
    /// A column without cells so far.
    pub(crate) fn new() -> Self {
        let texts = Texts { values: vec![], rows: vec![], numbers: 0, first: None, dates: Some(vec![]) };
        Self { texts, places: HashMap::new(), seconds: vec![] }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.rows.len()
    }

    /// Appends a cell; nothing is a missing one.
    pub(crate) fn push(&mut self, text: Option<&[u8]>) {
        let Some(text) = text else { return self.append(Texts::MISSING, Some(f64::NAN)) };
        if let Some(&place) = self.places.get(text) {
            return self.append(place, self.seconds.get(place as usize).copied());
        }
        let seconds = self.texts.dates.as_ref().and_then(|_| seconds_of(str::from_utf8(text).ok()?));
        if self.texts.values.len() == MAX_TEXTS {
            return self.append(Texts::OTHER, seconds);
        }
        let place = self.texts.values.len() as u32;
        self.places.insert(text.into(), place);
        self.texts.values.push(String::from_utf8_lossy(text).into_owned());
        self.seconds.extend(seconds);
        self.append(place, seconds);
    }

    /// Appends a text that is not kept.
    pub(crate) fn push_other(&mut self) {
        self.append(Texts::OTHER, None);
    }

    fn append(&mut self, place: u32, seconds: Option<f64>) {
        self.texts.rows.push(place);
        match (&mut self.texts.dates, seconds) {
            (Some(dates), Some(seconds)) => dates.push(seconds),
            (dates, _) => *dates = None,
        }
    }

    /// The column, with so many numbers among its cells, and the first row whose cell is none.
    pub(crate) fn finish(self, numbers: usize, first: Option<usize>) -> Texts {
        let dates = self.texts.dates.filter(|dates| dates.iter().any(|seconds| !seconds.is_nan()));
        Texts { numbers, first, dates, ..self.texts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[&str]) -> Texts {
        let mut builder = TextsBuilder::new();
        cells.iter().for_each(|cell| builder.push(Some(cell.as_bytes()).filter(|cell| !cell.is_empty())));
        builder.finish(0, None)
    }

    #[test]
    fn texts_that_are_all_dates_are_seconds_too() {
        let dates = texts(&["1970-01-02", "", "1970-01-02", "1970-01-01 00:00:01"]).dates.unwrap();
        assert_eq!((dates[0], dates[2], dates[3]), (86_400., 86_400., 1.));
        assert!(dates[1].is_nan());
        assert_eq!(texts(&["1970-01-02", "monday", "1970-01-03"]).dates, None);
        assert_eq!(texts(&["", ""]).dates, None);
    }

    #[test]
    fn more_dates_than_texts_are_kept_are_dates_all_the_same() {
        let cells: Vec<String> = (0..MAX_TEXTS + 2).map(|minute| bundle::date_of(minute as f64 * 60.)).collect();
        let found = texts(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((found.values.len(), found.rows[MAX_TEXTS]), (MAX_TEXTS, Texts::OTHER));
        assert_eq!(found.dates.unwrap()[MAX_TEXTS + 1], (MAX_TEXTS + 1) as f64 * 60.);
    }
}
