//! Rows that are read at once: from standard input, archives, and files about which there is something to say.

use std::path::Path;

use anyhow::Result;
use bundle::{SeriesBreaks, counted};
use rows::{Arrays, Columns, Options, WindowCutter};
use runtime::Schema;

use super::blocks::RowBlocks;
use super::series;

/// Rows that are read at once.
pub(super) struct Whole {
    values: Option<Vec<f32>>,
    note: Option<String>,
}

impl Whole {
    pub(super) fn read(
        path: &Path,
        schema: Option<&Schema>,
        window: Option<([usize; 2], &SeriesBreaks)>,
        options: &Options,
    ) -> Result<Self> {
        if let (Some(schema), None) = (schema, window)
            && let Some(table) = only_array(path, options)?
            && table.has_by_number(schema.columns())
        {
            let all: Vec<u32> = (0..table.len() as u32).collect();
            let note = Some(format!("{} of {}", counted(table.len(), "row"), counted(table.names.len(), "column")));
            return Ok(Self { values: Some(rows::raw_rows(schema, &table, &all)?), note });
        }
        if let (Some(schema), Some((window, _))) = (schema, window)
            && let Some(table) = steps(path, schema, window[0], options)?
        {
            let values = WindowCutter::new(schema, window)?.cut(&table)?;
            let ([steps, stride], count) = (window, values.len() / schema.raw_len());
            return Ok(Self {
                values: Some(values),
                note: Some(format!("{count} windows of {steps} rows, {stride} apart")),
            });
        }
        let rows = rows::read(path, options)?;
        Ok(Self { values: Some(rows.values), note: rows.note })
    }
}

impl RowBlocks for Whole {
    fn next(&mut self) -> Result<Option<Vec<f32>>> {
        Ok(self.values.take())
    }

    fn part(&self) -> f64 {
        1.
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }
}

/// The only array of a file as a table of steps, if it is one.
fn steps(path: &Path, schema: &Schema, steps: usize, options: &Options) -> Result<Option<Columns>> {
    let Some(mut table) = only_array(path, options)? else { return Ok(None) };
    if !series::has_channels(schema, steps, &table) {
        return Ok(None);
    }
    let channels = schema.channels(steps);
    // Of more columns, the network takes some by their numbers.
    if channels.len() == table.names.len() {
        table.names = channels.into_iter().map(|column| column.name).collect();
    }
    Ok(Some(table))
}

/// The only array of a file as a table, if it is one.
fn only_array(path: &Path, options: &Options) -> Result<Option<Columns>> {
    let is_array = path.extension().is_some_and(|extension| extension == "npy" || extension == "npz");
    if !is_array || path == Path::new("-") || options.skip != [0, 0] || options.array.is_some() {
        return Ok(None);
    }
    let arrays = Arrays::open(path)?;
    let [name] = arrays.names().collect::<Vec<_>>()[..] else { return Ok(None) };
    let rows::Array { shape, numbers } = arrays.read(name)?;
    let ([_] | [_, _]) = shape[..] else { return Ok(None) };
    let columns = shape.get(1).copied().unwrap_or(1);
    Ok(Some(Columns::from_numbers(&numbers.into_floats(), columns.max(1), String::new())))
}
