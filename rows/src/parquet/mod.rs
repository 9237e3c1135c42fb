//! A table with named columns from Parquet: flat columns of numbers, truth values, texts and dates.

mod cells;
mod damage;
mod delta;
mod footer;
mod pages;
mod thrift;
mod unpack;
mod writer;

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bundle::{counted, printable};
use bytes::Bytes;
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;

use crate::named::Columns;
use crate::unpacked;
use cells::Cells;
pub use damage::MAGIC;
use damage::{NOT_WHOLE, damaged};
use pages::{Pages, Room};
pub use writer::ParquetWriter;

/// Values that any file may have, and how many more for each of its bytes: equal values take nearly none.
const FREE: u64 = 1 << 22;
const GROWTH: u64 = 16;

/// Reads a Parquet file.
pub fn read(path: &Path) -> Result<Columns> {
    let bytes = Bytes::from(crate::file::content(path)?);
    let read = || ParquetRows::open(bytes)?.take(usize::MAX)?.context("expected at least one row, found none");
    contained(read).with_context(|| path.display().to_string())
}

/// What `work` gives; the crate panics on some files that are damaged.
fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    CONTAINED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(false);
    done.unwrap_or_else(|_| bail!(NOT_WHOLE))
}

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread becomes an error here, so that a panic hook need not say anything.
pub fn is_contained() -> bool {
    CONTAINED.get()
}

/// The rows of a Parquet file, some at a time.
pub(crate) struct ParquetRows<R: ChunkReader + 'static> {
    source: Arc<R>,
    metadata: ParquetMetaData,
    room: Arc<Room>,
    names: Vec<String>,
    /// Rows in all, and those that were given.
    rows: usize,
    done: usize,
    /// The row group that is being read next, from 0.
    group: usize,
    /// Its columns, and how many of its rows are left.
    columns: Vec<ColumnReader>,
    left: usize,
}

impl ParquetRows<File> {
    /// Opens a file whose rows are read when they are wanted.
    pub(crate) fn open_file(path: &Path) -> Result<Self> {
        let file = bundle::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        contained(|| Self::open(file))
    }

    /// As [`Self::take`], of a file that may be damaged.
    pub(crate) fn next(&mut self, most: usize) -> Result<Option<Columns>> {
        contained(|| self.take(most))
    }

    /// Columns in a row, at least 1.
    pub(crate) fn columns(&self) -> usize {
        self.names.len().max(1)
    }

    /// The part of the rows that were given, in 0.0..=1.0.
    pub(crate) fn part(&self) -> f64 {
        self.done as f64 / self.rows.max(1) as f64
    }
}

impl<R: ChunkReader + 'static> ParquetRows<R> {
    fn open(source: R) -> Result<Self> {
        footer::check(&source)?;
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&source).map_err(|_| damaged())?;
        let rows = rows(&metadata, source.len())?;
        let (mut names, mut known) = (vec![], HashSet::new());
        for described in metadata.file_metadata().schema_descr_ptr().columns() {
            let name = described.path().string();
            if described.max_rep_level() > 0 || described.path().parts().len() > 1 {
                bail!(
                    "column `{}`: expected one value a row, found a nested type; flatten it, or write the file without it",
                    printable(&name)
                );
            }
            if !known.insert(name.clone()) {
                bail!("two columns have the same name, `{}`", printable(&name));
            }
            names.push(name);
        }
        let room = Room::new(unpacked::most(source.len()));
        Ok(Self { source: source.into(), metadata, room, names, rows, done: 0, group: 0, columns: vec![], left: 0 })
    }

    /// Opens the next row group.
    fn open_group(&mut self) -> Result<()> {
        let group = self.metadata.row_group(self.group);
        let rows = u64::try_from(group.num_rows())?;
        self.columns.clear();
        for (column, name) in group.columns().iter().zip(&self.names) {
            let pages = Pages::new(self.source.clone(), column, rows, self.room.clone())
                .map_err(|error| plain(name, &error))?;
            self.columns.push(get_column_reader(column.column_descr_ptr(), Box::new(pages)));
        }
        self.left = usize::try_from(rows)?;
        self.group += 1;
        Ok(())
    }

    /// The next rows, at most so many; none at the end.
    fn take(&mut self, most: usize) -> Result<Option<Columns>> {
        let schema = self.metadata.file_metadata().schema_descr_ptr();
        let mut cells: Vec<Cells> =
            schema.columns().iter().map(|column| Cells::new(column, self.room.clone())).collect();
        let mut count = 0;
        while count < most {
            if self.left == 0 {
                if self.group == self.metadata.num_row_groups() {
                    break;
                }
                self.open_group()?;
                continue;
            }
            let rows = self.left.min(most - count);
            for (place, (cells, column)) in cells.iter_mut().zip(&mut self.columns).enumerate() {
                let (name, optional) = (&self.names[place], schema.column(place).max_def_level() > 0);
                cells.read(column, rows, optional).map_err(|error| plain(name, &error))?;
                if cells.len() != count + rows {
                    bail!("column `{}`: expected {} values, found {}", printable(name), count + rows, cells.len());
                }
            }
            self.left -= rows;
            count += rows;
        }
        if count == 0 {
            return Ok(None);
        }
        let lines = (self.done + 1..=self.done + count).map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
        self.done += count;
        let (names, columns) = (self.names.clone(), cells.into_iter().map(Cells::finish).collect());
        let note = format!("{} of {} from Parquet", counted(self.rows, "row"), counted(names.len(), "column"));
        Ok(Some(Columns { names, columns, lines, unit: "row", shards: vec![], has_header: true, note }))
    }
}

