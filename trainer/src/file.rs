//! Files that are either whole or not there.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` beside `path` and moves them into place, so that a killed program leaves the old file or the new one.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    bundle::write_whole(path, bytes).map_err(|source| Error::io("write", path, source))
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    bundle::read(path).map_err(|source| Error::io("read", path, source))
}

/// Reads a whole text file of at most `most` bytes.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String> {
    let bytes = bundle::read_at_most(path, most).map_err(|source| Error::io("read", path, source))?;
    String::from_utf8(bytes).map_err(|_| Error::file(path, "expected text in UTF-8, found other bytes"))
}

/// Creates a folder and its parents.
pub(crate) fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::io("create", path, source))
}
