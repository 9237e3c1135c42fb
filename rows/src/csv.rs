//! Rows from CSV.

use anyhow::{Result, bail};
use bundle::printable;
use csv::ByteRecord;

use super::cells::{Cell, cell, is_header};
use super::dialect::{Dialect, detect, refuse_too_wide};
use super::options::{Header, Options};
use super::records::{for_each_record, named_separator, without_mark};
use super::table::Table;

/// Reads the rows, and says in a line how the file was understood.
pub fn read(bytes: &[u8], options: &Options) -> Result<(Table, String)> {
    let text = without_mark(bytes);
    let (separator, text, before) = match named_separator(text) {
        Some((separator, rest)) => (options.separator.or(Some(separator)), rest, 1),
        None => (options.separator, text, 0),
    };
    let expected = options.expected.as_ref().map(|expected| expected.columns + options.skip[0] + options.skip[1]);
    refuse_too_wide(text)?;
    let dialect = detect(text, separator, expected);
    let mut reader = Reader { text, dialect, options, columns: 0, values: vec![], header: None };
    for_each_record(text, dialect.separator, |record, line| reader.record(record, before + line))?;
    reader.finish()
}

struct Reader<'a> {
    /// The whole file.
    text: &'a [u8],
    dialect: Dialect,
    options: &'a Options,
    columns: usize,
    values: Vec<f32>,
    /// The first line, where it was left out.
    header: Option<ByteRecord>,
}

impl Reader<'_> {
    fn record(&mut self, record: &ByteRecord, line: usize) -> Result<()> {
        let len = record.len()
            - usize::from(self.dialect.trailing && record.len() > 1 && record[record.len() - 1].is_empty());
        let [first, last] = self.options.skip;
        let cells = || record.iter().take(len.saturating_sub(last)).skip(first);
        if self.columns == 0 && self.header.is_none() && self.is_header(cells()) {
            self.header = Some(record.clone());
            return Ok(());
        }
        let columns = cells().count();
        if columns == 0 {
            bail!("line {line}: expected more columns than the {} to leave out, found {len}", first + last);
        }
        for (column, bytes) in cells().enumerate() {
            match cell(bytes, self.dialect.decimal_commas) {
                Cell::Number(number) if number.is_finite() => self.values.push(number),
                Cell::Missing if self.options.missing => self.values.push(f32::NAN),
                found => {
                    let place = format!("line {line}, column {}", first + column + 1);
                    let hint = if found == Cell::Text { self.hint(cells(), column) } else { "" };
                    bail!("{place}: {}{hint}", describe(found, bytes));
                }
            }
        }
        if self.columns > 0 && columns != self.columns {
            let expected = self.columns + first + last;
            bail!("line {line}: expected {expected} values as in the lines before, found {len}");
        }
        self.columns = columns;
        Ok(())
    }

    fn is_header<'a>(&self, cells: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
        match self.options.header {
            Header::Yes => true,
            Header::No => false,
            Header::Auto => is_header(cells, self.dialect.decimal_commas, self.dialect.decimals),
        }
    }

    /// What to do about text in this column of a row.
    fn hint<'a>(&self, cells: impl Iterator<Item = &'a [u8]> + Clone, column: usize) -> &'static str {
        let len = cells.clone().count();
        let one_too_many = self.options.expected.as_ref().is_some_and(|expected| len == expected.columns + 1);
        let texts = cells.filter(|bytes| cell(bytes, self.dialect.decimal_commas) == Cell::Text).count();
        if one_too_many && texts == 1 && column == 0 {
            "; if the first column names the rows, `--skip-columns 1` leaves it out"
        } else if one_too_many && texts == 1 && column + 1 == len {
            "; if the last column is not part of the row, `--skip-last-columns 1` leaves it out"
        } else if self.options.separator.is_some() && len == 1 {
            "; another separator than `--separator` says would split the line"
        } else if self.columns == 0 && self.header.is_none() && 2 * texts >= len && self.has_more_lines() {
            "; if the first line is a header, `--header yes` leaves it out"
        } else {
            ""
        }
    }

    /// Whether there is a row below the first line: a header alone would be of no use.
    fn has_more_lines(&self) -> bool {
        let lines = self.text.split(|byte| b"\r\n".contains(byte)).map(<[u8]>::trim_ascii_start);
        lines.filter(|line| !line.is_empty() && line[0] != b'#').nth(1).is_some()
    }

    fn finish(self) -> Result<(Table, String)> {
        let Dialect { separator, decimal_commas, trailing, .. } = self.dialect;
        if self.values.is_empty() {
            let text = |header: &ByteRecord| printable(&String::from_utf8_lossy(header.get(0).unwrap_or_default()));
            match &self.header {
                None => bail!("expected at least one row of numbers, found none"),
                Some(header) if is_numbers(header) && self.options.header == Header::Auto => bail!(
                    "expected at least one row of numbers below the first line, which counts the columns; if it is a row, \
                     `--header no` reads it"
                ),
                Some(header) => bail!(
                    "expected at least one row of numbers, found only a header that begins with `{}`",
                    text(header)
                ),
            }
        }
        let table = Table { columns: self.columns, values: self.values };
        let mut note = table.describe();
        if table.columns > 1 {
            note += &format!(" separated by {}", separator.plural());
        }
        note += if self.header.is_some() { " below a header" } else { " without a header" };
        if decimal_commas {
            note += ", with decimal commas";
        }
        if trailing {
            note += ", without the empty column behind the last separator";
        }
        Ok((table, note))
    }
}

/// What was expected instead of a cell that is no finite number.
fn describe(found: Cell, bytes: &[u8]) -> String {
    let text = printable(&String::from_utf8_lossy(bytes));
    match found {
        Cell::Number(_) => format!("expected a finite number, found `{text}`"),
        Cell::Missing if text.is_empty() => {
            "a value is missing, found an empty cell; fill it in, or leave the row out".into()
        }
        Cell::Missing => format!("a value is missing, found `{text}`; fill it in, or leave the row out"),
        Cell::Text if text.contains('.') && text.contains(',') => {
            format!("expected a number, found `{text}`; write it without separators of thousands")
        }
        Cell::Text => format!("expected a number, found `{text}`"),
    }
}

/// Whether the first or the second cell of a line is a number; above the names of rows there may be none.
fn is_numbers(record: &ByteRecord) -> bool {
    record.iter().take(2).any(|bytes| matches!(cell(bytes, false), Cell::Number(_)))
}
