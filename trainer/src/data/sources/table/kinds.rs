//! What each column holds.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use bundle::{ColumnKind, Schema, printable, seconds_of};
use rayon::prelude::*;
use rows::{Column, Columns, Texts};

use super::dates::DateColumn;
use super::scaling::{Filled, fill, scale};
use crate::data::table_config::{Dates, Missing, Scaling, TableConfig};

/// The most categories that a column may have; the rest are one, "other".
const MAX_CATEGORIES: usize = 32;
/// Of a column with more missing values than this part, the network is told which are missing.
const MANY_MISSING: f64 = 0.05;

/// With robust scaling, a number counts as at most so many of its scale, about that many standard deviations of usual values.
const CLIP: f32 = 10.;

/// The columns that are trained on.
pub(super) struct Kinds {
    pub(super) columns: Vec<Kind>,
    /// What was assumed, a sentence each.
    pub(super) notes: Vec<String>,
}

pub(super) struct Kind {
    /// The column of the table.
    pub(super) place: usize,
    /// The words of a column of categories, the most frequent first.
    categories: Option<Vec<String>>,
    /// A column of dates as numbers.
    dates: Option<DateColumn>,
    pub(super) missing: usize,
}

impl Kinds {
    /// Looks at every column but those `left_out`.
    pub(super) fn find(table: &Columns, left_out: &HashSet<usize>, config: &TableConfig) -> Result<Self, String> {
        let mut kinds = Self { columns: Vec::new(), notes: Vec::new() };
        for place in (0..table.columns.len()).filter(|place| !left_out.contains(place)) {
            let name = printable(&table.names[place]);
            match &table.columns[place] {
                Column::Numbers(numbers) => kinds.numbers(table, place, numbers)?,
                Column::Texts(texts) => match &texts.dates {
                    Some(dates) => kinds.dates(table, place, dates, config),
                    None => kinds.texts(table, place, texts)?,
                },
            }
            if let Some(Kind { place: last, missing, .. }) = kinds.columns.last()
                && *last == place
                && *missing > 0
                && config.missing == Missing::Refuse
            {
                return Err(format!(
                    "column `{name}`: {missing} of {} values are missing; `--missing mean` fills them in",
                    table.len()
                ));
            }
        }
        if kinds.columns.is_empty() {
            let why = kinds.notes.join("; ");
            let why = if why.is_empty() { "all are named by `--drop` or `--label`".into() } else { why };
            return Err(format!("expected columns to train on, found none that is left: {why}"));
        }
        Ok(kinds)
    }

    fn numbers(&mut self, table: &Columns, place: usize, numbers: &[f32]) -> Result<(), String> {
        let name = printable(&table.names[place]);
        if let Some(row) = numbers.iter().position(|number| number.is_infinite()) {
            let (place, found) = (table.place(row), numbers[row]);
            return Err(format!("{place}, column `{name}`: expected a finite number, found {found}"));
        }
        let missing = numbers.iter().filter(|number| number.is_nan()).count();
        if missing == numbers.len() {
            self.notes.push(format!("column `{name}` is left out: all its values are missing"));
            return Ok(());
        }
        self.columns.push(Kind { place, categories: None, dates: None, missing });
        Ok(())
    }

    fn dates(&mut self, table: &Columns, place: usize, dates: &[f64], config: &TableConfig) {
        let name = printable(&table.names[place]);
        let reason = match config.dates {
            Dates::Drop => Some("as `--dates drop` says"),
            _ if config.window.is_some() => Some("windows follow the order of the rows"),
            _ => None,
        };
        if let Some(reason) = reason {
            self.notes.push(format!("column `{name}` is left out, it holds dates: {reason}"));
            return;
        }
        let mut column = DateColumn::new(dates);
        let since = &column.since[..10];
        self.notes.push(match config.dates {
            Dates::Cycles if column.periods.is_empty() => {
                format!("column `{name}` is dates, in seconds since {since}: they cover no two days, weeks or years")
            }
            Dates::Cycles => format!(
                "column `{name}` is dates, in seconds since {since}, with the place in {}; later rows than those that train look \
                 unusual by it",
                column.cycles()
            ),
            _ => format!(
                "column `{name}` is dates, in seconds since {since}; later rows than those that train look unusual by it: \
                 `{}` leaves it out{}",
                drop_option(&name.to_string()),
                if column.periods.is_empty() {
                    String::new()
                } else {
                    format!(", `--dates cycles` adds the place in {}", column.cycles())
                }
            ),
        });
        if config.dates != Dates::Cycles {
            column.periods.clear();
        }
        let missing = dates.iter().filter(|seconds| seconds.is_nan()).count();
        self.columns.push(Kind { place, categories: None, dates: Some(column), missing });
    }

