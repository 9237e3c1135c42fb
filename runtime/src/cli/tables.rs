//! The raw rows of a table, or the windows of a series, from a file.

use std::fs::File;
use std::io::Read;
use std::iter;
use std::path::Path;
use std::sync::{Arc, mpsc};

use anyhow::{Context, Result};
use bundle::{Column, ColumnKind, Schema, counted, printable};
use rows::{Arrays, Blocks, Columns, Progress};

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
    let (others, unseen) = (others(schema, &table.names), told(schema, &unseen(schema, &values)));
    let note = Some(format!("{}: {}{others}{unseen}", path.display(), table.note));
    Ok(rows::Rows { columns: schema.raw_len(), values, note })
}

/// The columns whose cells are words.
pub fn words(schema: &Schema) -> Vec<String> {
    let is_category = |column: &&Column| matches!(column.kind, ColumnKind::Category { .. });
    schema.columns().iter().filter(is_category).map(|column| column.name.clone()).collect()
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

/// The columns of a file that the network does not take.
fn others(schema: &Schema, names: &[String]) -> String {
    let known = |name: &&String| schema.columns().iter().any(|column| column.name == **name);
    let others: Vec<String> =
        names.iter().filter(|name| !known(name)).map(|name| format!("`{}`", printable(name))).collect();
    if others.is_empty() { String::new() } else { format!("; not used: {}", others.join(", ")) }
}

/// For each column how many cells are categories that training never saw.
fn unseen(schema: &Schema, values: &[f32]) -> Vec<usize> {
    let count = |(index, column): (usize, &Column)| {
        let ColumnKind::Category { values: known } = &column.kind else { return 0 };
        let cells = values.iter().skip(index).step_by(schema.raw_len());
        cells.filter(|cell| **cell as usize == known.len() && !cell.is_nan()).count()
    };
    schema.columns().iter().enumerate().map(count).collect()
}

/// The counts of [`unseen`] in words.
fn told(schema: &Schema, unseen: &[usize]) -> String {
    let told = |(column, &count): (&Column, &usize)| {
        let name = printable(&column.name);
        (count > 0).then(|| format!("; `{name}`: {} that training never saw", counted(count, "category")))
    };
    schema.columns().iter().zip(unseen).filter_map(told).collect()
}

/// The raw rows of a table, a block at a time.
pub struct RowBlocks<'a> {
    path: &'a Path,
    schema: &'a Schema,
    tables: mpsc::IntoIter<rows::Result<Columns>>,
    rows: usize,
    unseen: Vec<usize>,
    /// How the file was understood, and what is not used of it.
    layout: String,
}

impl<'a> RowBlocks<'a> {
    /// Reads the rows at `path` on another thread, if it is a file with named columns or a folder of them.
    pub fn open(path: &'a Path, schema: &'a Schema, options: &rows::Options) -> Result<Option<(Self, Arc<Progress>)>> {
        if !path.exists() || options.skip != [0, 0] || options.array.is_some() || is_zip(path) {
            return Ok(None);
        }
        let mut blocks = Blocks::open(path, options)?;
        let progress = blocks.progress();
        // What is wrong with the first rows is told by the reader of whole files.
        let Some(Ok(first)) = blocks.next().filter(|first| first.as_ref().is_ok_and(|table| table.has_header)) else {
            return Ok(None);
        };
        // Less the number of its rows.
        let layout = first.note.split_once(" of ").map_or("", |(_, layout)| layout);
        let layout = format!(" of {layout}{}", others(schema, &first.names));
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut tables = iter::once(Ok(first)).chain(blocks);
            // When nobody takes the next block, the rest is not read.
            tables.all(|table| sender.send(table).is_ok());
        });
        let tables = receiver.into_iter();
        Ok(Some((Self { path, schema, tables, rows: 0, unseen: vec![0; schema.raw_len()], layout }, progress)))
    }

    /// Values in a row.
    pub fn columns(&self) -> usize {
        self.schema.raw_len()
    }

    /// The rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How the file was understood, when it has come to its end.
    pub fn note(&self) -> String {
        let unseen = told(self.schema, &self.unseen);
        format!("{}: {}{}{unseen}", self.path.display(), counted(self.rows, "row"), self.layout)
    }
}

impl Iterator for RowBlocks<'_> {
    type Item = Result<Vec<f32>>;

    fn next(&mut self) -> Option<Self::Item> {
        let values = self.tables.next()?.map_err(Into::into).and_then(|table| {
            let all: Vec<u32> = (0..table.len() as u32).collect();
            rows::raw_rows(self.schema, &table, &all).with_context(|| self.path.display().to_string())
        });
        if let Ok(values) = &values {
            self.rows += values.len() / self.schema.raw_len();
            self.unseen.iter_mut().zip(unseen(self.schema, values)).for_each(|(all, more)| *all += more);
        }
        Some(values)
    }
}

/// Whether this is an `.npz` file, whatever its name.
fn is_zip(path: &Path) -> bool {
    let mut start = vec![];
    let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut start));
    read.is_ok() && start == b"PK\x03\x04"
}
