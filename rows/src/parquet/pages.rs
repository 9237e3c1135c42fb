//! The pages of a column, whose claims are compared with what there is before anything is made of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::damage::damaged;
use super::delta::lengths;
use super::thrift::{Seen, walk};
use super::unpack::unpack;

/// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// Bytes in memory for each value of a dictionary.
const ENTRY: u64 = 40;
/// The longest header of a page: it may have the least and the greatest value in it.
const HEADER: usize = 16 << 20;
/// The longest page, unpacked: writers make them of a megabyte.
const MAX_PAGE: usize = 64 << 20;
/// How many times the bytes that a file may unpack to may be read as texts: a dictionary has each text once.
const TEXTS: u64 = 8;

/// What all pages of a file may unpack to, however often they are named.
#[derive(Debug)]
pub(super) struct Room {
    left: AtomicU64,
    texts: AtomicU64,
}

impl Room {
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(bytes), texts: AtomicU64::new(bytes.saturating_mul(TEXTS)) })
    }

    fn take(&self, bytes: u64) -> Result<()> {
        Self::take_from(&self.left, bytes)
    }

    /// Takes note of a text.
    pub(super) fn take_text(&self, bytes: usize) -> Result<()> {
        Self::take_from(&self.texts, bytes as u64)
    }

    fn take_from(left: &AtomicU64, bytes: u64) -> Result<()> {
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        let reason = "its pages unpack to far more than the file has; if you trust it, use CSV";
        taken.map(|_| ()).map_err(|_| ParquetError::NYI(reason.into()))
    }
}

/// The pages of one column in one row group.
pub(super) struct Pages<R> {
    source: Arc<R>,
    codec: Compression,
    place: u64,
    end: u64,
    /// Values that are still to come: one for each row.
    values: u64,
    /// Whether values can be missing.
    optional: bool,
    room: Arc<Room>,
}

/// What a page says of itself.
struct Header {
    kind: i64,
    unpacked: usize,
    packed: usize,
    values: u32,
    encoding: i32,
    levels: i32,
    nulls: u32,
    rows: u32,
    level_bytes: [u32; 2],
    is_packed: bool,
}

impl Header {
    /// Reads a header, and says how many bytes it has; nothing if it is cut or damaged.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut fields = [[None; 9]; 9];
        let mut is_packed = true;
        let length = walk(bytes, &mut |path, seen| match (path, seen) {
            (&[field @ 1..=3], Seen::Whole(value)) => fields[0][field as usize] = Some(value),
            (&[kind @ (5 | 7 | 8), field @ 1..=6], Seen::Whole(value)) => {
                fields[kind as usize][field as usize] = Some(value);
            }
            (&[8, 7], Seen::Truth(truth)) => is_packed = truth,
            _ => (),
        })?;
        let [_, kind, unpacked, packed, ..] = fields[0];
        let kind = kind?;
        let of = &fields[match kind {
            DICTIONARY => 7,
            DATA_V2 => 8,
            _ => 5,
        }];
        let count = |value: Option<i64>| u32::try_from(value.unwrap_or(0)).ok();
        let choice = |value: Option<i64>| i32::try_from(value.unwrap_or(0)).ok();
        let header = Self {
            kind,
            unpacked: count(unpacked)? as usize,
            packed: count(packed)? as usize,
            values: count(of[1])?,
            encoding: choice(of[if kind == DATA_V2 { 4 } else { 2 }])?,
            levels: choice(of[3])?,
            nulls: count(of[2])?,
            rows: count(of[3])?,
            level_bytes: [count(of[5])?, count(of[6])?],
            is_packed,
        };
        Some((header, length))
    }
}

impl<R: ChunkReader> Pages<R> {
    /// The pages of a column with `rows` values.
    pub(super) fn new(source: Arc<R>, column: &ColumnChunkMetaData, rows: u64, room: Arc<Room>) -> Result<Self> {
        if column.compression() == Compression::LZO {
            return Err(ParquetError::NYI("the outdated compression LZO is not read".into()));
        }
        let data = column.data_page_offset();
        // Some programs write an offset of zero where there is no dictionary.
        let start = column.dictionary_page_offset().filter(|&start| 0 < start && start < data).unwrap_or(data);
        let (start, length) = (u64::try_from(start)?, u64::try_from(column.compressed_size())?);
        let end = start.checked_add(length).filter(|&end| end <= source.len()).ok_or_else(damaged)?;
        let (codec, optional) = (column.compression(), column.column_descr().max_def_level() > 0);
        Ok(Self { source, codec, place: start, end, values: rows, optional, room })
    }