    fn texts(&mut self, table: &Columns, place: usize, texts: &Texts) -> Result<(), String> {
        let name = printable(&table.names[place]);
        let missing = texts.rows.iter().filter(|&&row| row == Texts::MISSING).count();
        let present = table.len() - missing;
        if let Some(first) = texts.first
            && texts.numbers * 2 >= present
        {
            return Err(not_a_number(&table.place(first), &name, texts.get(first).unwrap_or_default()));
        }
        if let Some((place, found)) = not_a_date(table, texts) {
            let found = printable(found);
            return Err(format!(
                "{place}, column `{name}`: expected a date as in most rows, found `{found}`; mend it, leave it empty, or leave the \
                 column out with `{}`",
                drop_option(&name.to_string())
            ));
        }
        if texts.values.len() > MAX_CATEGORIES && texts.values.len() * 2 > present {
            self.notes.push(format!(
                "column `{name}` is left out: {} different texts in {present} rows are no categories{}",
                texts.values.len(),
                hint(&texts.values[0])
            ));
            return Ok(());
        }
        let mut counts: HashMap<u32, usize> = HashMap::new();
        texts.rows.iter().for_each(|&row| *counts.entry(row).or_default() += 1);
        let mut order: Vec<u32> = (0..texts.values.len() as u32).collect();
        order.sort_by_key(|value| (std::cmp::Reverse(counts[value]), *value));
        if order.len() > MAX_CATEGORIES {
            self.notes.push(format!(
                "column `{name}` has {} categories: the {MAX_CATEGORIES} most frequent are told apart, the others are one",
                order.len()
            ));
            order.truncate(MAX_CATEGORIES);
        }
        let categories = order.into_iter().map(|value| texts.values[value as usize].clone()).collect();
        self.columns.push(Kind { place, categories: Some(categories), dates: None, missing });
        Ok(())
    }

    /// Fails where a column does not hold numbers.
    pub(super) fn expect_numbers(&self, table: &Columns) -> Result<(), String> {
        let Some(kind) = self.columns.iter().find(|kind| kind.categories.is_some()) else { return Ok(()) };
        let name = printable(&table.names[kind.place]);
        Err(format!(
            "column `{name}`: windows take numbers, found words; leave the column out with `{}`",
            drop_option(&name.to_string())
        ))
    }

    /// The schema, its scales learnt on the rows `train`.
    pub(super) fn schema(&self, table: &Columns, train: &[u32], config: &TableConfig) -> Result<Schema, String> {
        let column = |kind: &Kind| {
            let name = table.names[kind.place].clone();
            let flag_missing = kind.missing as f64 > MANY_MISSING * table.len() as f64;
            let numbers = match (&kind.dates, &table.columns[kind.place]) {
                (Some(dates), _) => Some(&dates.seconds),
                (None, Column::Numbers(numbers)) => Some(numbers),
                _ => None,
            };
            let (kind_of, missing) = match (&kind.categories, numbers) {
                (None, Some(numbers)) => {
                    let Filled { values, fill } = fill(numbers, train, config.missing);
                    let [mean, scale] = scale(&values, config.scaling);
                    (ColumnKind::Number { mean, scale }, fill)
                }
                (categories, _) => {
                    let mut values = categories.clone().unwrap_or_default();
                    if let Column::Texts(texts) = &table.columns[kind.place] {
                        // Words of test rows alone are as unknown as those that come later.
                        let known: HashSet<&str> = train.iter().filter_map(|&row| texts.get(row as usize)).collect();
                        values.retain(|value| known.contains(value.as_str()));
                    }
                    (ColumnKind::Category { values }, 0.)
                }
            };
            let since = kind.dates.as_ref().map(|dates| dates.since.clone());
            let cycles = kind.dates.as_ref().map(|dates| dates.periods.clone()).unwrap_or_default();
            let missing = (config.missing != Missing::Refuse).then_some(missing);
            let is_robust = config.scaling == Scaling::Robust && matches!(kind_of, ColumnKind::Number { .. });
            let clip = is_robust.then_some(CLIP);
            bundle::Column { missing, flag_missing, since, cycles, clip, ..bundle::Column::new(name, kind_of) }
        };
        Schema::new(self.columns.par_iter().map(column).collect()).map_err(|error| error.to_string())
    }
}

/// The option that leaves a column out, as a shell reads it.
fn drop_option(name: &str) -> String {
    let name = if name.contains(',') { &format!("\"{name}\"") } else { name };
    let is_plain = name.chars().all(|char| char.is_alphanumeric() || "_-.[]".contains(char));
    if is_plain { format!("--drop {name}") } else { format!("--drop '{}'", name.replace('\'', r"'\''")) }
}

/// What is said of a text in a column of numbers, and the way on.
pub(super) fn not_a_number(place: &str, column: &dyn Display, found: &str) -> String {
    let found = printable(found);
    format!(
        "{place}, column `{column}`: expected a number, found `{found}`; mend it, leave it empty, or leave the column out with \
         `{}`",
        drop_option(&column.to_string())
    )
}

/// The place of the first text that is no date, and the text, where most are dates.
fn not_a_date<'a>(table: &Columns, texts: &'a Texts) -> Option<(String, &'a str)> {
    let is_date: Vec<bool> = texts.values.iter().map(|text| seconds_of(text).is_some()).collect();
    let dates = texts.rows.iter().filter(|&&row| is_date.get(row as usize) == Some(&true)).count();
    let others = texts.rows.iter().filter(|&&row| is_date.get(row as usize) == Some(&false)).count();
    let row = texts.rows.iter().position(|&row| is_date.get(row as usize) == Some(&false))?;
    (dates > others).then(|| (table.place(row), texts.get(row).unwrap_or_default()))
}

/// What would make numbers or dates of texts like this one.
fn hint(text: &str) -> &'static str {
    let plain: String = text.chars().filter(|char| !"$€£%,' ".contains(*char)).collect();
    let is_number = plain.len() < text.len() && plain.parse::<f32>().is_ok_and(f32::is_finite);
    let is_time = |char: char| char.is_ascii_digit() || "/:.-, AaPpMmTtZz+".contains(char);
    let has_parts = text.matches(['/', ':']).count() > 0 && text.contains(|char: char| char.is_ascii_digit());
    match text {
        _ if is_number => "; numbers count without signs such as `%`, `$` or `,`",
        _ if has_parts && text.chars().all(is_time) => "; dates count where they are written as 2026-01-31 23:59",
        _ => "",
    }
}
