//! The raw rows of a table, or the windows of a series, from a file.

use std::path::Path;

use anyhow::{Context, Result};
use bundle::{Column, ColumnKind, Schema, counted, printable};
use rows::{Arrays, Columns};

/// The rows of a table: by the names of its columns, where the file has names; of a series, its windows.
pub fn raw_rows(
    path: &Path,
    (schema, window): (&Schema, Option<[usize; 2]>),
    options: &rows::Options,
) -> Result<rows::Rows> {
    let is_array = path.extension().is_some_and(|extension| extension == "npy" || extension == "npz");
    if let Some(window) = window
        && let Some(series) = series(path, (schema, window[0]), options)?
    {
        let values = rows::raw_windows(schema, window, &series).with_context(|| path.display().to_string())?;
        let ([steps, stride], count) = (window, values.len() / schema.raw_len());
        let note = format!("{}: {count} windows of {steps} rows, {stride} apart", path.display());
        return Ok(rows::Rows { columns: schema.raw_len(), values, note: Some(note) });
    }
    let plain = is_array || path == Path::new("-") || options.skip != [0, 0] || options.array.is_some();
    let table = if plain { None } else { Some(rows::read_columns(path, options)?) };
    let Some(table) = table.filter(|table| table.has_header || path.is_dir()) else {
        return Ok(rows::read(path, options)?);
    };
    let all: Vec<u32> = (0..table.len() as u32).collect();
    let values = rows::raw_rows(schema, &table, &all).with_context(|| path.display().to_string())?;
    let known = |name: &&String| schema.columns().iter().any(|column| column.name == **name);
    let others: Vec<String> =
        table.names.iter().filter(|name| !known(name)).map(|name| format!("`{}`", printable(name))).collect();
    let unseen = unseen(schema, &values);
    let others = if others.is_empty() { String::new() } else { format!("; not used: {}", others.join(", ")) };
    let note = Some(format!("{}: {}{others}{unseen}", path.display(), table.note));
    Ok(rows::Rows { columns: schema.raw_len(), values, note })
}

/// The steps of a series as a table, unless each row of the file is a window by itself.
fn series(path: &Path, (schema, steps): (&Schema, usize), options: &rows::Options) -> Result<Option<Columns>> {
    let names: Vec<String> = schema.channels(steps).into_iter().map(|column| column.name).collect();
    let channels = names.len();
    let is_array = path.extension().is_some_and(|extension| extension == "npy" || extension == "npz");
    if path == Path::new("-") || options.skip != [0, 0] || options.array.is_some() {
        return Ok(None);
    }
    if is_array {
        let arrays = Arrays::open(path)?;
        let [name] = arrays.names().collect::<Vec<_>>()[..] else { return Ok(None) };
        let rows::Array { shape, numbers } = arrays.read(name)?;
        if !matches!(shape[..], [_] if channels == 1) && !matches!(shape[..], [_, width] if width == channels) {
            return Ok(None);
        }
        let mut table = Columns::from_numbers(&numbers.into_floats(), channels, String::new());
        table.names = names;
        return Ok(Some(table));
    }
    let mut table = rows::read_columns(path, options)?;
    if !table.has_header && table.names.len() == channels {
        table.names.clone_from(&names);
    }
    Ok(table.position(&names[0]).is_some().then_some(table))
}

/// How many cells are categories that training never saw, in which columns.
fn unseen(schema: &Schema, values: &[f32]) -> String {
    let count = |(index, column): (usize, &Column)| {
        let ColumnKind::Category { values: known } = &column.kind else { return None };
        let cells = values.iter().skip(index).step_by(schema.raw_len());
        let count = cells.filter(|cell| **cell as usize == known.len() && !cell.is_nan()).count();
        let name = printable(&column.name);
        (count > 0).then(|| format!("; `{name}`: {} that training never saw", counted(count, "category")))
    };
    schema.columns().iter().enumerate().filter_map(count).collect()
}
