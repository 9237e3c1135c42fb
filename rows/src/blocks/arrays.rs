//! The rows of a `.npy` file, block by block.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::named::Columns;
use crate::npy::Layout;

/// Bytes of a block, or a row.
const BLOCK: usize = 4 << 20;
/// The bytes in which a header ends.
const HEADER: u64 = 1 << 16;

/// A `.npy` file of rows.
pub(super) struct ArrayBlocks {
    input: BufReader<File>,
    layout: Layout,
    done: usize,
}

impl ArrayBlocks {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(cannot)?;
        let mut start = vec![];
        file.by_ref().take(HEADER).read_to_end(&mut start).with_context(cannot)?;
        let layout = Layout::read(&start)?;
        file.seek(SeekFrom::Start(layout.start)).with_context(cannot)?;
        Ok(Self { input: BufReader::new(file), layout, done: 0 })
    }

    /// The next rows; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Columns>> {
        let Layout { rows, columns, row_bytes, .. } = self.layout;
        if self.done == rows {
            return Ok(None);
        }
        let count = (BLOCK / row_bytes.max(1)).clamp(1, rows - self.done);
        let mut bytes = vec![];
        self.input.by_ref().take((count * row_bytes) as u64).read_to_end(&mut bytes)?;
        if bytes.len() < count * row_bytes {
            let found = self.done + bytes.len() / row_bytes.max(1);
            bail!("cut short: its header says {rows} rows, found {found}");
        }
        let mut table = Columns::from_numbers(&self.layout.numbers(&bytes)?, columns, String::new());
        let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        table.lines = (self.done + 1..=self.done + count).map(line).collect();
        self.done += count;
        Ok(Some(table))
    }

    /// The part of the rows that were given, in 0.0..=1.0.
    pub(super) fn part(&self) -> f64 {
        self.done as f64 / self.layout.rows.max(1) as f64
    }
}
