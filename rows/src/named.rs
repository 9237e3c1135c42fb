//! A table with named columns, as CSV has it: numbers where all cells are numbers, texts elsewhere.

use std::borrow::Cow;

use anyhow::bail;
use bundle::counted;
use csv::ByteRecord;

use crate::cells::{Cell, cell};
use crate::dialect::{Dialect, detect, refuse_too_wide};
use crate::first_pass::{FirstPass, Parsed, cells, column_name};
use crate::options::Options;
use crate::plain_lines::{is_plain, read_plain};
use crate::records::{for_each_record, named_separator, without_mark};
use crate::texts::{Texts, TextsBuilder};

/// A table with named columns, all of the same length.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The names, in the order of the file; `column 1` and so on where there is no header.
    pub names: Vec<String>,
    /// The cells of each column.
    pub columns: Vec<Column>,
    /// Where each row is: the line of the file that it begins on, or the number of the row, from 1.
    pub lines: Vec<u32>,
    /// What `lines` counts: `line` or `row`.
    pub unit: &'static str,
    /// Where the rows come from several files, the first row of each and its name.
    pub shards: Vec<(usize, String)>,
    /// Whether the file has a header, which the names come from.
    pub has_header: bool,
    /// How the file was understood: separator and header.
    pub note: String,
}

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// A number each, NaN where the cell is empty or says that there is none. `true` and `false` are 1 and 0.
    Numbers(Vec<f32>),
    /// A text each.
    Texts(Texts),
}

impl Column {
    /// A cell as text: a missing one is empty, or `NaN` among numbers.
    pub fn text(&self, row: usize) -> Cow<'_, str> {
        match self {
            Self::Numbers(numbers) => numbers[row].to_string().into(),
            Self::Texts(texts) => texts.get(row).unwrap_or_default().into(),
        }
    }
}

impl Columns {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Numbers `[rows, columns]`, row after row, as a table whose columns have no names.
    pub fn from_numbers(numbers: &[f32], columns: usize, note: String) -> Self {
        let column = |column| numbers.iter().skip(column).step_by(columns).copied().collect();
        Self {
            names: (1..=columns).map(column_name).collect(),
            columns: (0..columns).map(|number| Column::Numbers(column(number))).collect(),
            lines: (1..=(numbers.len() / columns) as u32).collect(),
            unit: "row",
            shards: vec![],
            has_header: false,
            note,
        }
    }

    /// Appends a column of numbers, one for each row.
    pub fn push(&mut self, name: &str, numbers: Vec<f32>) {
        assert_eq!(numbers.len(), self.len(), "a column has a number for each row");
        self.names.push(name.into());
        self.columns.push(Column::Numbers(numbers));
    }

    /// Where a row is, for messages: `line 7`, or `part-2.csv, line 7`.
    pub fn place(&self, row: usize) -> String {
        let shard = self.shards.get(self.shard(row)).map(|(_, name)| format!("{name}, ")).unwrap_or_default();
        format!("{shard}{} {}", self.unit, self.lines[row])
    }

    /// The number of the file that a row comes from, from 0.
    pub fn shard(&self, row: usize) -> usize {
        self.shards.partition_point(|(first, _)| *first <= row).saturating_sub(1)
    }

    /// Whether the rows have no names, but the columns that a network takes are some of theirs by number, as where a column of the
    /// training rows was left out.
    pub fn has_by_number(&self, columns: &[bundle::Column]) -> bool {
        let mut places = columns.iter().map(|column| self.position(&column.name));
        !self.has_header
            && places.try_fold(0, |most, place| Some(most.max(place? + 1))).is_some_and(|most| most > columns.len())
    }

    /// The place of the column with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|found| found == name)
    }
}

/// Reads the bytes of a CSV file.
pub(crate) fn parse(bytes: &[u8], options: &Options) -> anyhow::Result<Columns> {
    crate::file::refuse_binary(bytes)?;
    let (table, first) = parse_block(without_mark(bytes), options, None, 0)?;
    if table.is_empty() {
        let below = if first.has_header { " below the header" } else { "" };
        bail!("expected at least one row{below}, found none");
    }
    Ok(table)
}

/// What the first lines of a file say about all others.
#[derive(Clone)]
pub(crate) struct FirstLines {
    dialect: Dialect,
    names: Vec<String>,
    has_header: bool,
}

