//! The rows of a `.npy` file of any size, block by block.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result as AnyResult, bail};

use crate::error::Result;
use crate::npy::Layout;

/// Bytes of a block, or a row.
const BLOCK: usize = 4 << 20;
/// The bytes in which a header ends.
const HEADER: u64 = 1 << 16;

/// The rows of a `.npy` file along its first axis, block by block; further axes are flattened.
///
/// ```
/// let path = std::env::temp_dir().join("rows-npy-rows-example.npy");
/// let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
/// let values = [1f32, 2., 3., 4., 5., 6.].map(f32::to_le_bytes).concat();
/// let start = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..]].concat();
/// std::fs::write(&path, [&start, header.as_bytes(), &values].concat())?;
/// let rows = rows::NpyRows::open(&path)?;
/// assert_eq!((rows.axes(), rows.columns()), (2, 3));
/// assert_eq!(rows.flatten().flatten().sum::<f32>(), 21.);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NpyRows {
    input: BufReader<File>,
    layout: Layout,
    done: usize,
}

impl NpyRows {
    /// Opens a file whose rows lie one behind the other.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, holds no numbers, or holds them column by column.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self::open_file(path).with_context(|| path.display().to_string())?)
    }

    pub(crate) fn open_file(path: &Path) -> AnyResult<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let mut file = bundle::open(path).with_context(cannot)?;
        let mut start = vec![];
        file.by_ref().take(HEADER).read_to_end(&mut start).with_context(cannot)?;
        let layout = Layout::read(&start)?;
        file.seek(SeekFrom::Start(layout.start)).with_context(cannot)?;
        Ok(Self { input: BufReader::new(file), layout, done: 0 })
    }

    /// The axes of the array.
    pub fn axes(&self) -> usize {
        self.layout.row_shape.len() + 1
    }

    /// The axes of a row.
    pub fn row_shape(&self) -> &[usize] {
        &self.layout.row_shape
    }

    /// All rows of the file.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// Values in a row.
    pub fn columns(&self) -> usize {
        self.layout.columns
    }

    /// The rows that were given.
    pub fn done(&self) -> usize {
        self.done
    }

    /// The part of the rows that were given, in 0.0..=1.0.
    pub fn part(&self) -> f64 {
        self.done as f64 / self.layout.rows.max(1) as f64
    }

    /// The values of the next rows; none at the end of the file.
    pub(crate) fn block(&mut self) -> AnyResult<Option<Vec<f32>>> {
        let &Layout { rows, row_bytes, .. } = &self.layout;
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
        self.done += count;
        if self.done == rows && self.input.by_ref().take(1).read_to_end(&mut vec![])? > 0 {
            bail!("longer than its header says: expected {rows} rows");
        }
        Ok(Some(self.layout.numbers(&bytes)?))
    }
}

impl Iterator for NpyRows {
    type Item = Result<Vec<f32>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.block().map_err(Into::into).transpose()
    }
}
