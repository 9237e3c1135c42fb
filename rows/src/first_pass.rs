//! The first pass over a CSV file: every cell as a number, and what was none.

use std::collections::HashMap;

use anyhow::{anyhow, bail};
use bundle::printable;
use csv::ByteRecord;

use crate::cells::{Cell, cell, is_header};
use crate::dialect::Dialect;
use crate::options::Header;

/// The cells of a record, less what a trailing separator adds.
pub(crate) fn cells(record: &ByteRecord, dialect: Dialect) -> impl Iterator<Item = &[u8]> + Clone {
    let len = record.len();
    let trailing = dialect.trailing && len > 1 && record[len - 1].is_empty();
    record.iter().take(len - usize::from(trailing))
}

/// A column as numbers, and what was no number.
#[derive(Default)]
pub(crate) struct Parsed {
    pub(crate) numbers: Vec<f32>,
    pub(crate) missing: usize,
    pub(crate) texts: usize,
    /// Whether its cells are kept as texts.
    pub(crate) is_words: bool,
    /// The first row whose cell is no number.
    pub(crate) first: Option<usize>,
}

impl Parsed {
    /// Appends the cell of a row.
    pub(crate) fn push(&mut self, cell: Cell, row: usize) {
        self.numbers.push(match cell {
            Cell::Number(number) => number,
            Cell::Missing => {
                self.missing += 1;
                f32::NAN
            }
            Cell::Text => {
                self.texts += 1;
                self.first.get_or_insert(row);
                f32::NAN
            }
        });
    }
}

/// Reads all cells as numbers.
pub(crate) struct FirstPass {
    pub(crate) dialect: Dialect,
    pub(crate) header: Header,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) columns: Vec<Parsed>,
    pub(crate) lines: Vec<u32>,
}

impl FirstPass {
    /// Takes a record; the first one may be the header.
    pub(crate) fn record(&mut self, record: &ByteRecord, line: usize) -> anyhow::Result<()> {
        let cells = cells(record, self.dialect);
        if self.columns.is_empty() {
            self.columns.resize_with(cells.clone().count(), Parsed::default);
            let header = match self.header {
                Header::Yes => true,
                Header::No => false,
                Header::Auto => is_header(cells.clone(), self.dialect.decimal_commas, self.dialect.decimals),
            };
            if header {
                self.names = Some(names(cells, line)?);
                return Ok(());
            }
        }
        let found = cells.clone().count();
        if found != self.columns.len() {
            return Err(ragged(line, self.columns.len(), found));
        }
        let row = self.lines.len();
        for (bytes, column) in cells.zip(&mut self.columns) {
            column.push(cell(bytes, self.dialect.decimal_commas), row);
        }
        self.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        Ok(())
    }
}

/// A row that is longer or shorter than those before.
pub(crate) fn ragged(line: usize, expected: usize, found: usize) -> anyhow::Error {
    anyhow!("line {line}: expected {expected} values as in the lines before, found {found}")
}

/// The name of a column that has none.
pub(crate) fn column_name(number: usize) -> String {
    format!("column {number}")
}

/// The names of the columns, each once.
fn names<'a>(cells: impl Iterator<Item = &'a [u8]>, line: usize) -> anyhow::Result<Vec<String>> {
    let (mut names, mut known) = (vec![], HashMap::new());
    for (index, bytes) in cells.enumerate() {
        let name = String::from_utf8_lossy(bytes).into_owned();
        let name = if name.is_empty() { column_name(index + 1) } else { name };
        if let Some(first) = known.insert(name.clone(), index) {
            let name = printable(&name);
            bail!("line {line}: columns {} and {} have the same name, `{name}`", first + 1, index + 1);
        }
        names.push(name);
    }
    Ok(names)
}
