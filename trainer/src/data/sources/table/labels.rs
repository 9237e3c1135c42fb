//! The label of each row, and which of them are normal.

use std::collections::BTreeSet;
use std::sync::Arc;

use bundle::{LabelColumn, MAX_LABELS, listed_names};
use rows::{Column, Columns};

use super::names::position;
use crate::data::table_config::{TableConfig, TrainOn};

/// Labels that mean a normal row, in lower case.
const NORMAL: [&str; 7] = ["0", "false", "no", "normal", "ok", "good", "healthy"];

/// The labels of a table.
pub(super) struct Labels {
    /// The different labels, in order.
    names: Vec<String>,
    /// For each row the place of its label.
    rows: Vec<u8>,
    /// For each row whether it has no label.
    missing: Vec<bool>,
    /// The place of the label of normal rows, where there is one.
    normal: Option<u8>,
    /// Whether the column holds numbers or truth values.
    are_numbers: bool,
}

impl Labels {
    /// The labels in the column that `config` names, those of the test rows among them where these have a table of their own; without such
    /// a column, all rows are alike.
    pub(super) fn find(table: &Columns, others: Option<&Columns>, config: &TableConfig) -> Result<Self, String> {
        let Some(name) = &config.label else {
            if config.normal.is_some() {
                return Err("`--normal` says which label is normal; expected a `--label` beside it".into());
            }
            if config.train_on == Some(TrainOn::Normal) {
                return Err(
                    "`--train-on normal` trains on rows with a normal label; expected a `--label` beside it".into()
                );
            }
            return Ok(Self::none(table));
        };
        let place = position(table, name)?;
        let texts = texts(table, place);
        let mut names: Vec<String> = texts.clone();
        if let Some(others) = others {
            names.extend(self::texts(others, position(others, name)?));
        }
        names.retain(|name| !LabelColumn::is_missing(name));
        names.sort();
        names.dedup();
        if names.len() > MAX_LABELS {
            return Err(format!(
                "column `{name}`: expected at most {MAX_LABELS} different labels, found {}; a label is a class or a fault, not a \
                 measured value",
                names.len()
            ));
        }
        let rows = places(&names, &texts);
        let missing = texts.iter().map(|text| LabelColumn::is_missing(text)).collect();
        let are_numbers = matches!(table.columns[place], Column::Numbers(_));
        let mut labels = Self { names, rows, missing, normal: None, are_numbers };
        labels.normal = labels.normal(config, name)?;
        if labels.normal.is_none() && config.train_on == Some(TrainOn::Normal) {
            let found = listed_names(&labels.names);
            return Err(format!(
                "`--train-on normal`: which label of `{name}` is normal? found {found}; `--normal VALUE` says it"
            ));
        }
        Ok(labels)
    }

    fn normal(&self, config: &TableConfig, column: &str) -> Result<Option<u8>, String> {
        let find = |wanted: &dyn Fn(&str) -> bool| self.names.iter().position(|name| wanted(name)).map(|at| at as u8);
        match &config.normal {
            Some(wanted) => match find(&|name| name == wanted) {
                Some(place) => Ok(Some(place)),
                None => {
                    Err(format!("expected rows whose `{column}` is `{wanted}`, found {}", listed_names(&self.names)))
                }
            },
            None if self.names.len() == 1 && config.train_on.is_none() => {
                let usual = find(&|name| NORMAL.contains(&name.to_lowercase().as_str()));
                let found = listed_names(&self.names);
                usual.map(Some).ok_or_else(|| {
                    format!("every row with a label has the same `{column}`, {found}; `--normal VALUE` says that it is normal, `--train-on all` trains on all rows")
                })
            }
            // More labels are classes, of which none need be normal.
            None if self.names.len() != 2 => Ok(None),
            None => Ok(find(&|name| NORMAL.contains(&name.to_lowercase().as_str()))),
        }
    }

    /// The labels of the table with the test rows.
    pub(super) fn in_table(&self, table: &Columns, config: &TableConfig) -> Result<Self, String> {
        let Some(name) = &config.label else {
            return Ok(Self::none(table));
        };
        let texts = texts(table, position(table, name)?);
        let missing = texts.iter().map(|text| LabelColumn::is_missing(text)).collect();
        Ok(Self { rows: places(&self.names, &texts), names: self.names.clone(), missing, ..*self })
    }

