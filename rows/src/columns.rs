//! A table with named columns from any kind of file, or from a folder of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result as AnyResult, bail};

use crate::array::Arrays;
use crate::error::Result;
use crate::file::content;
use crate::named::{Columns, parse};
use crate::options::Options;
use crate::parquet;
use crate::shards::{joined, name, shards};

/// Reads a CSV file, gzipped or not, a Parquet file, or a folder of either or of `.npy` files, as a table with named columns.
///
/// # Errors
///
/// When the file cannot be read, has no rows, rows of different lengths or two columns of the same name: the error names
/// the line.
pub fn read_columns(path: &Path, options: &Options) -> Result<Columns> {
    if !path.is_dir() {
        return Ok(file(path, options)?);
    }
    let part = |path: &PathBuf| Ok((name(path), file(path, options)?));
    let parts: AnyResult<Vec<_>> = shards(path)?.iter().map(part).collect();
    Ok(joined(parts?).with_context(|| path.display().to_string())?)
}

fn file(path: &Path, options: &Options) -> AnyResult<Columns> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy")) {
        return array(path);
    }
    let bytes = content(path)?;
    if bytes.starts_with(parquet::MAGIC) {
        return parquet::read(path);
    }
    parse(&bytes, options).with_context(|| path.display().to_string())
}

fn array(path: &Path) -> AnyResult<Columns> {
    let array = Arrays::open(path)?.read("")?;
    let ([rows] | [rows, _]) = array.shape[..] else {
        bail!("{}: expected rows along the first of two axes, found {:?}", path.display(), array.shape);
    };
    let numbers = array.numbers.into_floats();
    Ok(Columns::from_numbers(&numbers, numbers.len() / rows.max(1), String::new()))
}
