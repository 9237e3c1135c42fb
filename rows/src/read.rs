//! The rows of a file, whatever kind it is of.

use std::path::Path;

use anyhow::{Context, bail};

use crate::error::Result;
use crate::file::{content, is_npz, refuse_binary, split_array};
use crate::named::{Column, Columns};
use crate::options::Options;
use crate::table::Table;
use crate::{csv, npy, npz, parquet};

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// Values in a row.
    pub columns: usize,
    /// All values, row after row.
    pub values: Vec<f32>,
    /// How the file was understood, where it could have been understood otherwise.
    pub note: Option<String>,
}

/// Reads the rows in the file at `path`; `-` is standard input, and `FILE.npz#NAME` an array of an `.npz` file.
///
/// # Errors
///
/// When the file cannot be read, or does not hold such rows: the error names the place and what to do.
pub fn read(path: &Path, options: &Options) -> Result<Rows> {
    Ok(rows(path, options)?)
}

fn rows(path: &Path, options: &Options) -> anyhow::Result<Rows> {
    let (path, array) = split_array(path);
    let options = &Options { array: array.or_else(|| options.array.clone()), ..options.clone() };
    let bytes = content(&path)?;
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if (extension == "npy" || extension == "npz") && !is_npz(&bytes) && !bytes.starts_with(npy::MAGIC) {
        bail!("{}: not a .{} file, whatever its name says", path.display(), extension.display());
    }
    if bytes.starts_with(parquet::MAGIC) {
        return numbers(parquet::read(&path)?, &path, options);
    }
    let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    let (table, note) = parse(&bytes, options).with_context(|| name.clone())?;
    let note = note.map(|note| format!("{name}: {note}"));
    Ok(Rows { columns: table.columns, values: table.values, note })
}

/// The rows of a table whose columns are all numbers.
fn numbers(table: Columns, path: &Path, options: &Options) -> anyhow::Result<Rows> {
    let place = || path.display().to_string();
    let columns = table.columns.iter().zip(&table.names).map(|(column, name)| match column {
        Column::Numbers(numbers) => Ok(numbers),
        Column::Texts(_) => bail!("{}: column `{}`: expected numbers, found texts", place(), bundle::printable(name)),
    });
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    let values = (0..table.len()).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    let rows = Table { columns: columns.len(), values }.without(options.skip).with_context(place)?;
    rows.check(options).with_context(place)?;
    Ok(Rows { columns: rows.columns, values: rows.values, note: Some(format!("{}: {}", place(), table.note)) })
}

pub fn parse(bytes: &[u8], options: &Options) -> anyhow::Result<(Table, Option<String>)> {
    let npz = is_npz(bytes);
    if let (false, Some(array)) = (npz, &options.array) {
        bail!("expected an .npz file with the array `{array}`, found a file that is none");
    }
    let (table, note) = if npz {
        let (table, note) = npz::read(bytes, options)?;
        (table.without(options.skip)?, Some(note))
    } else if bytes.starts_with(npy::MAGIC) {
        (npy::read(bytes, options)?.without(options.skip)?, None)
    } else {
        refuse_binary(bytes)?;
        let (table, note) = csv::read(bytes, options)?;
        (table, Some(note))
    };
    table.check(options)?;
    Ok((table, note))
}
