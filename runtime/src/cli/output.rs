//! Results as `.csv`, `.npy` or `.parquet`: a file is written beside its place and moved there when it is whole.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Stdout, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bundle::{Schema, Unfinished};
use rows::ParquetWriter;
use runtime::Matrix;

/// What failed where the result goes to standard output.
pub const STDOUT: &str = "cannot write to standard output";

/// Where a result goes.
#[derive(Debug)]
pub enum Output {
    /// As CSV.
    Stdout,
    File {
        path: PathBuf,
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Npy,
    Parquet,
}

impl Output {
    /// The place that `path` names, if something can be written there. Looked at before anything is computed.
    pub fn new(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Self::Stdout) };
        let name = path.display();
        if path.is_dir() {
            bail!("--out {name}: expected a file, found a folder");
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let format = match extension.as_str() {
            "npy" => Format::Npy,
            "csv" => Format::Csv,
            "parquet" | "pq" => Format::Parquet,
            // A device, for instance.
            _ if path.exists() && !path.is_file() => Format::Csv,
            _ => bail!("--out {name}: expected a file that ends in .csv, .npy or .parquet"),
        };
        let parent = folder(path);
        if !parent.is_dir() {
            let found = if parent.exists() { "which is no folder" } else { "which does not exist" };
            bail!("--out {name}: expected a file in a folder, found {}, {found}", parent.display());
        }
        Ok(Self::File { path: path.into(), format })
    }

    /// Whether the result would replace the file at `input`.
    pub fn replaces(&self, input: &Path) -> bool {
        let Self::File { path, .. } = self else { return false };
        matches!((path.canonicalize(), input.canonicalize()), (Ok(path), Ok(input)) if path == input)
    }

    /// Writes a result. As CSV, the raw rows of a table have a header, and words for categories.
    pub fn write(&self, matrix: &Matrix, schema: Option<&Schema>) -> Result<()> {
        let mut writer = self.start(schema)?;
        writer.append(matrix)?;
        writer.finish()
    }

    /// Starts to write a result whose rows come one block after the other.
    pub fn start<'a>(&self, schema: Option<&'a Schema>) -> Result<Writer<'a>> {
        let Self::File { path, format } = self else {
            return Writer::new((Box::new(io::stdout()), Format::Csv), schema, STDOUT.into(), None);
        };
        let failed = format!("cannot write {}", path.display());
        if path.exists() && !path.is_file() {
            let file = File::create(path).with_context(|| failed.clone())?;
            return Writer::new((Box::new(file), *format), schema, failed, None);
        }
        // A link stays one.
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let unfinished = Unfinished::new(&path).with_context(|| failed.clone())?;
        let file = unfinished.file().try_clone().with_context(|| failed.clone())?;
        Writer::new((Box::new(file), *format), schema, failed, Some(unfinished))
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A result that is being written. Until it is finished, nothing is in its place.
pub struct Writer<'a> {
    rows: Rows<'a>,
    /// What to say where something cannot be written.
    failed: String,
    unfinished: Option<Unfinished>,
}

enum Rows<'a> {
    Csv(BufWriter<Box<dyn Target>>),
    /// Raw rows of a table below their names.
    Table(Box<csv::Writer<Box<dyn Target>>>, &'a Schema),
    Npy {
        output: BufWriter<Box<dyn Target>>,
        rows: usize,
        columns: usize,
    },
    /// Opened by the first rows, which say how many columns there are.
    Parquet {
        target: Option<Box<dyn Target>>,
        writer: Option<Box<ParquetWriter<Box<dyn Target>>>>,
        schema: Option<&'a Schema>,
    },
}

/// What rows are written to.
trait Target: Write + Send {
    /// Writes once more what stands at the start.
    fn rewrite_start(&mut self, start: &[u8]) -> io::Result<()>;
}

impl Target for File {
    fn rewrite_start(&mut self, start: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(0))?;
        self.write_all(start)
    }
}

