//! Rows from CSV.

use anyhow::{Result, bail};
use bundle::printable;
use csv::{ByteRecord, ReaderBuilder, Trim};

use super::cells::{Cell, cell, is_header};
use super::dialect::{Dialect, detect};
use super::table::{Header, Options, Separator, Table};

/// Reads the rows, and says in a line how the file was understood.
pub fn read(bytes: &[u8], options: &Options) -> Result<(Table, String)> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let expected = options.expected.as_ref().map(|expected| expected.columns + options.skip[0] + options.skip[1]);
    let dialect = detect(text, options.separator, expected);
    let squeezed = (dialect.separator == Separator::Space).then(|| squeeze(text));
    let text = squeezed.as_deref().unwrap_or(text);
    let mut reader = Reader { text, dialect, options, columns: 0, values: vec![], header: None };
    let mut lines = Lines { text, byte: 0, line: 1 };
    let mut records = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .comment(Some(b'#'))
        .delimiter(dialect.separator.byte())
        .from_reader(text);
    let mut record = ByteRecord::new();
    while records.read_byte_record(&mut record)? {
        let line = lines.of(record.position().map_or(0, |position| position.byte() as usize));
        reader.record(&record, line)?;
    }
    reader.finish()
}

/// Single spaces between the values, and none at the ends of a line.
fn squeeze(text: &[u8]) -> Vec<u8> {
    let mut squeezed = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            squeezed.extend((index > 0).then_some(b' '));
            squeezed.extend(word);
        }
        squeezed.push(b'\n');
    }
    squeezed
}

/// Counts lines as the records go by.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line, from 1, of the first record at or behind byte `start`: blank lines and comments are no records.
    fn of(&mut self, start: usize) -> usize {
        let mut start = start;
        loop {
            let rest = &self.text[start..];
            start += rest.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            if self.text.get(start) != Some(&b'#') {
                break;
            }
            start += self.text[start..].iter().take_while(|byte| !b"\r\n".contains(byte)).count();
        }
        let passed = &self.text[self.byte..start];
        let next = |index: usize| self.text.get(self.byte + index + 1);
        // A line ends in \n, in \r, or in both.
        let ends = passed
            .iter()
            .enumerate()
            .filter(|&(index, byte)| *byte == b'\n' || *byte == b'\r' && next(index) != Some(&b'\n'));
        self.line += ends.count();
        self.byte = start;
        self.line
    }
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
