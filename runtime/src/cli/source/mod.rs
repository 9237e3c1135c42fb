//! Where a command's rows come from: one block after the other, from files of any size.

mod arrays;
mod blocks;
mod named;
mod pictures;
mod plain;
mod series;
mod usual;
mod whole;

use std::fs;
use std::io::{copy, stdin};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use bundle::{ColumnKind, LabelColumn, Manifest, SeriesBreaks, printable};
use rows::{Columns, Expected};
use runtime::{Matrix, Schema, Tensor};
use tempfile::NamedTempFile;

use super::arguments::{Command, RowsArguments};
use super::range::{Preparation, Preparer};
use super::say::say;
use arrays::ArrayRows;
use blocks::{RowBlocks, Tables, start};
use named::NamedRows;
use pictures::Pictures;
use plain::PlainRows;
use series::Windows;
use usual::Usual;
use whole::Whole;

/// A CSV file of plain rows up to so many bytes is read at once, to say more about what is wrong with it.
const SMALL: u64 = 16 << 20;

/// Where a command's rows come from, and what they should be.
pub struct Source<'a> {
    path: &'a Path,
    /// What came on standard input, if that is where rows come from.
    spooled: Option<NamedTempFile>,
    tensor: &'a Tensor,
    columns: usize,
    window: Option<([usize; 2], &'a SeriesBreaks)>,
    /// The columns of raw rows; nothing for other rows.
    schema: Option<&'a Schema>,
    /// The column of labels, where usual rows alone are taken.
    label: Option<&'a LabelColumn>,
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
        let label = manifest.label.as_ref().filter(|_| matches!(command, Command::Calibrate(_)));
        let mut words = schema.map(named::words).unwrap_or_default();
        words.extend(label.map(|label| label.name.clone()));
        let options = rows::Options { expected, missing: schema.is_some(), words, ..arguments.options() };
        let image = if is_input { &manifest.image_shape[..] } else { &[] };
        let window = manifest.window.map(|window| (window, &manifest.series));
        let path = arguments.rows.as_path();
        let spooled = if path == Path::new("-") { Some(spooled()?) } else { None };
        Ok(Self { path, spooled, tensor, columns, window, schema, label, image, options })
    }

    /// The pictures that are the rows, by their names; nothing where rows come from files of numbers.
    pub fn pictures(&self) -> Option<Vec<String>> {
        let names = pictures::names(self.file());
        if self.spooled.is_some() { names.map(|_| vec![self.place()]) } else { names }
    }

    /// Opens the source.
    pub fn open(&self, preparation: Preparation) -> Result<Prepared<'_>> {
        let blocks = self.blocks().map_err(|error| self.placed(error))?;
        let preparer = Preparer::new(self.tensor, self.columns, preparation);
        Ok(Prepared { source: self, blocks, preparer })
    }

    /// The rows as they are written, where they are those of a table.
    pub fn table(&self) -> Option<Columns> {
        rows::read_columns(self.file(), &self.options).ok().filter(|_| self.window.is_none())
    }

    /// The file that the rows are in.
    fn file(&self) -> &Path {
        self.spooled.as_ref().map_or(self.path, NamedTempFile::path)
    }

    /// How messages call the source.
    fn place(&self) -> String {
        if self.spooled.is_some() { "standard input".into() } else { self.path.display().to_string() }
    }

    /// An error that says where it is; those of the readers do, with the file of a folder.
    fn placed(&self, error: anyhow::Error) -> anyhow::Error {
        let place = self.place();
        if let Some(file) = &self.spooled {
            let text = format!("{error:#}").replace(&file.path().display().to_string(), &place);
            return if text.starts_with(&place) { anyhow!(text) } else { anyhow!("{place}: {text}") };
        }
        if error.to_string().starts_with(&place) { error } else { error.context(place) }
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
        let Self { columns, window, schema, ref options, .. } = *self;
        let path = self.file();
        if let Some(label) = self.label.filter(|_| options.skip != [0, 0]) {
            let name = printable(&label.name);
            bail!("`{name}` says which rows are usual: leave --skip-columns and --skip-last-columns out");
        }
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
                Some(rows) if window.is_none() => {
                    let turned = pictures::turned(rows.row_shape(), &self.tensor.row_shape);
                    let may_be_missing =
                        schema.is_some_and(|schema| schema.columns().iter().any(bundle::Column::may_be_missing));
                    Ok(Box::new(ArrayRows::new(rows, may_be_missing, turned)))
                }
                _ => self.tables_of_array(),
            };
        }
        let is_small = || fs::metadata(path).is_ok_and(|metadata| metadata.len() < SMALL);
        let is_plain = schema.is_none() && !start.starts_with(b"PAR1");
        if start.starts_with(b"PK") || (is_plain && path.is_file() && is_small()) {
            return self.whole();
        }
        match Tables::open(path, options)? {
            Some(Ok(tables)) => self.of_tables(tables),
            Some(Err(error)) if schema.is_some() => Err(error.into()),
            // What is wrong with plain rows is told by the reader of whole files.
            _ => self.whole(),
        }
    }

    fn of_tables(&self, tables: Tables) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { columns, window, schema, label, .. } = *self;
        let (path, usual) = (self.file(), || Usual::new(label, window.is_some()));
        let Some(schema) = schema else {
            return match PlainRows::new(tables, columns, false) {
                Some(rows) => Ok(Box::new(rows)),
                None => self.whole(),
            };
        };
        if let Some(window) = window
            && series::has_channels(schema, window.0[0], &tables.first)
        {
            return Ok(Box::new(Windows::new(schema, window, usual(), tables)?));
        }
        let has_all = |column: &bundle::Column| tables.first.position(&column.name).is_some();
        // Rows without names of which the last column is the label.
        let has_label = label.is_some_and(|label| tables.first.position(&label.name).is_some());
        if tables.first.has_header
            || path.is_dir()
            || tables.first.has_by_number(schema.columns())
            || (has_label && schema.columns().iter().all(has_all))
        {
            return Ok(Box::new(NamedRows::new(schema, usual(), tables)));
        }
        let needs_names =
            |column: &bundle::Column| column.since.is_some() || matches!(column.kind, ColumnKind::Category { .. });
        if schema.columns().iter().any(needs_names) {
            let first = printable(&schema.columns()[0].name);
            bail!(
                "expected the names of the columns on the first line, such as `{first}`, found none; `--header yes` takes the first line for names"
            );
        }
        match PlainRows::new(tables, columns, true) {
            Some(rows) => Ok(Box::new(rows)),
            None => self.whole(),
        }
    }

    /// The windows of an array of steps, rows of which some columns are not taken, or those of an array that cannot be read block
    /// by block.
    fn tables_of_array(&self) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { window, schema, label, ref options, .. } = *self;
        let usual = || Usual::new(label, window.is_some());
        if let Some(schema) = schema
            && let Some(Ok(tables)) = Tables::open(self.file(), options)?
        {
            if let Some(window) = window
                && series::has_channels(schema, window.0[0], &tables.first)
            {
                return Ok(Box::new(Windows::new(schema, window, usual(), tables)?));
            }
            if window.is_none() && tables.first.has_by_number(schema.columns()) {
                return Ok(Box::new(NamedRows::new(schema, usual(), tables)));
            }
        }
        self.whole()
    }

    fn whole(&self) -> Result<Box<dyn RowBlocks + '_>> {
        let Self { window, schema, label, ref options, .. } = *self;
        if let Some(label) = label {
            let name = printable(&label.name);
            say(&format!("{}: labels in `{name}` are not read here, so all rows are taken as usual", self.place()));
        }
        Ok(Box::new(Whole::read(self.file(), schema, window, options)?))
    }
}

