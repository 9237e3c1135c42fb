//! The raw rows that a network takes, from a table whose columns may be in any order.

use std::collections::HashMap;

use anyhow::bail;
use bundle::{ColumnKind, Schema, printable, seconds_of, truth};

use crate::error::Result;
use crate::named::{Column, Columns};
use crate::texts::Texts;

/// The raw rows of a table, `[rows.len(), schema.raw_len()]`, which may be another one than the schema was made of.
///
/// # Errors
///
/// When a column is missing, or a cell is not what its column holds: the error names the line and the column.
pub fn raw_rows(schema: &Schema, table: &Columns, rows: &[u32]) -> Result<Vec<f32>> {
    Ok(values(schema, table, rows)?)
}

fn values(schema: &Schema, table: &Columns, rows: &[u32]) -> anyhow::Result<Vec<f32>> {
    let columns = schema.columns().len();
    let mut raw = vec![0.; rows.len() * columns];
    let places: HashMap<&str, usize> =
        table.names.iter().enumerate().rev().map(|(place, name)| (&**name, place)).collect();
    for (index, column) in schema.columns().iter().enumerate() {
        let name = printable(&column.name);
        let Some(&place) = places.get(&*column.name) else {
            bail!("expected a column `{name}`, found {}", list(&table.names));
        };
        let values: Vec<f32> = match (&column.kind, &table.columns[place]) {
            (ColumnKind::Number { .. }, cells) if column.since.is_some() => {
                let start = column.since.as_deref().and_then(seconds_of).unwrap_or_default();
                if let Column::Numbers(numbers) = cells
                    && numbers.iter().all(|number| number.is_nan())
                {
                    raw.iter_mut().skip(index).step_by(columns).for_each(|value| *value = f32::NAN);
                    continue;
                }
                let Column::Texts(Texts { dates: Some(dates), .. }) = cells else {
                    bail!("column `{name}`: expected dates such as 2026-01-31T23:59:59, found {}", other(table, place));
                };
                rows.iter().map(|&row| (dates[row as usize] - start) as f32).collect()
            }
            (ColumnKind::Number { .. }, Column::Numbers(numbers)) => {
                rows.iter().map(|&row| numbers[row as usize]).collect()
            }
            (ColumnKind::Number { .. }, Column::Texts(texts))
                if texts.values.iter().all(|text| truth(text).is_some()) =>
            {
                let number = |row: u32| texts.get(row as usize).and_then(truth).unwrap_or(f32::NAN);
                rows.iter().map(|&row| number(row)).collect()
            }
            (ColumnKind::Number { .. }, Column::Texts(texts)) => {
                let first = texts.first.unwrap_or_default();
                let (place, found) = (table.place(first), printable(texts.get(first).unwrap_or_default()));
                bail!("{place}, column `{name}`: expected a number, found `{found}`");
            }
            (ColumnKind::Category { values }, Column::Texts(texts)) => {
                let places: Vec<f32> = texts
                    .values
                    .iter()
                    .map(|text| values.iter().position(|value| value == text).unwrap_or(values.len()) as f32)
                    .collect();
                let place = |row: u32| match texts.rows[row as usize] {
                    Texts::MISSING => f32::NAN,
                    text => places.get(text as usize).copied().unwrap_or(values.len() as f32),
                };
                rows.iter().map(|&row| place(row)).collect()
            }
            (ColumnKind::Category { values }, Column::Numbers(numbers)) => {
                // Truth values of one kind of file are words in another.
                let is_truth = values.iter().all(|value| truth(value).is_some());
                let is = |value: &str, number: f32| {
                    value == number.to_string() || (is_truth && truth(value) == Some(number))
                };
                let text = |number: f32| values.iter().position(|value| is(value, number));
                let place =
                    |number: f32| if number.is_nan() { number } else { text(number).unwrap_or(values.len()) as f32 };
                rows.iter().map(|&row| place(numbers[row as usize])).collect()
            }
        };
        if let Some(row) = values.iter().position(|value| value.is_infinite()) {
            let place = table.place(rows[row] as usize);
            bail!("{place}, column `{name}`: expected a finite number, found {}", values[row]);
        }
        if !column.may_be_missing()
            && let Some(row) = values.iter().position(|value| value.is_nan())
        {
            let place = table.place(rows[row] as usize);
            bail!("{place}, column `{name}`: a value is missing, and the rows that trained the network had none");
        }
        raw.iter_mut().skip(index).step_by(columns).zip(values).for_each(|(target, value)| *target = value);
    }
    Ok(raw)
}

