//! How a CSV file is written, found out from its first lines.

use super::cells::{Cell, cell};
use super::options::Separator;

/// Lines that are looked at.
const SAMPLE: usize = 20;
/// The most columns of a CSV file. Tables of genes have some ten thousand.
const MAX_COLUMNS: usize = 1 << 18;

/// How a CSV file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub separator: Separator,
    /// 0,5 is a half.
    pub decimal_commas: bool,
    /// Every line ends in a separator, behind which there is nothing.
    pub trailing: bool,
    /// All numbers below the first line have a fraction or an exponent.
    pub decimals: bool,
}

impl Separator {
    pub(crate) const ALL: [Self; 5] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe, Self::Space];

    /// The byte in the file.
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
            Self::Space => b' ',
        }
    }

    /// `commas`, for messages.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Comma => "commas",
            Self::Semicolon => "semicolons",
            Self::Tab => "tabs",
            Self::Pipe => "vertical bars",
            Self::Space => "spaces",
        }
    }
}

/// Refuses a line of so many values that the names and numbers of its columns alone would fill the memory.
pub fn refuse_too_wide(text: &[u8]) -> anyhow::Result<()> {
    let line = text.split(|byte| b"\r\n".contains(byte)).find(|line| !line.is_empty()).unwrap_or_default();
    let count = |separator: Separator| line.iter().filter(|&&byte| byte == separator.byte()).count();
    let found = Separator::ALL.into_iter().map(count).max().unwrap_or_default();
    anyhow::ensure!(found < MAX_COLUMNS, "expected at most {MAX_COLUMNS} columns, found {}", found + 1);
    Ok(())
}

/// Finds out how `text` is written. Of several readings, the one whose rows are `expected` values long is right, or else
/// the one with the most numbers. A separator that is `given` is taken as it is.
pub fn detect(text: &[u8], given: Option<Separator>, expected: Option<usize>) -> Dialect {
    let lines = text.split(|byte| b"\r\n".contains(byte)).map(<[u8]>::trim_ascii_start);
    let sample: Vec<&[u8]> = lines.filter(|line| !line.is_empty() && line[0] != b'#').take(SAMPLE).collect();
    // The first line may be a header, which is no example of numbers.
    let rows = if sample.len() > 1 { &sample[1..] } else { &sample[..] };
    let readings = Separator::ALL.into_iter().filter(|&separator| given.is_none_or(|given| given == separator));
    let mut best: Option<(Reading, Dialect)> = None;
    for separator in readings {
        let reading = read(rows, separator, expected, sample.first().filter(|_| sample.len() > 1).copied());
        if best.as_ref().is_none_or(|(best, _)| reading.0 > *best) {
            best = Some(reading);
        }
    }
    let plain = Dialect { separator: Separator::Comma, decimal_commas: false, trailing: false, decimals: false };
    best.map_or(plain, |(_, dialect)| dialect)
}

/// How well a reading fits, the better the larger: whether all rows are as long as expected, whether they are as long as the line
/// above them, the part of the cells that are numbers, whether it is no reading by spaces, which texts have too, and how many cells there are.
type Reading = (bool, bool, u32, bool, usize);