/// The rows of a source, prepared for the network.
pub struct Prepared<'a> {
    source: &'a Source<'a>,
    blocks: Box<dyn RowBlocks + 'a>,
    preparer: Preparer<'a>,
}

impl Prepared<'_> {
    /// The next rows; none at the end.
    pub fn next(&mut self) -> Result<Option<Matrix>> {
        loop {
            let values = self.blocks.next().map_err(|error| self.source.placed(error))?;
            let Some(mut values) = values else { return Ok(None) };
            if values.is_empty() {
                continue;
            }
            self.preparer.prepare(&mut values).map_err(|error| self.source.placed(error))?;
            let columns = self.source.columns;
            return Ok(Some(Matrix::new(values.len() / columns.max(1), columns, values)?));
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
        let place = self.source.place();
        let note = |note: String| match note.split_once(": ") {
            // The reader of whole files names the file.
            Some((file, note)) if file == self.source.file().to_string_lossy() => format!("{place}: {note}"),
            _ => format!("{place}: {note}"),
        };
        notes.into_iter().flatten().map(note).collect()
    }
}

/// The rows of a folder of files of numbers.
pub fn folder(path: &Path, options: &rows::Options) -> Result<rows::Rows> {
    let place = || path.display().to_string();
    let tables = Tables::open(path, options)?.transpose()?.with_context(place)?;
    let columns = tables.first.columns.len();
    let Some(mut blocks) = PlainRows::new(tables, columns, false) else {
        bail!("{}: expected rows of numbers, found other columns or gaps", place());
    };
    let mut values = vec![];
    while let Some(block) = blocks.next().with_context(place)? {
        values.extend(block);
    }
    Ok(rows::Rows { columns, values, note: blocks.note().map(|note| format!("{}: {note}", place())) })
}

/// What comes on standard input, in a file: how rows are to be read is known when they have been looked at.
fn spooled() -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new().context("cannot make a file for what comes on standard input")?;
    copy(&mut stdin().lock(), &mut file).context("cannot read standard input")?;
    Ok(file)
}
