//! The rows of tables, by the names of their columns.

use std::sync::Arc;

use anyhow::Result;
use bundle::{Column, ColumnKind, Schema, counted, printable};
use rows::{Columns, Progress};

use super::blocks::{RowBlocks, Tables};
use super::usual::Usual;

/// The raw rows of tables whose columns have names.
pub(super) struct NamedRows<'a> {
    schema: &'a Schema,
    tables: Box<dyn Iterator<Item = rows::Result<Columns>>>,
    progress: Arc<Progress>,
    rows: usize,
    unseen: Vec<usize>,
    usual: Usual<'a>,
    /// How the file was understood, and what is not used of it.
    layout: String,
}

impl<'a> NamedRows<'a> {
    pub(super) fn new(schema: &'a Schema, usual: Usual<'a>, tables: Tables) -> Self {
        let unused = others(schema, usual.name(), &tables.first.names);
        let layout = format!("{}{unused}", tables.layout());
        let (tables, progress) = tables.all();
        Self { schema, tables: Box::new(tables), progress, rows: 0, unseen: vec![0; schema.raw_len()], usual, layout }
    }
}

impl RowBlocks for NamedRows<'_> {
    fn next(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(table) = self.tables.next().transpose()? else {
            self.usual.check()?;
            return Ok(None);
        };
        let usual = self.usual.of(&table);
        let taken: Vec<u32> = (0..table.len() as u32).filter(|row| usual[*row as usize]).collect();
        let values = rows::raw_rows(self.schema, &table, &taken)?;
        self.rows += table.len();
        self.unseen.iter_mut().zip(unseen(self.schema, &values)).for_each(|(all, more)| *all += more);
        Ok(Some(values))
    }

    fn part(&self) -> f64 {
        self.progress.part()
    }

    fn note(&self) -> Option<String> {
        let unseen = told(self.schema, &self.unseen);
        Some(format!("{}{}{}{unseen}", counted(self.rows, "row"), self.layout, self.usual.note()))
    }
}

/// The columns whose cells are words.
pub(super) fn words(schema: &Schema) -> Vec<String> {
    let is_category = |column: &&Column| matches!(column.kind, ColumnKind::Category { .. });
    schema.columns().iter().filter(is_category).map(|column| column.name.clone()).collect()
}

/// The columns of a file that are not used: neither by the network nor as labels.
fn others(schema: &Schema, label: Option<&str>, names: &[String]) -> String {
    let known =
        |name: &&String| Some(name.as_str()) == label || schema.columns().iter().any(|column| column.name == **name);
    let others: Vec<String> =
        names.iter().filter(|name| !known(name)).map(|name| format!("`{}`", printable(name))).collect();
    if others.is_empty() { String::new() } else { format!("; not used: {}", others.join(", ")) }
}

/// For each column how many cells are categories that training never saw.
fn unseen(schema: &Schema, values: &[f32]) -> Vec<usize> {
    let count = |(index, column): (usize, &Column)| {
        let ColumnKind::Category { values: known } = &column.kind else { return 0 };
        let cells = values.iter().skip(index).step_by(schema.raw_len());
        cells.filter(|cell| **cell as usize == known.len() && !cell.is_nan()).count()
    };
    schema.columns().iter().enumerate().map(count).collect()
}

/// The counts of [`unseen`] in words.
fn told(schema: &Schema, unseen: &[usize]) -> String {
    let told = |(column, &count): (&Column, &usize)| {
        let name = printable(&column.name);
        (count > 0).then(|| format!("; `{name}`: {} of categories that training never saw", counted(count, "value")))
    };
    schema.columns().iter().zip(unseen).filter_map(told).collect()
}
