//! The values of a Parquet column as cells.

use std::sync::Arc;

use bundle::date_of;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use super::pages::Room;
use crate::named::Column;
use crate::npy::half;
use crate::texts::TextsBuilder;

/// Seconds of a day.
const DAY: f64 = 86_400.;

/// How the values of a column are read.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    /// A decimal number with this many digits behind the point.
    Decimal(i32),
    Date,
    /// A point in time; of its unit, this many are a second.
    Time(i64),
    /// A whole number from 0 to 2^64.
    Unsigned,
    /// One from 0 to 2^32.
    UnsignedInt,
    /// Two bytes.
    HalfFloat,
    Text,
}

impl Kind {
    fn of(column: &ColumnDescriptor) -> Self {
        let scale = || Self::Decimal(column.type_scale());
        match column.logical_type_ref() {
            Some(LogicalType::Date) => return Self::Date,
            Some(LogicalType::Timestamp(timestamp)) => {
                return Self::Time(match timestamp.unit {
                    TimeUnit::MILLIS => 1000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                });
            }
            Some(LogicalType::Decimal(_)) => return scale(),
            Some(LogicalType::Float16) => return Self::HalfFloat,
            Some(LogicalType::Integer(integer)) if !integer.is_signed => {
                return if integer.bit_width == 64 { Self::Unsigned } else { Self::UnsignedInt };
            }
            _ => (),
        }
        match (column.converted_type(), column.physical_type()) {
            (ConvertedType::DATE, _) => Self::Date,
            (ConvertedType::TIMESTAMP_MILLIS, _) => Self::Time(1000),
            (ConvertedType::TIMESTAMP_MICROS, _) => Self::Time(1_000_000),
            (ConvertedType::DECIMAL, _) => scale(),
            (ConvertedType::UINT_64, _) => Self::Unsigned,
            (ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32, _) => Self::UnsignedInt,
            (_, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY) => Self::Text,
            _ => Self::Number,
        }
    }

    fn number(self, value: f64) -> f32 {
        match self {
            Self::Decimal(scale) => (value / 10f64.powi(scale)) as f32,
            _ => value as f32,
        }
    }

    /// A whole number that is a date or a time, as text.
    fn date(self, value: i64) -> Option<String> {
        match self {
            Self::Date => Some(date_of(value as f64 * DAY).split('T').next()?.to_owned()),
            Self::Time(unit) => Some(date_of(value.div_euclid(unit) as f64)),
            _ => None,
        }
    }
}

/// The values of a column so far.
pub(super) struct Cells {
    kind: Kind,
    numbers: Vec<f32>,
    texts: TextsBuilder,
    room: Arc<Room>,
    /// Why no further text is taken.
    refused: Option<ParquetError>,
}

impl Cells {
    pub(super) fn new(column: &ColumnDescriptor, room: Arc<Room>) -> Self {
        Self { kind: Kind::of(column), numbers: vec![], texts: TextsBuilder::new(), room, refused: None }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len().max(self.texts.len())
    }

    pub(super) fn finish(self) -> Column {
        if self.texts.len() == 0 { Column::Numbers(self.numbers) } else { Column::Texts(self.texts.finish(0, None)) }
    }

    pub(super) fn read(&mut self, column: &mut ColumnReader, rows: usize, optional: bool) -> Result<(), ParquetError> {
        let kind = self.kind;
        let read = match column {
            ColumnReader::BoolColumnReader(column) => {
                each(column, rows, optional, |value| self.number(value.map(|value| f32::from(u8::from(*value)))))
            }
            ColumnReader::Int32ColumnReader(column) => {
                each(column, rows, optional, |value| self.whole(value.map(|value| i64::from(*value))))
            }
            ColumnReader::Int64ColumnReader(column) => each(column, rows, optional, |value| self.whole(value.copied())),
            ColumnReader::FloatColumnReader(column) => {
                each(column, rows, optional, |value| self.number(value.copied()))
            }
            ColumnReader::DoubleColumnReader(column) => {
                each(column, rows, optional, |value| self.number(value.map(|value| *value as f32)))
            }
            ColumnReader::ByteArrayColumnReader(column) => {
                each(column, rows, optional, |value| self.bytes(kind, value.map(ByteArray::data)))
            }
            ColumnReader::FixedLenByteArrayColumnReader(column) => {
                each(column, rows, optional, |value| self.bytes(kind, value.map(|value| value.data())))
            }
            ColumnReader::Int96ColumnReader(_) => Err(ParquetError::NYI("the outdated type INT96 is not read".into())),
        };
        self.refused.take().map_or(read, Err)
    }

    fn number(&mut self, value: Option<f32>) {
        self.numbers.push(value.unwrap_or(f32::NAN));
    }

    fn whole(&mut self, value: Option<i64>) {
        match (self.kind, value) {
            (Kind::Date | Kind::Time(_), value) => {
                let text = value.and_then(|value| self.kind.date(value));
                self.text(text.as_deref().map(str::as_bytes));
            }
            (Kind::Unsigned, value) => self.number(value.map(|value| value as u64 as f32)),
            // 8, 16 or 32 bits in one of 32 with a sign.
            (Kind::UnsignedInt, value) => self.number(value.map(|value| value as u32 as f32)),
            (kind, value) => self.number(value.map(|value| kind.number(value as f64))),
        }
    }

    fn bytes(&mut self, kind: Kind, value: Option<&[u8]>) {
        if let Kind::HalfFloat = kind {
            let number = |bytes: &[u8]| bytes.first_chunk().map_or(f32::NAN, |bytes| half(u16::from_le_bytes(*bytes)));
            return self.number(value.map(number));
        }
        let Kind::Decimal(_) = kind else { return self.text(value) };
        // A whole number of any length, the highest byte first.
        let whole = |bytes: &[u8]| {
            let start = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1. } else { 0. };
            bytes.iter().fold(start, |number: f64, byte| number * 256. + f64::from(*byte))
        };
        self.number(value.map(|bytes| kind.number(whole(bytes))));
    }

    fn text(&mut self, value: Option<&[u8]>) {
        // The time that a text takes is that of its bytes.
        if self.refused.is_none() {
            self.refused = self.room.take_text(value.map_or(0, <[u8]>::len)).err();
        }
        let value = value.filter(|_| self.refused.is_none());
        self.texts.push(value.filter(|text| !text.is_empty()));
    }
}

/// Gives every value of a row group to `take`, or nothing where it is missing.
fn each<T: DataType>(
    column: &mut ColumnReaderImpl<T>,
    rows: usize,
    optional: bool,
    mut take: impl FnMut(Option<&T::T>),
) -> Result<(), ParquetError> {
    const BLOCK: usize = 1 << 14;
    let mut left = rows;
    let (mut values, mut levels) = (vec![], vec![]);
    while left > 0 {
        values.clear();
        levels.clear();
        let (read, ..) = column.read_records(left.min(BLOCK), optional.then_some(&mut levels), None, &mut values)?;
        if read == 0 {
            break;
        }
        let mut values = values.iter();
        match optional {
            false => values.for_each(|value| take(Some(value))),
            true => levels.iter().for_each(|level| take(if *level > 0 { values.next() } else { None })),
        }
        left -= read;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(Kind::Time(1000).date(86_400_000 + 3_661_000).unwrap(), "1970-01-02T01:01:01");
    }
}
