//! Results as `.csv` or `.npy`: a file is written beside its place and moved there when it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bundle::{ColumnKind, Schema};
use npyz::WriterBuilder;
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
            // A device, for instance.
            _ if path.exists() && !path.is_file() => Format::Csv,
            _ => bail!("--out {name}: expected a file that ends in .csv or .npy"),
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
        match self {
            Self::Stdout => write_csv(std::io::stdout().lock(), matrix, schema).context(STDOUT),
            Self::File { path, format } => {
                let failed = || format!("cannot write {}", path.display());
                if path.exists() && !path.is_file() {
                    return write(File::create(path).with_context(failed)?, *format, (matrix, schema))
                        .with_context(failed);
                }
                // A link stays one.
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let beside = folder(&path).join(format!(".{name}.{}", std::process::id()));
                let written =
                    File::create(&beside).map_err(Into::into).and_then(|file| write(file, *format, (matrix, schema)));
                let moved = written.and_then(|()| Ok(fs::rename(&beside, &path)?));
                if moved.is_err() {
                    // What was written of it is of no use.
                    let _ = fs::remove_file(&beside);
                }
                moved.with_context(failed)
            }
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write(file: File, format: Format, (matrix, schema): (&Matrix, Option<&Schema>)) -> Result<()> {
    match format {
        Format::Csv => write_csv(file, matrix, schema),
        Format::Npy => write_npy(file, matrix),
    }
}

fn write_npy(file: File, matrix: &Matrix) -> Result<()> {
    let shape = [matrix.rows() as u64, matrix.columns() as u64];
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(BufWriter::new(file)).begin_nd()?;
    writer.extend(matrix.as_slice())?;
    Ok(writer.finish()?)
}

fn write_csv(output: impl Write, matrix: &Matrix, schema: Option<&Schema>) -> Result<()> {
    let mut output = BufWriter::new(output);
    if let Some(schema) = schema {
        return write_table(output, matrix, schema);
    }
    for row in matrix.iter() {
        for (column, value) in row.iter().enumerate() {
            let separator = if column == 0 { "" } else { "," };
            write!(output, "{separator}{value}")?;
        }
        writeln!(output)?;
    }
    Ok(output.flush()?)
}

/// Raw rows of a table below their names.
fn write_table(output: impl Write, matrix: &Matrix, schema: &Schema) -> Result<()> {
    let mut output = csv::Writer::from_writer(output);
    output.write_record(schema.columns().iter().map(|column| &column.name)).map_err(plain)?;
    for row in matrix.iter() {
        let cell = |(value, column): (&f32, &bundle::Column)| match &column.kind {
            ColumnKind::Category { values } => values.get(*value as usize).cloned().unwrap_or("other".into()),
            _ => match &column.since {
                Some(since) => rows::date_of(rows::seconds_of(since).unwrap_or_default() + f64::from(*value)),
                None => value.to_string(),
            },
        };
        output.write_record(row.iter().zip(schema.columns()).map(cell)).map_err(plain)?;
    }
    Ok(output.flush()?)
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
    use super::*;

    #[test]
    fn a_place_where_nothing_can_be_written_is_refused_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for (path, expected) in [
            ("", "expected a file, found a folder"),
            ("rows.txt", "expected a file that ends in .csv or .npy"),
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