impl Target for Stdout {
    fn rewrite_start(&mut self, _start: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

impl<'a> Writer<'a> {
    fn new(
        (target, format): (Box<dyn Target>, Format),
        schema: Option<&'a Schema>,
        failed: String,
        unfinished: Option<Unfinished>,
    ) -> Result<Self> {
        let mut writer = Self { rows: Rows::new(target, format, schema), failed, unfinished };
        writer.rows.begin().with_context(|| writer.failed.clone())?;
        Ok(writer)
    }

    /// Writes these rows behind those before them.
    pub fn append(&mut self, matrix: &Matrix) -> Result<()> {
        self.rows.append(matrix).with_context(|| self.failed.clone())
    }

    /// Puts the whole result in its place.
    pub fn finish(mut self) -> Result<()> {
        self.rows.finish().with_context(|| self.failed.clone())?;
        match self.unfinished.take() {
            Some(unfinished) => unfinished.commit().with_context(|| self.failed.clone()),
            None => Ok(()),
        }
    }
}

impl<'a> Rows<'a> {
    fn new(target: Box<dyn Target>, format: Format, schema: Option<&'a Schema>) -> Self {
        match (format, schema) {
            (Format::Npy, _) => Self::Npy { output: BufWriter::new(target), rows: 0, columns: 0 },
            (Format::Parquet, _) => Self::Parquet { target: Some(target), writer: None, schema },
            (Format::Csv, None) => Self::Csv(BufWriter::new(target)),
            (Format::Csv, Some(schema)) => Self::Table(Box::new(csv::Writer::from_writer(target)), schema),
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(_) | Self::Parquet { .. } => Ok(()),
            Self::Table(output, schema) => {
                output.write_record(schema.columns().iter().map(|column| &column.name)).map_err(plain)
            }
            Self::Npy { output, .. } => output.write_all(&npy_header(0, 0)),
        }
    }

    fn append(&mut self, matrix: &Matrix) -> io::Result<()> {
        match self {
            Self::Csv(output) => {
                for row in matrix.iter() {
                    for (column, value) in row.iter().enumerate() {
                        let separator = if column == 0 { "" } else { "," };
                        write!(output, "{separator}{value}")?;
                    }
                    writeln!(output)?;
                }
            }
            Self::Table(output, schema) => {
                let mut text = String::new();
                for row in matrix.iter() {
                    for (value, column) in row.iter().zip(schema.columns()) {
                        text.clear();
                        column.write(*value, &mut text);
                        output.write_field(&text).map_err(plain)?;
                    }
                    output.write_record(None::<&[u8]>).map_err(plain)?;
                }
            }
            Self::Parquet { target, writer, schema } => {
                if let Some(target) = target.take() {
                    *writer = Some(Box::new(ParquetWriter::new(target, *schema, matrix.columns())?));
                }
                let written = writer.as_mut().map(|writer| writer.append(matrix.as_slice()));
                written.transpose()?;
            }
            Self::Npy { output, rows, columns } => {
                (*rows, *columns) = (*rows + matrix.rows(), matrix.columns());
                for value in matrix.as_slice() {
                    output.write_all(&value.to_le_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(output) => output.flush(),
            Self::Table(output, _) => output.flush(),
            Self::Parquet { writer, .. } => writer.take().map_or(Ok(()), |writer| writer.finish()),
            Self::Npy { output, rows, columns } => {
                output.flush()?;
                output.get_mut().rewrite_start(&npy_header(*rows, *columns))
            }
        }
    }
}

/// The header of an array of floats, always of the same length.
fn npy_header(rows: usize, columns: usize) -> Vec<u8> {
    const LEN: usize = 128;
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((LEN as u16 - 10).to_le_bytes());
    header.extend(text.as_bytes());
    header.resize(LEN - 1, b' ');
    header.push(b'\n');
    header
}

/// The operating system's own error, by which a pipe that was closed is known.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_place_where_nothing_can_be_written_is_refused_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for (path, expected) in [
            ("", "expected a file, found a folder"),
            ("rows.txt", "expected a file that ends in .csv, .npy or .parquet"),
            ("none/rows.csv", "which does not exist"),
            ("file/rows.csv", "which is no folder"),
        ] {
            let error = Output::new(Some(&dir.path().join(path))).unwrap_err().to_string();
            assert!(error.starts_with("--out ") && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_file_is_whole_or_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        let output = Output::new(Some(&path)).unwrap();
        for rows in 1..3 {
            output.write(&Matrix::new(rows, 1, vec![0.5; rows]).unwrap(), None).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "0.5\n".repeat(rows));
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }
}