    /// The column of labels, of which those of the rows `train` are usual; nothing where there is none, or it says nothing of them.
    pub(super) fn column(&self, config: &TableConfig, train: &[u32]) -> Option<Arc<LabelColumn>> {
        let labelled = train.iter().filter(|&&row| !self.is_missing(row));
        let usual: BTreeSet<&String> =
            labelled.filter_map(|&row| self.names.get(usize::from(self.rows[row as usize]))).collect();
        let (name, usual) = (config.label.clone()?, usual.into_iter().cloned().collect::<Vec<_>>());
        (!usual.is_empty()).then(|| Arc::new(LabelColumn { name, usual, are_numbers: self.are_numbers }))
    }

    /// Labels of a table without a column of them: all rows are alike.
    fn none(table: &Columns) -> Self {
        Self {
            names: Vec::new(),
            rows: vec![0; table.len()],
            missing: vec![false; table.len()],
            normal: None,
            are_numbers: false,
        }
    }

    /// Whether a row has no label.
    pub(super) fn is_missing(&self, row: u32) -> bool {
        self.missing[row as usize]
    }

    /// The labels of these rows.
    pub(super) fn of(&self, rows: &[u32]) -> Vec<u8> {
        rows.iter().map(|&row| self.rows[row as usize]).collect()
    }

    /// The labels of windows of `steps` rows: that of the first row which is not normal; without a normal label, that of the first row.
    pub(super) fn of_windows(&self, starts: &[usize], steps: usize) -> Self {
        let label = |&start: &usize| {
            let rows = &self.rows[start..start + steps];
            let unusual = rows.iter().find(|&&label| self.normal.is_some_and(|normal| label != normal));
            unusual.or(rows.first()).copied().unwrap_or_default()
        };
        let missing = vec![false; starts.len()];
        Self { names: self.names.clone(), rows: starts.iter().map(label).collect(), missing, ..*self }
    }

    /// The label of normal rows, where those alone train.
    pub(super) fn normal_only(&self, config: &TableConfig) -> Option<&str> {
        Some(&self.names[usize::from(self.trained_on(config)?)])
    }

    fn trained_on(&self, config: &TableConfig) -> Option<u8> {
        self.normal.filter(|_| config.train_on.is_none_or(|train_on| train_on == TrainOn::Normal))
    }

    /// Where only normal rows train, takes the others from the training rows and says so. They are test rows, unless those have a
    /// file of their own.
    pub(super) fn keep_normal(
        &self,
        config: &TableConfig,
        train: &mut Vec<u32>,
        test: &mut Vec<u32>,
    ) -> Option<String> {
        let label = config.label.as_ref()?;
        let Some(normal) = self.trained_on(config) else {
            return Some(format!("`{label}` is the label, {}; rows of every label train", listed_names(&self.names)));
        };
        let (kept, others): (Vec<u32>, Vec<u32>) = train.iter().partition(|&&row| self.rows[row as usize] == normal);
        *train = kept;
        let name = bundle::printable(&self.names[usize::from(normal)]);
        let place = if config.test.is_some() { "left out" } else { "for testing" };
        if config.test.is_none() {
            test.extend(others);
            test.sort_unstable();
        }
        let count = self.missing.iter().filter(|missing| **missing).count();
        let unlabelled = if count > 0 {
            let rows = bundle::counted(count, "row");
            format!("; left out: {rows} without a label")
        } else {
            String::new()
        };
        train.retain(|&row| !self.missing[row as usize]);
        test.retain(|&row| !self.missing[row as usize]);
        Some(format!("only rows whose `{label}` is `{name}` train; all others are {place}{unlabelled}"))
    }
}

/// The cells of a column as texts.
pub(super) fn texts(table: &Columns, column: usize) -> Vec<String> {
    (0..table.len()).map(|row| table.columns[column].text(row).into_owned()).collect()
}

fn places(names: &[String], texts: &[String]) -> Vec<u8> {
    texts.iter().map(|text| names.binary_search(text).map_or(0, |place| place as u8)).collect()
}