/// What a column holds that is no column of dates.
fn other(table: &Columns, place: usize) -> String {
    match &table.columns[place] {
        Column::Numbers(_) => "numbers".into(),
        Column::Texts(texts) => {
            let row = (0..table.len()).find(|&row| texts.get(row).is_some_and(|text| seconds_of(text).is_none()));
            let found =
                row.map(|row| format!("`{}` in {}", printable(texts.get(row).unwrap_or_default()), table.place(row)));
            found.unwrap_or("none".into())
        }
    }
}

/// `a`, `b` and 7 more
fn list(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", printable(name))).collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Columns {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        crate::read_columns(&path, &crate::Options::default()).unwrap()
    }

    fn schema() -> Schema {
        let values = vec!["red".into(), "5".into()];
        let colour = bundle::Column::new("colour", ColumnKind::Category { values });
        let colour = bundle::Column { missing: Some(0.), ..colour };
        Schema::new(vec![bundle::Column::number("size", 0., 1.), colour]).unwrap()
    }

    fn raw(text: &str) -> Result<Vec<f32>> {
        let table = table(text);
        raw_rows(&schema(), &table, &(0..table.len() as u32).collect::<Vec<_>>())
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        assert_eq!(raw("id,colour,size\n1,red,2.5\n2,green,3\n3,5,4\n").unwrap(), [2.5, 0., 3., 2., 4., 1.]);
        assert_eq!(raw("size,colour\n1,5\n").unwrap(), [1., 1.]);
        let missing = raw("size,colour\n1,\n2,red\n").unwrap();
        assert!(missing[1].is_nan() && missing[3] == 0.);
    }

    #[test]
    fn truth_values_are_numbers_or_words_as_the_schema_has_them() {
        let of = |column: bundle::Column, cells: Column| {
            let mut table = Columns::from_numbers(&[0., 0., 0.], 1, String::new());
            (table.names, table.columns) = (vec!["on".into()], vec![cells]);
            raw_rows(&Schema::new(vec![column]).unwrap(), &table, &[0, 1, 2]).unwrap()
        };
        let texts = |values: [&str; 2]| {
            let values = values.map(str::to_owned).to_vec();
            Column::Texts(Texts { values, rows: vec![0, 1, 0], numbers: 0, first: Some(0), dates: None })
        };
        let number = bundle::Column::number("on", 0., 1.);
        assert_eq!(of(number, texts(["false", "True"])), [0., 1., 0.]);
        let words = ColumnKind::Category { values: vec!["true".into(), "false".into()] };
        assert_eq!(of(bundle::Column::new("on", words), Column::Numbers(vec![0., 1., 0.])), [1., 0., 1.]);
    }

    #[test]
    fn dates_may_all_be_missing() {
        let day = bundle::Column {
            missing: Some(0.),
            since: Some("2026-01-01T00:00:00".into()),
            ..bundle::Column::number("day", 0., 1.)
        };
        let table = table("size,day\n1,\n2,\n");
        let raw = raw_rows(&Schema::new(vec![day]).unwrap(), &table, &[0, 1]).unwrap();
        assert!(raw.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn a_cell_that_does_not_fit_names_its_line_and_column() {
        for (text, expected) in [
            ("size,colour\n1,red\nbig,red\n", "line 3, column `size`: expected a number, found `big`"),
            ("size,color\n1,red\n", "expected a column `colour`, found `size`, `color`"),
            ("size,colour\n1,red\n,red\n", "line 3, column `size`: a value is missing"),
            ("size,colour\ninf,red\n", "line 2, column `size`: expected a finite number, found inf"),
        ] {
            let error = raw(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
