//! Reads a table.

use std::path::Path;

use rows::{Columns, Options, read_columns};

use crate::data::table_config::TableConfig;
use crate::error::{Error, Result};

/// Reads the table at `path`.
pub(super) fn read(path: &Path, config: &TableConfig) -> Result<Columns> {
    read_with(path, config.options())
}

/// Reads the table at `path` with these options.
pub(super) fn read_with(path: &Path, options: Options) -> Result<Columns> {
    let table = read_columns(path, &options).map_err(|error| Error::Table(error.to_string()))?;
    if table.len() > u32::MAX as usize / 2 {
        return Err(Error::file(path, format!("expected at most {} rows, found {}", u32::MAX / 2, table.len())));
    }
    Ok(table)
}