    /// The next header of a page with values.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut most = 1 << 10;
        while self.place < self.end {
            let length = usize::try_from(self.end - self.place)?.min(most);
            let bytes = self.source.get_bytes(self.place, length)?;
            let Some((header, length)) = Header::read(&bytes) else {
                if length < most || most >= HEADER {
                    return Err(damaged());
                }
                most *= 16;
                continue;
            };
            self.place += length as u64;
            if self.end - self.place < header.packed as u64 {
                return Err(damaged());
            }
            if matches!(header.kind, DATA | DICTIONARY | DATA_V2) {
                return Ok(Some(header));
            }
            self.place += header.packed as u64;
        }
        Ok(None)
    }

    /// The content of a page, as long as it says.
    fn content(&mut self, header: &Header) -> Result<Bytes> {
        let packed = self.source.get_bytes(self.place, header.packed)?;
        self.place += header.packed as u64;
        let length = header.unpacked;
        // The levels of the second kind of pages are never packed.
        let levels = header.level_bytes.iter().map(|&length| length as usize).sum::<usize>();
        let whole = self.codec == Compression::UNCOMPRESSED || header.kind == DATA_V2 && !header.is_packed;
        if levels > length || levels > packed.len() || whole && packed.len() != length {
            return Err(damaged());
        }
        if whole {
            return Ok(packed);
        }
        // The levels are not packed; what has no bytes is not always packed.
        let mut content = Vec::with_capacity(length);
        content.extend_from_slice(&packed[..levels]);
        if levels < length {
            unpack(self.codec, &packed[levels..], &mut content, length - levels)?;
        }
        Ok(content.into())
    }

    fn page(&mut self) -> Result<Option<Page>> {
        let Some(header) = self.header()? else { return Ok(None) };
        if header.unpacked > MAX_PAGE {
            return Err(ParquetError::NYI(format!(
                "a page of {} bytes is too long; at most {MAX_PAGE} are read",
                header.unpacked
            )));
        }
        self.room.take(header.unpacked as u64)?;
        let buf = self.content(&header)?;
        let encoding = encoding(header.encoding)?;
        if header.kind == DICTIONARY {
            // Each value has a byte at least. The dictionary stays until the last page.
            if header.values as usize > buf.len() {
                return Err(damaged());
            }
            self.room.take(u64::from(header.values) * ENTRY)?;
            return Ok(Some(Page::DictionaryPage { buf, num_values: header.values, encoding, is_sorted: false }));
        }
        self.values = self.values.checked_sub(u64::from(header.values)).ok_or_else(damaged)?;
        let assembled = self.assembled(&header, encoding, &buf).ok_or_else(damaged)?;
        self.room.take(assembled)?;
        let Header { values: num_values, nulls: num_nulls, rows: num_rows, level_bytes, .. } = header;
        Ok(Some(if header.kind == DATA {
            // There are no lists, so that nobody reads the levels of repetition.
            let [def_level_encoding, rep_level_encoding] = [levels(header.levels)?, Encoding::RLE];
            Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics: None }
        } else {
            let [def_levels_byte_len, rep_levels_byte_len] = level_bytes;
            let is_compressed = header.is_packed;
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics: None,
            }
        }))
    }

    /// Bytes of texts that are put together from parts of others, and of their lengths.
    fn assembled(&self, header: &Header, encoding: Encoding, content: &[u8]) -> Option<u64> {
        if !matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY) {
            return Some(0);
        }
        let levels = match header.kind {
            DATA_V2 => header.level_bytes.iter().map(|&length| length as usize).sum(),
            _ if self.optional => 4 + u32::from_le_bytes(*content.first_chunk()?) as usize,
            _ => 0,
        };
        let content = content.get(levels..)?;
        let values = u64::from(header.values);
        let first = lengths(content, values)?;
        // The lengths are kept as 32-bit numbers.
        let kept = 4 * first.count;
        match encoding {
            // Each text is the beginning of the one before it, and what follows.
            Encoding::DELTA_BYTE_ARRAY => {
                let second = lengths(&content[first.bytes..], values)?;
                first.sum.checked_add(second.sum)?.checked_add(kept + 4 * second.count)
            }
            _ => Some(kept),
        }
    }
}

fn encoding(number: i32) -> Result<Encoding> {
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(ParquetError::NYI(format!("encoding {number} is not read"))),
    })
}

/// How a page says which of its values are missing.
#[expect(deprecated, reason = "old files have it")]
fn levels(number: i32) -> Result<Encoding> {
    if number == 4 { Ok(Encoding::BIT_PACKED) } else { encoding(number) }
}

impl<R: ChunkReader> Iterator for Pages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.page().transpose()
    }
}

impl<R: ChunkReader> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(ParquetError::NYI("rows cannot be left out".into()))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(ParquetError::NYI("rows cannot be left out".into()))
    }
}
