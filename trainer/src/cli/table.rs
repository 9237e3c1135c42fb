//! Tables of text.

use super::output::result_width;

/// The table of [`aligned`], or where the terminal is too narrow for it, a block of lines for each row.
pub fn fitted(rows: &[Vec<String>], names: usize) -> String {
    let table = aligned(rows, names);
    match (result_width(), rows) {
        (Some(width), [header, rows @ ..]) if table.lines().any(|line| line.chars().count() > width) => {
            blocks(header, rows)
        }
        _ => table,
    }
}

/// Each row's first cell, and below it the others behind their names.
fn blocks(header: &[String], rows: &[Vec<String>]) -> String {
    let width = header.iter().skip(1).map(|name| name.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = header.first().cloned().into_iter().collect();
    for row in rows {
        lines.extend(row.first().cloned());
        let cells = header.iter().zip(row).skip(1).filter(|(name, cell)| !name.is_empty() && !cell.is_empty());
        lines.extend(cells.map(|(name, cell)| format!("  {name:<width$}  {cell}")));
    }
    lines.join("\n")
}

/// Columns as wide as their longest cell: the first `names` of them to the left, numbers to the right.
pub fn aligned(rows: &[Vec<String>], names: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
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

    #[test]
    fn a_row_that_is_too_wide_becomes_a_block() {
        let rows = [vec!["run", "test BCE", "MSE"], vec!["a", "0.25", "1"], vec!["b", "", "2"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(blocks(&rows[0], &rows[1..]), "run\na\n  test BCE  0.25\n  MSE       1\nb\n  MSE       2");
    }

    #[test]
    fn names_lie_to_the_left_and_numbers_to_the_right() {
        let rows = [vec!["run", "BCE"], vec!["a", "0.25"], vec!["longer"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(aligned(&rows, 1), "run      BCE\na       0.25\nlonger");
    }
}
