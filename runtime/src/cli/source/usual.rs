//! The usual rows of a table with labels.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bundle::{LabelColumn, counted, listed_names, printable};
use rows::Columns;

/// Chooses the usual rows of a table, and counts the others.
pub(super) struct Usual<'a> {
    /// The column of labels; nothing where all rows are taken.
    label: Option<&'a LabelColumn>,
    taken: usize,
    /// The rows that are left out, by label.
    left_out: BTreeMap<String, usize>,
}

impl<'a> Usual<'a> {
    pub(super) fn new(label: Option<&'a LabelColumn>) -> Self {
        Self { label, taken: 0, left_out: BTreeMap::new() }
    }

    /// For each row whether it is taken. Of a table without the column of labels, all are.
    pub(super) fn of(&mut self, table: &Columns) -> Vec<bool> {
        let place = self.label.and_then(|label| Some((label, table.position(&label.name)?)));
        let Some((label, place)) = place else {
            self.taken += table.len();
            return vec![true; table.len()];
        };
        let takes = |row: usize| {
            let text = table.columns[place].text(row);
            let is_usual = label.is_usual(&text) == Some(true);
            if is_usual {
                self.taken += 1;
            } else {
                let text = if LabelColumn::is_missing(&text) { "missing".into() } else { text.into_owned() };
                *self.left_out.entry(text).or_default() += 1;
            }
            is_usual
        };
        (0..table.len()).map(takes).collect()
    }

    /// Fails where rows came, and none was usual.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(label) = self.label
            && self.taken == 0
            && !self.left_out.is_empty()
        {
            let (name, usual) = (printable(&label.name), listed_names(&label.usual));
            let found: Vec<&String> = self.left_out.keys().collect();
            bail!("expected rows whose `{name}` is {usual}, found {}", listed_names(&found));
        }
        Ok(())
    }

    /// Which rows were left out.
    pub(super) fn note(&self) -> String {
        let Some(label) = self.label.filter(|_| !self.left_out.is_empty()) else { return String::new() };
        let found: Vec<&String> = self.left_out.keys().collect();
        let rows = counted(self.left_out.values().sum(), "row");
        format!("; left out: {rows} whose `{}` is {}", printable(&label.name), listed_names(&found))
    }
}
