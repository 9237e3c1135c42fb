//! Rows that only train and are not in memory: they lie in a file without a name until the program ends.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::sources::Streamed;
use crate::error::{Error, Result};

const VALUE: usize = size_of::<f32>();

/// Rows that only train and are not in memory.
#[derive(Debug)]
pub(crate) struct Rest {
    source: Streamed,
    stored: OnceLock<Stored>,
}

/// Raw rows, one behind the other.
#[derive(Debug)]
struct Stored {
    file: Mutex<File>,
    rows: usize,
}

impl Rest {
    pub(super) fn new(source: Streamed) -> Self {
        Self { source, stored: OnceLock::new() }
    }

    /// All rows that the source has.
    pub(super) fn rows_in_all(&self) -> u64 {
        self.source.rows_in_all()
    }

    /// The rows that were stored; none before.
    pub(super) fn len(&self) -> usize {
        self.stored.get().map_or(0, |stored| stored.rows)
    }

    /// The rows there are to store: the source is read once.
    pub(super) fn count(&self) -> Result<usize> {
        let (mut values, width) = (0, self.source.schema.raw_len());
        self.source.for_each(|raw| {
            values += raw.len();
            Ok(())
        })?;
        Ok(values / width)
    }

    /// Reads the source once, into a file without a name in the folder `dir`; nothing is left of it when the program ends.
    pub(super) fn store(&self, dir: &Path) -> Result<()> {
        if self.stored.get().is_some() {
            return Ok(());
        }
        let fail = |source| Error::io("write rows into", dir, source);
        let mut output = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(dir).map_err(fail)?);
        let (mut values, width) = (0, self.source.schema.raw_len());
        self.source.for_each(|raw| {
            values += raw.len();
            raw.iter().try_for_each(|value| output.write_all(&value.to_le_bytes())).map_err(fail)
        })?;
        let file = output.into_inner().map_err(|error| fail(error.into_error()))?;
        // Another call may have been faster, with the same rows.
        let _ = self.stored.set(Stored { file: Mutex::new(file), rows: values / width });
        Ok(())
    }

    /// Appends the raw rows in `range` to `raw`.
    pub(super) fn read(&self, range: Range<usize>, raw: &mut Vec<f32>) -> Result<()> {
        let Some(stored) = self.stored.get() else { return Ok(()) };
        let (first, rows, width) = (range.start, range.len(), self.source.schema.raw_len());
        let fail = |source| Error::io("read", Path::new("the rows that were set aside"), source);
        let mut file = stored.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start((first * width * VALUE) as u64)).map_err(fail)?;
        let mut bytes = vec![0; rows * width * VALUE];
        file.read_exact(&mut bytes).map_err(fail)?;
        let (values, _) = bytes.as_chunks::<VALUE>();
        raw.extend(values.iter().map(|value| f32::from_le_bytes(*value)));
        Ok(())
    }
}
