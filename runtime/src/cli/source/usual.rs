//! The usual rows of a table with labels.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bundle::{LabelColumn, counted, listed_names, printable};
use rows::Columns;

/// Chooses the usual rows of a table, and counts the others.
pub(super) struct Usual<'a> {
    /// The column of labels; nothing where all rows are taken.
    label: Option<&'a LabelColumn>,
    /// Whether rows without a label are taken.
    takes_unlabelled: bool,
    taken: usize,
    unlabelled: usize,
    /// The rows that are left out, by label.
    left_out: BTreeMap<String, usize>,
    /// Whether a table had no such column.
    is_absent: bool,
}

impl<'a> Usual<'a> {
    /// Of a table, rows without a label are left out; a step of a series does not end a window by that.
    pub(super) fn new(label: Option<&'a LabelColumn>, is_series: bool) -> Self {
        let left_out = BTreeMap::new();
        Self { label, takes_unlabelled: is_series, taken: 0, unlabelled: 0, left_out, is_absent: false }
    }

    /// The name of the column of labels.
    pub(super) fn name(&self) -> Option<&str> {
        self.label.map(|label| label.name.as_str())
    }

    /// For each row whether it is taken. Of a table without the column of labels, all are.
    pub(super) fn of(&mut self, table: &Columns) -> Vec<bool> {
        let place = self.label.and_then(|label| Some((label, table.position(&label.name)?)));
        let Some((label, place)) = place else {
            self.is_absent = self.label.is_some();
            self.taken += table.len();
            return vec![true; table.len()];
        };
        let takes = |row: usize| {
            let text = table.columns[place].text(row);
            let is_taken = match label.is_usual(&text) {
                Some(true) => true,
                None => self.takes_unlabelled,
                Some(false) => false,
            };
            if is_taken {
                self.taken += 1;
            } else if LabelColumn::is_missing(&text) {
                self.unlabelled += 1;
            } else {
                *self.left_out.entry(text.into_owned()).or_default() += 1;
            }
            is_taken
        };
        (0..table.len()).map(takes).collect()
    }

    /// Fails where rows came, and none was usual.
    pub(super) fn check(&self) -> Result<()> {
        let Some(label) = self.label.filter(|_| self.taken == 0 && self.unlabelled + self.left_out.len() > 0) else {
            return Ok(());
        };
        let found: Vec<&String> = self.left_out.keys().collect();
        let found = if found.is_empty() { "rows without a label".into() } else { listed_names(&found) };
        bail!("expected rows whose `{}` is {}, found {found}", printable(&label.name), listed_names(&label.usual));
    }

    /// Which rows were left out.
    pub(super) fn note(&self) -> String {
        let Some(label) = self.label else { return String::new() };
        let name = printable(&label.name);
        if self.is_absent {
            return format!("; there is no column `{name}`, so all rows are taken as usual");
        }
        let mut note = String::new();
        if !self.left_out.is_empty() {
            let found: Vec<&String> = self.left_out.keys().collect();
            let rows = counted(self.left_out.values().sum(), "row");
            note = format!("; left out: {rows} whose `{name}` is {}", listed_names(&found));
        }
        if self.unlabelled > 0 {
            note += &format!("; left out: {} without `{name}`", counted(self.unlabelled, "row"));
        }
        note
    }
}