/// Reads some rows below the line `first`.
fn read(rows: &[&[u8]], separator: Separator, expected: Option<usize>, first: Option<&[u8]>) -> (Reading, Dialect) {
    let split = |line: &'_ [u8]| -> Vec<Vec<u8>> {
        let cells = line.trim_ascii_end().len();
        // A tab at the end is a separator, and a space is not.
        let line = if separator == Separator::Tab { line } else { &line[..cells] };
        let cells = line.split(|&byte| byte == separator.byte()).map(<[u8]>::trim_ascii);
        let cells = cells.filter(|cell| separator != Separator::Space || !cell.is_empty());
        cells
            .map(|cell| cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell).to_vec())
            .collect()
    };
    let rows: Vec<Vec<Vec<u8>>> = rows.iter().map(|line| split(line)).collect();
    let ends_empty = |row: &Vec<Vec<u8>>| row.len() > 1 && row.last().is_some_and(Vec::is_empty);
    let as_expected = |row: &Vec<Vec<u8>>| Some(row.len()) == expected;
    // Below names of all its values, an empty last value is a missing one.
    let names_all = |first: &[u8]| {
        let names = split(first);
        !ends_empty(&names) && rows.iter().all(|row| row.len() <= names.len())
    };
    let trailing = !rows.is_empty()
        && rows.iter().all(ends_empty)
        && !rows.iter().all(as_expected)
        && !first.is_some_and(names_all);
    let cells = || rows.iter().flat_map(|row| &row[..row.len() - usize::from(trailing)]);
    let count = cells().count();
    let numbers = |commas| cells().filter(|bytes| cell(bytes, commas) != Cell::Text).count();
    let decimal_commas = separator != Separator::Comma && numbers(true) > numbers(false);
    let part = (numbers(decimal_commas) * 1000).checked_div(count).unwrap_or(0) as u32;
    let fits = !rows.is_empty() && rows.iter().all(|row| Some(row.len() - usize::from(trailing)) == expected);
    let is_decimal = |bytes: &&Vec<u8>| bytes.iter().any(|byte| b".,eE".contains(byte));
    let decimals = first.is_some()
        && cells().filter(|bytes| cell(bytes, decimal_commas) != Cell::Missing).all(|bytes| is_decimal(&bytes));
    // A comma may be part of a number, and a semicolon, a tab or a bar is not.
    let sure = matches!(separator, Separator::Semicolon | Separator::Tab | Separator::Pipe);
    let splits = !rows.is_empty() && rows.iter().all(|row| row.len() > 1);
    let part = if sure && splits { part.max(999) } else { part };
    let width = |row: &Vec<Vec<u8>>| row.len() - usize::from(ends_empty(row) && trailing);
    let agrees = first.map(split).is_some_and(|names| {
        let names = names.len() - usize::from(ends_empty(&names) && trailing);
        names > 1 && rows.iter().all(|row| width(row) == names)
    });
    let reading = (fits && part == 1000, agrees, part, separator != Separator::Space, count);
    (reading, Dialect { separator, decimal_commas, trailing, decimals })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_makes_numbers() {
        use Separator::{Comma, Pipe, Semicolon, Space, Tab};
        for (text, expected, separator, decimal_commas, trailing) in [
            ("1,2\n3,4\n", None, Comma, false, false),
            ("1, 2\n3, 4\n", None, Comma, false, false),
            ("1;2\n3;4\n", None, Semicolon, false, false),
            ("1,5;2,5\n3,5;4,5\n", None, Semicolon, true, false),
            ("a;b, c\n1,5;2\n", None, Semicolon, true, false),
            ("1\t2\n3\t4\n", None, Tab, false, false),
            ("1.0e+00 2.0e+00\n3.0e+00 4.0e+00\n", None, Space, false, false),
            ("  1   2\n  3   4\n", None, Space, false, false),
            ("1,2,\n3,4,\n", None, Comma, false, true),
            ("1\t2\t\n", None, Tab, false, true),
            ("\"1\",\"2\"\n", None, Comma, false, false),
            ("5\n6\n", None, Comma, false, false),
            ("", None, Comma, false, false),
            ("1,2\n3,four\n", None, Comma, false, false),
            ("# x y\n1;2\n", None, Semicolon, false, false),
            ("1|2\n3|4\n", None, Pipe, false, false),
            ("1.234,5;2,0\n", None, Semicolon, true, false),
            // Texts have spaces and commas too: the names above them tell.
            ("t,v\n1 Jan 2026,0\n2 Jan 2026,1\n", None, Comma, false, false),
            ("first name,last name\nAnna Maria,de Vries\n", None, Comma, false, false),
            ("place;size\nBonn, Rhine;3\nKiel, sea;4\n", None, Semicolon, false, false),
            ("a b\n1 2\n", None, Space, false, false),
            // What the network takes decides between two readings.
            ("1,5;2,5\n", Some(2), Semicolon, true, false),
            ("1,5\n", Some(2), Comma, false, false),
            ("1,2,\n", Some(3), Comma, false, false),
            ("1,2,\n", Some(2), Comma, false, true),
        ] {
            let found = detect(text.as_bytes(), None, expected);
            assert_eq!(found, Dialect { separator, decimal_commas, trailing, ..found }, "{text:?}, {expected:?}");
        }
    }

    #[test]
    fn a_separator_that_is_given_is_taken() {
        assert_eq!(detect(b"1,5\n2,5\n", Some(Separator::Semicolon), None).separator, Separator::Semicolon);
        assert!(detect(b"1,5\n2,5\n", Some(Separator::Semicolon), None).decimal_commas);
    }

    #[test]
    fn decimals_below_the_first_line_are_noticed() {
        for (text, expected) in [
            ("0,1\n0.5,1e-3\n", true),
            ("0;1\n0,5;1,5\n", true),
            ("0,1\n0.5,\n", true),
            ("0,1\n0.5,2\n", false),
            ("0.5,0.5\n", false),
        ] {
            assert_eq!(detect(text.as_bytes(), None, None).decimals, expected, "{text:?}");
        }
    }
}