/// Reads the rows in `text`, of whose file `lines` lines came before; the first lines are `known` if they did.
pub(crate) fn parse_block(
    text: &[u8],
    options: &Options,
    known: Option<&FirstLines>,
    lines: usize,
) -> anyhow::Result<(Columns, FirstLines)> {
    if !text.is_ascii()
        && let Err(error) = str::from_utf8(text)
    {
        let line = lines + 1 + text[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        bail!(
            "line {line}: expected UTF-8 text, found another encoding, such as Latin-1; save it as UTF-8: \
             `iconv -f LATIN1 -t UTF-8` converts it"
        );
    }
    let (separator, text, lines) = match named_separator(text) {
        Some((separator, rest)) if known.is_none() => (options.separator.or(Some(separator)), rest, lines + 1),
        _ => (options.separator, text, lines),
    };
    if known.is_none() {
        refuse_too_wide(text)?;
    }
    let dialect = known.map_or_else(|| detect(text, separator, None), |known| known.dialect);
    let columns = known.map_or(vec![], |known| known.names.iter().map(|_| Parsed::default()).collect());
    let mut pass = FirstPass { dialect, header: options.header, names: None, columns, lines: vec![] };
    if is_plain(text, dialect) {
        read_plain(text, &mut pass, lines)?;
    } else {
        for_each_record(text, dialect.separator, |record, line| pass.record(record, lines + line))?;
    }
    let FirstPass { names, mut columns, lines, .. } = pass;
    let begins_with_header = names.is_some();
    let has_header = known.map_or(begins_with_header, |known| known.has_header);
    let names = match known {
        Some(known) => known.names.clone(),
        None => names.unwrap_or_else(|| (1..=columns.len()).map(column_name).collect()),
    };
    let header = if has_header { "below a header" } else { "without a header" };
    let note = format!(
        "{} of {} separated by {}, {header}",
        counted(lines.len(), "row"),
        counted(columns.len(), "column"),
        dialect.separator.plural()
    );
    for (name, column) in names.iter().zip(&mut columns) {
        column.is_words = column.texts > 0 || (options.words.contains(name) && column.missing < lines.len());
    }
    let mut second = SecondPass::new(dialect, begins_with_header, columns);
    if second.is_needed() {
        for_each_record(text, dialect.separator, |record, _| {
            second.record(record);
            Ok(())
        })?;
    }
    let (columns, first) = (second.finish(), FirstLines { dialect, names: names.clone(), has_header });
    Ok((Columns { names, columns, lines, unit: "line", shards: vec![], has_header, note }, first))
}

/// A second pass over the file, for the columns that are not all numbers.
struct SecondPass {
    dialect: Dialect,
    /// Whether the next record is the header.
    header: bool,
    columns: Vec<(Parsed, Option<TextsBuilder>)>,
}

impl SecondPass {
    fn new(dialect: Dialect, header: bool, parsed: Vec<Parsed>) -> Self {
        let column = |parsed: Parsed| {
            let texts = parsed.is_words.then(TextsBuilder::new);
            (parsed, texts)
        };
        Self { dialect, header, columns: parsed.into_iter().map(column).collect() }
    }

    fn is_needed(&self) -> bool {
        self.columns.iter().any(|(_, texts)| texts.is_some())
    }

    /// Collects the texts of a record.
    fn record(&mut self, record: &ByteRecord) {
        if std::mem::take(&mut self.header) {
            return;
        }
        for (bytes, (_, texts)) in cells(record, self.dialect).zip(&mut self.columns) {
            let Some(texts) = texts else { continue };
            let is_missing = cell(bytes, self.dialect.decimal_commas) == Cell::Missing;
            texts.push((!is_missing).then_some(bytes));
        }
    }

    fn finish(self) -> Vec<Column> {
        let column =
            |(Parsed { numbers, missing, texts: count, first, .. }, texts): (Parsed, Option<TextsBuilder>)| match texts
            {
                Some(texts) => Column::Texts(texts.finish(numbers.len() - count - missing, first)),
                None => Column::Numbers(numbers),
            };
        self.columns.into_iter().map(column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Columns {
        parse(text.as_bytes(), &Options::default()).unwrap()
    }

    #[test]
    fn columns_are_numbers_or_texts() {
        let table = table("id,colour,size,on\n1,red,0.5,true\n\n2,,NA,false\n3,blue,x,true\n4,red,2,true\n");
        assert_eq!(table.names, ["id", "colour", "size", "on"]);
        assert_eq!((table.len(), &table.lines[..]), (4, &[2, 4, 5, 6][..]));
        assert_eq!(table.columns[0], Column::Numbers(vec![1., 2., 3., 4.]));
        assert_eq!(table.columns[3], Column::Numbers(vec![1., 0., 1., 1.]));
        let Column::Texts(colour) = &table.columns[1] else { panic!("{table:?}") };
        assert_eq!(
            (&colour.values[..], &colour.rows[..]),
            (&["red".into(), "blue".into()][..], &[0, Texts::MISSING, 1, 0][..])
        );
        assert_eq!((colour.numbers, colour.first), (0, Some(0)));
        let Column::Texts(size) = &table.columns[2] else { panic!("{table:?}") };
        assert_eq!((size.numbers, size.first), (2, Some(2)));
        assert_eq!((size.get(1), size.get(2)), (None, Some("x")));
        assert_eq!(table.note, "4 rows of 4 columns separated by commas, below a header");
        assert_eq!((table.position("size"), table.position("Size")), (Some(2), None));
    }

    #[test]
    fn a_table_may_have_no_header_and_missing_numbers() {
        let table = table("1;2,5\n;3,5\n");
        assert_eq!(table.names, ["column 1", "column 2"]);
        let Column::Numbers(first) = &table.columns[0] else { panic!("{table:?}") };
        assert!(first[0] == 1. && first[1].is_nan());
        assert_eq!(table.columns[1], Column::Numbers(vec![2.5, 3.5]));
    }

    #[test]
    fn an_empty_last_cell_below_its_name_is_missing() {
        let last = |text: &str| table(text).columns.len();
        assert_eq!((last("a,b,c\n1,2,\n"), last("a,b\n1,2,\n"), last("a,b,\n1,2,\n")), (3, 2, 2));
    }

    #[test]
    fn text_in_another_encoding_is_refused_by_its_line() {
        let error = parse(b"a,b\n1,2\n3,gr\xf6\xdfe\n", &Options::default()).unwrap_err().to_string();
        assert!(error.starts_with("line 3: expected UTF-8 text, found another encoding, such as Latin-1"), "{error}");
    }

    #[test]
    fn a_table_that_cannot_be_read_names_the_line() {
        let error = |text: &str| format!("{:#}", parse(text.as_bytes(), &Options::default()).unwrap_err());
        assert_eq!(error("a,b\n1,2\n3\n"), "line 3: expected 2 values as in the lines before, found 1");
        assert_eq!(error("a,b,a\n1,2,3\n"), "line 1: columns 1 and 3 have the same name, `a`");
        assert_eq!(error("a,b\n"), "expected at least one row below the header, found none");
        assert_eq!(error(""), "expected at least one row, found none");
    }
}
