//! Rows of numbers, or raw rows of a table, as Parquet.

use std::io::{Error, Result, Write};
use std::sync::Arc;

use bundle::{Column, ColumnKind, Schema, seconds_of};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// Values of a row group: its description at the end of the file is kept in memory until then.
const GROUP: usize = 1 << 21;

/// Writes rows as Parquet, in row groups of some 2 million values: numbers as 32-bit floats, categories as texts, dates as timestamps in
/// milliseconds. What is NaN is missing.
///
/// ```
/// let mut file = vec![];
/// let mut writer = rows::ParquetWriter::new(&mut file, None, 2)?;
/// writer.append(&[1., 2., 3., f32::NAN])?;
/// writer.finish()?;
/// assert!(file.starts_with(b"PAR1"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ParquetWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    /// Rows of the next row group.
    pending: Vec<f32>,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file of the columns of `schema`, or of `width` columns of numbers, `column 1` and so on.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(target: W, schema: Option<&Schema>, width: usize) -> Result<Self> {
        let number = |index: usize| Column::number(format!("column {}", index + 1), 0., 1.);
        let columns = schema.map_or_else(|| (0..width).map(number).collect(), |schema| schema.columns().to_vec());
        begin(target, columns).map_err(plain)
    }

    /// Appends rows, one behind the other.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn append(&mut self, values: &[f32]) -> Result<()> {
        self.pending.extend_from_slice(values);
        if self.pending.len() >= GROUP {
            write_group(self).map_err(plain)?;
        }
        Ok(())
    }

    /// Writes what stands at the end of the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        if !self.pending.is_empty() {
            write_group(&mut self).map_err(plain)?;
        }
        self.writer.close().map_err(plain)?;
        Ok(())
    }
}

/// The error of the system, where it was one.
fn plain(error: ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => inner.downcast().map_or_else(Error::other, |error| *error),
        error => Error::other(error),
    }
}

fn begin<W: Write + Send>(target: W, columns: Vec<Column>) -> std::result::Result<ParquetWriter<W>, ParquetError> {
    let field = |column: &Column| {
        let (physical, logical) = match (&column.kind, &column.since) {
            (ColumnKind::Category { .. }, _) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            (_, Some(_)) => (Physical::INT64, Some(LogicalType::timestamp(true, parquet::basic::TimeUnit::MILLIS))),
            _ => (Physical::FLOAT, None),
        };
        let field = Type::primitive_type_builder(&column.name, physical).with_repetition(Repetition::OPTIONAL);
        field.with_logical_type(logical).build().map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<std::result::Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("rows").with_fields(fields).build()?;
    // Statistics of pages would be kept until the end.
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let properties =
        properties.set_statistics_enabled(EnabledStatistics::Chunk).set_offset_index_disabled(true).build();
    let writer = SerializedFileWriter::new(target, Arc::new(schema), Arc::new(properties))?;
    Ok(ParquetWriter { writer, columns, pending: vec![] })
}

fn write_group<W: Write + Send>(writer: &mut ParquetWriter<W>) -> std::result::Result<(), ParquetError> {
    let ParquetWriter { writer, columns, pending: values } = writer;
    let mut group = writer.next_row_group()?;
    for (index, column) in columns.iter().enumerate() {
        let cells = || values.iter().copied().skip(index).step_by(columns.len());
        let levels: Vec<i16> = cells().map(|value| i16::from(!value.is_nan())).collect();
        let present = cells().filter(|value| !value.is_nan());
        let Some(mut output) = group.next_column()? else { break };
        match (&column.kind, &column.since) {
            (ColumnKind::Category { values }, _) => {
                let text = |value: f32| values.get(value as usize).map_or("other", String::as_str);
                let texts: Vec<ByteArray> = present.map(|value| ByteArray::from(text(value))).collect();
                output.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None)?;
            }
            (_, Some(since)) => {
                let start = seconds_of(since).unwrap_or_default();
                let times: Vec<i64> =
                    present.map(|value| ((start + f64::from(value)) * 1000.).round() as i64).collect();
                output.typed::<Int64Type>().write_batch(&times, Some(&levels), None)?;
            }
            _ => {
                let numbers: Vec<f32> = present.collect();
                output.typed::<FloatType>().write_batch(&numbers, Some(&levels), None)?;
            }
        }
        output.close()?;
    }
    group.close()?;
    values.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::{self, Columns};

    #[test]
    fn what_is_written_is_read_again() {
        let mode = Column::new("mode", ColumnKind::Category { values: vec!["slow".into(), "fast".into()] });
        let day = Column { since: Some("2026-01-05".into()), ..Column::number("day", 0., 1.) };
        let schema = Schema::new(vec![Column::number("load", 0., 1.), mode, day]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.parquet");
        let mut writer = ParquetWriter::new(std::fs::File::create(&path).unwrap(), Some(&schema), 3).unwrap();
        writer.append(&[1.5, 1., 86_400., f32::NAN, 2., 0.5]).unwrap();
        writer.append(&[-2., f32::NAN, f32::NAN]).unwrap();
        writer.finish().unwrap();
        let Columns { names, columns, .. } = crate::read_columns(&path, &crate::Options::default()).unwrap();
        assert_eq!(names, ["load", "mode", "day"]);
        let named::Column::Numbers(load) = &columns[0] else { panic!("{columns:?}") };
        assert!(load[0] == 1.5 && load[1].is_nan() && load[2] == -2.);
        let named::Column::Texts(mode) = &columns[1] else { panic!("{columns:?}") };
        assert_eq!([0, 1, 2].map(|row| mode.get(row)), [Some("fast"), Some("other"), None]);
        let named::Column::Texts(day) = &columns[2] else { panic!("{columns:?}") };
        assert_eq!(day.get(0), Some("2026-01-06T00:00:00"));
        assert!(day.dates.as_ref().is_some_and(|dates| dates[2].is_nan()));
    }
}