/// The rows of a file, as it claims; refused where they are too many for its length.
fn rows(metadata: &ParquetMetaData, length: u64) -> Result<usize> {
    let rows = u64::try_from(metadata.file_metadata().num_rows()).map_err(|_| damaged())?;
    let groups = metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).ok());
    if groups.sum::<Option<u64>>() != Some(rows) {
        bail!(NOT_WHOLE);
    }
    let columns = metadata.file_metadata().schema_descr().num_columns() as u64;
    if rows.saturating_mul(columns.max(1)) > length.saturating_mul(GROWTH).saturating_add(FREE) {
        bail!(
            "{} of {} in a file of {length} bytes: that is refused, since files can be made to take all memory; if you trust it, write it as CSV or .npy",
            counted(usize::try_from(rows)?, "row"),
            counted(usize::try_from(columns)?, "column")
        );
    }
    Ok(usize::try_from(rows)?)
}

fn plain(column: &str, error: &ParquetError) -> anyhow::Error {
    let column = printable(column);
    match error {
        ParquetError::NYI(what) => anyhow::anyhow!("column `{column}`: {}", printable(what)),
        _ => anyhow::anyhow!("column `{column}`: {NOT_WHOLE}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::Compression;
    use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::named::Column;

    /// A file with columns of each kind: three rows, in two row groups.
    fn file(compression: Compression) -> Vec<u8> {
        let schema = "message rows { required double speed; optional int32 load; optional binary mode (STRING); required boolean on;
            required int32 day (DATE); required int64 price (DECIMAL(9, 2)); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties)).unwrap();
        for rows in [0..2, 2..3usize] {
            let mut group = writer.next_row_group().unwrap();
            let range = rows.clone();
            macro_rules! column {
                ($kind:ty, $values:expr, $levels:expr) => {
                    let mut column = group.next_column().unwrap().unwrap();
                    column.typed::<$kind>().write_batch(&$values[range.clone()], $levels, None).unwrap();
                    column.close().unwrap();
                };
            }
            let count = rows.len();
            column!(DoubleType, [1e6, 0.5, -3.], None);
            let first = rows.start == 0;
            let (loads, levels): (&[i32], &[i16]) = if first { (&[7], &[1, 0]) } else { (&[9], &[1]) };
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int32Type>().write_batch(loads, Some(levels), None).unwrap();
            column.close().unwrap();
            column!(ByteArrayType, ["slow", "fast", "slow"].map(ByteArray::from), Some(&vec![1; count]));
            column!(BoolType, [true, false, true], None);
            column!(Int32Type, [0, 19_358, -1], None);
            column!(Int64Type, [1250, -1, 0], None);
            group.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn columns(file: Vec<u8>) -> Result<Columns> {
        Ok(ParquetRows::open(Bytes::from(file))?.take(usize::MAX)?.unwrap())
    }

    #[test]
    fn rows_are_read_some_at_a_time() {
        for most in [1, 2, 3] {
            let mut rows = ParquetRows::open(Bytes::from(file(Compression::SNAPPY))).unwrap();
            let blocks: Vec<Columns> = std::iter::from_fn(|| rows.take(most).unwrap()).collect();
            assert_eq!(
                blocks.iter().map(Columns::len).collect::<Vec<_>>(),
                [[1, 1, 1].as_slice(), &[2, 1], &[3]][most - 1]
            );
            let last = blocks.last().unwrap();
            assert_eq!(last.place(last.len() - 1), "row 3");
            let speeds = blocks.iter().flat_map(|block| match &block.columns[0] {
                Column::Numbers(speeds) => speeds.clone(),
                Column::Texts(_) => panic!("speeds are numbers"),
            });
            assert_eq!(speeds.collect::<Vec<_>>(), [1e6, 0.5, -3.]);
        }
    }

    #[test]
    fn columns_of_each_kind_are_read() {
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
            let table = columns(file(compression)).unwrap();
            assert_eq!(table.names, ["speed", "load", "mode", "on", "day", "price"]);
            assert_eq!(table.columns[0], Column::Numbers(vec![1e6, 0.5, -3.]));
            let Column::Numbers(load) = &table.columns[1] else { panic!("{table:?}") };
            assert!(load[0] == 7. && load[1].is_nan() && load[2] == 9.);
            let Column::Texts(mode) = &table.columns[2] else { panic!("{table:?}") };
            assert_eq!((&mode.rows[..], &mode.values[1]), (&[0, 1, 0][..], &"fast".to_owned()));
            assert_eq!(table.columns[3], Column::Numbers(vec![1., 0., 1.]));
            let Column::Texts(day) = &table.columns[4] else { panic!("{table:?}") };
            assert_eq!(day.values, ["1970-01-01", "2023-01-01", "1969-12-31"]);
            assert_eq!(table.columns[5], Column::Numbers(vec![12.5, -0.01, 0.]));
            assert_eq!((table.place(2), &table.note[..]), ("row 3".into(), "3 rows of 6 columns from Parquet"));
        }
    }

    #[test]
    fn a_file_that_is_cut_or_damaged_is_an_error() {
        let whole = file(Compression::SNAPPY);
        let error = |bytes: Vec<u8>| columns(bytes).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error(whole[..whole.len() / 2].to_vec()), NOT_WHOLE);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.parquet");
        for place in (4..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            std::fs::write(&path, damaged).unwrap();
            // Whatever it says, it neither panics nor never ends.
            let _ = read(&path);
        }
    }
}
