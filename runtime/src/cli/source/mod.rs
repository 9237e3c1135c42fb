//! Where a command's rows come from: one block after the other, from files of any size.

mod arrays;
mod blocks;
mod named;
mod pictures;
mod plain;
mod series;
mod whole;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use bundle::Manifest;
use rows::Expected;
use runtime::{Matrix, Schema, Tensor};

use super::arguments::{Command, RowsArguments};
use super::range::{Preparation, Preparer};
use super::say::say;
use arrays::ArrayRows;
use blocks::{RowBlocks, Tables, start};
use named::NamedRows;
use pictures::Pictures;
use plain::PlainRows;
use series::Windows;
use whole::Whole;

/// A CSV file of plain rows up to so many bytes is read at once, to say more about what is wrong with it.
const SMALL: u64 = 16 << 20;

/// Where a command's rows come from, and what they should be.
pub struct Source<'a> {
    path: &'a Path,
    tensor: &'a Tensor,
    columns: usize,
    window: Option<[usize; 2]>,
    /// The columns of raw rows; nothing for other rows.
    schema: Option<&'a Schema>,
    /// Height and width of a picture, with the channels before them where there are several; empty for other rows.
    image: &'a [usize],
    options: rows::Options,
}

impl<'a> Source<'a> {
    pub fn new(command: &Command, manifest: &'a Manifest, arguments: &'a RowsArguments) -> Result<Self> {
        let (tensor, other, taken_by) = match command {
            Command::Decode(_) => (&manifest.latent, &manifest.input, "encode"),
            _ => (&manifest.input, &manifest.latent, "decode"),
        };
        let columns = tensor.row_len().with_context(|| format!("`{}`: too many values in a row", tensor.name))?;
        let other = other.row_len().map(|columns| (columns, taken_by));
        let expected = Some(Expected { name: tensor.name.clone(), columns, other });
        let is_input = !matches!(command, Command::Decode(_));
        let schema = manifest.schema.as_ref().filter(|_| is_input);
        let words = schema.map(named::words).unwrap_or_default();
        let options = rows::Options { expected, missing: schema.is_some(), words, ..arguments.options() };
        let image = if is_input { &manifest.image_shape[..] } else { &[] };
        Ok(Self { path: &arguments.rows, tensor, columns, window: manifest.window, schema, image, options })
    }

    /// The pictures that are the rows, by their names; nothing where rows come from files of numbers.
    pub fn pictures(&self) -> Option<Vec<String>> {
        pictures::names(self.path)
    }

    /// Opens the source.
    pub fn open(&self, preparation: Preparation) -> Result<Prepared<'_>> {
        let blocks = self.blocks().map_err(|error| placed(error, self.path))?;
        let preparer = Preparer::new(self.tensor, self.columns, preparation);
        Ok(Prepared { path: self.path, columns: self.columns, blocks, preparer })
    }

    /// Reads all rows.
    pub fn read(&self, preparation: Preparation) -> Result<Matrix> {
        let mut prepared = self.open(preparation)?;
        let mut values = vec![];
        while let Some(block) = prepared.next()? {
            values.extend_from_slice(block.as_slice());
        }
        prepared.notes().iter().for_each(|note| say(note));
        Ok(Matrix::new(values.len() / self.columns.max(1), self.columns, values)?)
    }

    fn blocks(&self) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { path, columns, window, schema, ref options, .. } = *self;
        if path.is_dir() && !pictures::are_at(path) && !rows::is_shards(path) {
            return self.whole();
        }
        if pictures::are_at(path) {
            return Ok(Box::new(Pictures::open(path, self.tensor, self.image)?));
        }
        if !path.exists() || options.skip != [0, 0] || options.array.is_some() {
            return self.whole();
        }
        let start = start(path);
        if start.starts_with(b"\x93NUMPY") {
            let rows = rows::NpyRows::open(path).ok().filter(|rows| rows.axes() > 1 && rows.columns() == columns);
            return match rows {
                Some(rows) if window.is_none() => Ok(Box::new(ArrayRows::new(rows, schema.is_some()))),
                _ => self.series_of_array(),
            };
        }
        let is_small = || fs::metadata(path).is_ok_and(|metadata| metadata.len() < SMALL);
        let is_plain = schema.is_none() && !start.starts_with(b"PAR1");
        if start.starts_with(b"PK") || (is_plain && path.is_file() && is_small()) {
            return self.whole();
        }
        // What is wrong with the first rows is told by the reader of whole files.
        match Tables::open(path, options)? {
            Some(tables) => self.of_tables(tables),
            None => self.whole(),
        }
    }

    fn of_tables(&self, tables: Tables) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { path, columns, window, schema, .. } = *self;
        let Some(schema) = schema else {
            return match PlainRows::new(tables, columns, false) {
                Some(rows) => Ok(Box::new(rows)),
                None => self.whole(),
            };
        };
        if let Some(window) = window
            && series::has_channels(schema, window[0], &tables.first)
        {
            return Ok(Box::new(Windows::new(schema, window, tables)?));
        }
        if tables.first.has_header || path.is_dir() {
            return Ok(Box::new(NamedRows::new(schema, tables)));
        }
        match PlainRows::new(tables, columns, true) {
            Some(rows) => Ok(Box::new(rows)),
            None => self.whole(),
        }
    }

    /// The windows of an array of steps, or rows of an array that cannot be read block by block.
    fn series_of_array(&self) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { path, window, schema, ref options, .. } = *self;
        if let (Some(window), Some(schema)) = (window, schema)
            && let Some(tables) = Tables::open(path, options)?
            && series::has_channels(schema, window[0], &tables.first)
        {
            return Ok(Box::new(Windows::new(schema, window, tables)?));
        }
        self.whole()
    }

    fn whole(&self) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { path, window, schema, ref options, .. } = *self;
        Ok(Box::new(Whole::read(path, schema, window, options)?))
    }
}

/// The rows of a source, prepared for the network.
pub struct Prepared<'a> {
    path: &'a Path,
    columns: usize,
    blocks: Box<dyn RowBlocks + 'a>,
    preparer: Preparer<'a>,
}

impl Prepared<'_> {
    /// The next rows; none at the end.
    pub fn next(&mut self) -> Result<Option<Matrix>> {
        loop {
            let values = self.blocks.next().map_err(|error| placed(error, self.path))?;
            let Some(mut values) = values else { return Ok(None) };
            if values.is_empty() {
                continue;
            }
            self.preparer.prepare(&mut values).map_err(|error| placed(error, self.path))?;
            return Ok(Some(Matrix::new(values.len() / self.columns.max(1), self.columns, values)?));
        }
    }

    /// The rows that were given.
    pub fn rows(&self) -> usize {
        self.preparer.rows()
    }

    /// The part of the source that was read, in 0.0..=1.0.
    pub fn part(&self) -> f64 {
        self.blocks.part()
    }

    /// How the source was understood, and what was done to its values, when it has come to its end.
    pub fn notes(&self) -> Vec<String> {
        let notes = [self.blocks.note(), self.preparer.note()];
        let place = place(self.path);
        let placed = |note: String| if note.starts_with(&place) { note } else { format!("{place}: {note}") };
        notes.into_iter().flatten().map(placed).collect()
    }
}

/// How messages call a source.
fn place(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

/// An error that says where it is; those of the readers do, with the file of a folder.
fn placed(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let place = place(path);
    if error.to_string().starts_with(&place) { error } else { error.context(place) }
}
