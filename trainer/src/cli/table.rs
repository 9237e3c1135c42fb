//! Tables of text.

use bundle::safe;

use super::output::result_width;

const MAX_CELL: usize = 200;

/// The table of [`aligned`]; where the terminal is too narrow for it, its columns come in several tables, each with the first one.
///
/// A cell has at most 200 letters: names come from files.
pub fn fitted(rows: &[Vec<String>], names: usize) -> String {
    let cut = |row: &Vec<String>| row.iter().map(|cell| safe(cell, MAX_CELL)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cut).collect();
    match result_width() {
        Some(width) => within(&rows, names, width),
        None => aligned(&rows, names),
    }
}

fn within(rows: &[Vec<String>], names: usize, width: usize) -> String {
    let widths = widths(rows);
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut taken = width;
    for column in 1..widths.len() {
        taken += 2 + widths[column];
        match parts.last_mut() {
            Some(part) if taken <= width => part.push(column),
            _ => {
                parts.push(vec![0, column]);
                taken = widths[0] + 2 + widths[column];
            }
        }
    }
    let part = |columns: &Vec<usize>| {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| select(row, columns)).collect();
        aligned(&rows, columns.iter().filter(|&&column| column < names).count())
    };
    parts.iter().map(part).collect::<Vec<_>>().join("\n\n")
}

/// The cells of these columns, as far as the row has them.
fn select(row: &[String], columns: &[usize]) -> Vec<String> {
    columns.iter().filter_map(|&column| row.get(column).cloned()).collect()
}

/// The width of each column's longest cell.
fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    (0..columns).map(width).collect()
}

/// Columns as wide as their longest cell: the first `names` of them to the left, numbers to the right.
pub fn aligned(rows: &[Vec<String>], names: usize) -> String {
    let widths = widths(rows);
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < names { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<const N: usize>(rows: [&[&str]; N]) -> Vec<Vec<String>> {
        rows.map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).to_vec()
    }

    #[test]
    fn names_lie_to_the_left_and_numbers_to_the_right() {
        let rows = table([&["run", "BCE"], &["a", "0.25"], &["longer"]]);
        assert_eq!(aligned(&rows, 1), "run      BCE\na       0.25\nlonger");
    }

    #[test]
    fn a_table_that_is_too_wide_is_continued_below_with_its_first_column() {
        let rows = table([&["run", "data", "BCE", "MSE"], &["a", "digits", "0.25", "1"], &["b", "mnist", "0.5", "2"]]);
        assert_eq!(within(&rows, 2, 30), aligned(&rows, 2));
        assert_eq!(
            within(&rows, 2, 17),
            "run  data     BCE\na    digits  0.25\nb    mnist    0.5\n\nrun  MSE\na      1\nb      2"
        );
        // A column that does not fit beside the first one has a table all the same.
        assert_eq!(within(&rows, 2, 5).matches("run").count(), 3);
    }
}
