//! Lines of a CSV file without quotes, most of whose cells are numbers: read in one pass, without records.

use anyhow::Result;
use csv::ByteRecord;
use memchr::{memchr, memchr_iter};

use crate::cells::{Cell, cell};
use crate::decimal::decimal;
use crate::dialect::Dialect;
use crate::first_pass::{FirstPass, cells, ragged};
use crate::options::Separator;

/// Whether a text can be read line by line: no quotes, every line ends in `\n` or `\r\n`, and its cells are not separated by
/// blanks.
pub(crate) fn is_plain(text: &[u8], dialect: Dialect) -> bool {
    let is_alone = |index: usize| text.get(index + 1) != Some(&b'\n');
    let is_split = dialect.separator != Separator::Space && !dialect.decimal_commas;
    is_split && memchr(b'"', text).is_none() && !memchr_iter(b'\r', text).any(is_alone)
}

/// Gives every row of a text that [`is_plain`] to `pass`; `lines` lines of its file came before. Blank lines and those that
/// begin with `#` are no rows.
pub(crate) fn read_plain(text: &[u8], pass: &mut FirstPass, lines: usize) -> Result<()> {
    let separator = pass.dialect.separator.byte();
    let (mut start, mut line) = (0, lines);
    while start < text.len() {
        line += 1;
        let next = match text[start] {
            b'\n' => start,
            b'\r' | b'#' => line_end(text, start),
            _ if pass.columns.is_empty() => {
                pass.record(&record(text, start, separator), line)?;
                let end = line_end(text, start);
                let rows = (text.len() - end) / (end - start);
                pass.columns.iter_mut().for_each(|column| column.numbers.reserve(rows));
                end
            }
            _ => row(text, start, pass, line)?,
        };
        start = next + 1;
    }
    Ok(())
}

/// Reads the row on the line that begins at `start`, and gives the end of the line.
fn row(text: &[u8], start: usize, pass: &mut FirstPass, line: usize) -> Result<usize> {
    let Dialect { separator, trailing, .. } = pass.dialect;
    let separator = separator.byte();
    let (expected, row) = (pass.columns.len(), pass.lines.len());
    let is_end = |end: usize| text.get(end).is_none_or(|byte| [separator, b'\n', b'\r'].contains(byte));
    let mut at = start;
    for (index, column) in pass.columns.iter_mut().enumerate() {
        let (cell, mut end) = match decimal(text, at) {
            Some((number, end)) if is_end(end) => (Cell::Number(number), end),
            _ => {
                let end = (at..).find(|&end| is_end(end)).unwrap_or(text.len());
                (cell(text[at..end].trim_ascii(), false), end)
            }
        };
        column.push(cell, row);
        let is_last = index + 1 == expected;
        if is_last && trailing && text.get(end) == Some(&separator) {
            let rest = &text[end + 1..line_end(text, end)];
            end += usize::from(rest.iter().all(|&byte| byte != separator && byte.is_ascii_whitespace()));
        }
        if is_last == (text.get(end) == Some(&separator)) {
            let found = cells(&record(text, start, separator), pass.dialect).count();
            return Err(ragged(line, expected, found));
        }
        at = end + 1;
    }
    pass.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
    Ok(line_end(text, at - 1))
}

/// The cells of the line that begins at `start`.
fn record(text: &[u8], start: usize, separator: u8) -> ByteRecord {
    let cells = text[start..line_end(text, start)].split(|&byte| byte == separator);
    ByteRecord::from_iter(cells.map(<[u8]>::trim_ascii))
}

/// Where the line ends that holds `at`: at its `\n`, or at the end of the text.
fn line_end(text: &[u8], at: usize) -> usize {
    memchr(b'\n', &text[at..]).map_or(text.len(), |count| at + count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::detect;
    use crate::options::Header;
    use crate::records::for_each_record;

    fn passes(text: &str) -> [Result<FirstPass>; 2] {
        let text = text.as_bytes();
        let dialect = detect(text, None, None);
        assert!(is_plain(text, dialect));
        let new = || FirstPass { dialect, header: Header::Auto, names: None, columns: vec![], lines: vec![] };
        let (mut slow, mut fast) = (new(), new());
        let slow_end = for_each_record(text, dialect.separator, |record, line| slow.record(record, line + 7));
        let fast_end = read_plain(text, &mut fast, 7);
        [slow_end.map(|()| slow), fast_end.map(|()| fast)]
    }

    #[test]
    fn plain_lines_are_read_as_records_are() {
        for text in [
            "a,b\n1,2\n3,4\n",
            "a,b\r\n1,2\r\n\r\n3,4",
            "# note\na;b;\n1.5;-2e3;\n\n#x\n;4; \n",
            "1\t2\n3\t\n\t4\n",
            "1\t2\t\n3\t4\t\n",
            "a, b ,c\n 1,two ,true\nNA, nan,0.1234567890123456789\n",
            "a,b\n1,1e39\n+inf,1.\n",
            "a\n1\n2\n",
            "1,2\n3,4,5\n",
            "1,2\n3\n",
            "1;2;\n3;4;;\n",
            "a,b\n",
            "\n\n",
            "",
        ] {
            let describe = |pass: Result<FirstPass>| match pass {
                Ok(FirstPass { names, columns, lines, .. }) => {
                    let column = |column: &crate::first_pass::Parsed| {
                        let bits: Vec<u32> = column.numbers.iter().map(|number| number.to_bits()).collect();
                        (bits, column.missing, column.texts, column.first)
                    };
                    format!("{names:?} {:?} {lines:?}", columns.iter().map(column).collect::<Vec<_>>())
                }
                Err(error) => error.to_string(),
            };
            let [slow, fast] = passes(text).map(describe);
            assert_eq!(slow, fast, "{text:?}");
        }
    }

    #[test]
    fn quotes_and_lone_carriage_returns_are_not_plain() {
        let is = |text: &str| is_plain(text.as_bytes(), detect(text.as_bytes(), None, None));
        assert!(is("1,2\r\n") && is("a\tb\n1\t2\n"));
        assert!(!is("1,\"2\"\n") && !is("1,2\r3,4\r") && !is("1 2\n3 4\n") && !is("1,5;2\n3,5;4\n"));
    }
}
