//! One cell of a CSV file as a number.

use bundle::{is_missing, truth};

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    Number(f32),
    /// Nothing, or a word for it.
    Missing,
    Text,
}

/// Reads a cell; with `decimal_commas`, 0,5 is a half.
pub fn cell(bytes: &[u8], decimal_commas: bool) -> Cell {
    let Ok(text) = str::from_utf8(bytes) else { return Cell::Text };
    if let Ok(number) = text.parse::<f32>() {
        return if number.is_nan() { Cell::Missing } else { Cell::Number(number) };
    }
    if decimal_commas
        && let Some((whole, part)) = text.split_once(',')
        && let Ok(number) = format!("{whole}.{part}").parse()
    {
        return Cell::Number(number);
    }
    match truth(text) {
        Some(number) => Cell::Number(number),
        None if is_missing(text) => Cell::Missing,
        None => Cell::Text,
    }
}

/// Whether these cells are a header: no numbers at all, the numbers of the columns from 0 or from 1 on, or four and more whole
/// numbers at equal steps upwards, such as wavelengths. A first cell may be empty, as above the names of rows. One or two columns
/// may count themselves by chance: there the rows below must be `decimals`, which those numbers are not.
pub fn is_header<'a>(cells: impl Iterator<Item = &'a [u8]> + Clone, decimal_commas: bool, decimals: bool) -> bool {
    let is = |wanted: fn(Cell) -> bool| cells.clone().any(|bytes| wanted(cell(bytes, decimal_commas)));
    if !is(|cell| matches!(cell, Cell::Number(_))) {
        return is(|cell| cell == Cell::Text);
    }
    let corner = cells.clone().next().is_some_and(<[u8]>::is_empty);
    let counted = || cells.clone().skip(usize::from(corner));
    let counts = |start: usize| counted().enumerate().all(|(i, bytes)| bytes == (start + i).to_string().as_bytes());
    let columns = counted().count();
    ((decimals || columns > 2) && (counts(0) || counts(1))) || (columns > 3 && has_equal_steps(counted()))
}

/// Whether the cells are whole numbers from 0, each larger than the one before by the same.
fn has_equal_steps<'a>(cells: impl Iterator<Item = &'a [u8]>) -> bool {
    let digits =
        |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit).then(|| str::from_utf8(bytes).ok()?.parse().ok())?;
    let Some(numbers) = cells.map(digits).collect::<Option<Vec<u64>>>() else { return false };
    let steps = || numbers.windows(2).map(|pair| pair[1].checked_sub(pair[0]).filter(|step| *step > 0));
    steps().all(|step| step.is_some() && step == steps().next().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_missing_or_text() {
        for (text, commas, expected) in [
            ("1.5", false, Cell::Number(1.5)),
            ("-2e-3", false, Cell::Number(-2e-3)),
            ("+7", false, Cell::Number(7.)),
            ("inf", false, Cell::Number(f32::INFINITY)),
            ("0,25", true, Cell::Number(0.25)),
            ("0,25", false, Cell::Text),
            ("1,000,5", true, Cell::Text),
            ("True", false, Cell::Number(1.)),
            ("false", false, Cell::Number(0.)),
            ("", false, Cell::Missing),
            ("NaN", false, Cell::Missing),
            ("N/A", false, Cell::Missing),
            ("four", false, Cell::Text),
        ] {
            assert_eq!(cell(text.as_bytes(), commas), expected, "{text}");
        }
        assert_eq!(cell(b"\xff", false), Cell::Text);
    }

    #[test]
    fn a_header_has_no_numbers_or_counts_the_columns() {
        for (line, expected) in [
            ("a,b", true),
            ("a,,c", true),
            ("0,1,2", true),
            ("1,2,3", true),
            (",0,1,2", true),
            (",a,b", true),
            ("x", true),
            ("a,2", false),
            ("0,1,3", false),
            ("0.0,1.0,2.0", false),
            ("2,3,4", false),
            ("400,410,420,430", true),
            ("0,10,20,30", true),
            ("400,410,425,430", false),
            ("30,20,10,0", false),
            ("5,5,5,5", false),
            ("0.0,1.0,2.0,3.0", false),
            ("nan,nan", false),
            (",", false),
            // These may as well be rows.
            ("0,1", false),
            ("1,2", false),
            ("0", false),
            (",0,1", false),
        ] {
            assert_eq!(is_header(line.split(',').map(str::as_bytes), false, false), expected, "{line}");
        }
        for line in ["0,1", "1,2", "0", "1", ",0,1"] {
            assert!(is_header(line.split(',').map(str::as_bytes), false, true), "{line}");
        }
    }
}
