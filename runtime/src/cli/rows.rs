//! Rows in files: `.npy` and `.csv`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use npyz::{DType, NpyFile, TypeChar, WriterBuilder};
use runtime::Matrix;

/// The rows of `path`, every value divided by `divisor`.
pub fn read(path: &Path, divisor: f32) -> Result<Matrix> {
    let place = || path.display().to_string();
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (rows, columns, mut values) = match extension(path).as_str() {
        "npy" => read_npy(&bytes).with_context(place)?,
        "csv" => read_csv(&bytes).with_context(place)?,
        _ => bail!("{}: expected a file that ends in .npy or .csv", path.display()),
    };
    values.iter_mut().for_each(|value| *value /= divisor);
    if let Some(position) = values.iter().position(|value| !value.is_finite()) {
        let (row, column) = (position / columns + 1, position % columns + 1);
        bail!("{}: row {row}, column {column}: expected a finite number", path.display());
    }
    Ok(Matrix::new(rows, columns, values)?)
}

/// Writes `matrix` to `path`, or as CSV to standard output.
pub fn write(path: Option<&Path>, matrix: &Matrix) -> Result<()> {
    let Some(path) = path else { return write_csv(std::io::stdout().lock(), matrix) };
    let npy = match extension(path).as_str() {
        "npy" => true,
        "csv" => false,
        _ => bail!("{}: expected a file that ends in .npy or .csv", path.display()),
    };
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    if npy { write_npy(file, matrix) } else { write_csv(file, matrix) }
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

type Rows = (usize, usize, Vec<f32>);

fn read_npy(bytes: &[u8]) -> Result<Rows> {
    let file = NpyFile::new(bytes).context("not a .npy file, or not a whole one")?;
    if file.order() != npyz::Order::C {
        bail!("expected rows one after the other (C order), found Fortran order");
    }
    let shape: Vec<usize> = file.shape().iter().map(|&length| length as usize).collect();
    let Some((&rows, row)) = shape.split_first().filter(|(_, row)| !row.is_empty()) else {
        bail!("expected rows along the first of two or more axes, found shape {shape:?}");
    };
    let columns: usize = row.iter().product();
    let truncated = "cut short, or longer than its header says";
    let DType::Plain(dtype) = file.dtype() else { bail!("expected numbers, found a record type") };
    // A header of version 1 says its length in two bytes behind the magic number and the version, later ones in four.
    let header = match bytes[6] {
        1 => 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]])),
        _ => 12 + u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize,
    };
    if rows.checked_mul(columns).and_then(|count| count.checked_mul(dtype.size_field() as usize))
        != bytes.len().checked_sub(header)
    {
        bail!(truncated);
    }
    let values: Vec<f32> = match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Float, 4) => file.into_vec::<f32>().context(truncated)?,
        (TypeChar::Float, 8) => {
            file.into_vec::<f64>().context(truncated)?.into_iter().map(|value| value as f32).collect()
        }
        (TypeChar::Uint, 1) => file.into_vec::<u8>().context(truncated)?.into_iter().map(f32::from).collect(),
        _ => bail!("expected float32, float64 or uint8, found {dtype}"),
    };
    Ok((rows, columns, values))
}

fn read_csv(bytes: &[u8]) -> Result<Rows> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let (mut rows, mut columns, mut values, mut header) = (0, 0, Vec::new(), false);
    for record in reader.records() {
        let record = record?;
        let line = line_of(bytes, record.position().map_or(0, |position| position.byte() as usize));
        let first = rows == 0 && values.is_empty() && !header;
        let parsed: Result<Vec<f32>, usize> =
            record.iter().enumerate().map(|(column, field)| field.parse().map_err(|_| column)).collect();
        match parsed {
            // A first line without a single number is a header.
            Err(_) if first && record.iter().all(|field| field.parse::<f32>().is_err()) => header = true,
            Err(column) => bail!("line {line}, column {}: expected a number, found `{}`", column + 1, &record[column]),
            Ok(row) => {
                if rows > 0 && row.len() != columns {
                    bail!("line {line}: expected {columns} values as in the lines before, found {}", row.len());
                }
                columns = row.len();
                values.extend(row);
                rows += 1;
            }
        }
    }
    if rows == 0 {
        bail!("expected at least one row of numbers, found none");
    }
    Ok((rows, columns, values))
}

/// The line, from 1, of the first record at or behind byte `start`; blank lines are no records.
fn line_of(bytes: &[u8], start: usize) -> usize {
    let blank = bytes[start..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
    bytes[..start + blank].iter().filter(|&&byte| byte == b'\n').count() + 1
}

fn write_npy(file: File, matrix: &Matrix) -> Result<()> {
    let shape = [matrix.rows() as u64, matrix.columns() as u64];
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(BufWriter::new(file)).begin_nd()?;
    writer.extend(matrix.as_slice())?;
    Ok(writer.finish()?)
}

fn write_csv(output: impl Write, matrix: &Matrix) -> Result<()> {
    let mut output = BufWriter::new(output);
    for row in matrix.iter() {
        let fields: Vec<String> = row.iter().map(f32::to_string).collect();
        writeln!(output, "{}", fields.join(","))?;
    }
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_may_have_a_header_and_spaces() {
        assert_eq!(read_csv(b"a,b\n1, 2\n3,4.5\n").unwrap(), (2, 2, vec![1., 2., 3., 4.5]));
        assert_eq!(read_csv(b"1,2").unwrap(), (1, 2, vec![1., 2.]));
    }

    #[test]
    fn csv_mistakes_name_their_place() {
        let error = |text: &str| read_csv(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("1,2\n\n\n3,x\n"), "line 4, column 2: expected a number, found `x`");
        assert_eq!(error("1,2\n3,x\n"), "line 2, column 2: expected a number, found `x`");
        assert_eq!(error("1,2\n3\n"), "line 2: expected 2 values as in the lines before, found 1");
        assert_eq!(error("a,b\n"), "expected at least one row of numbers, found none");
        assert_eq!(error("a,2\n"), "line 1, column 1: expected a number, found `a`");
    }

    #[test]
    fn files_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let matrix = Matrix::new(2, 3, vec![0.1, 2., 3., -4e-7, 5., 1e9]).unwrap();
        for name in ["rows.npy", "rows.csv"] {
            let path = dir.path().join(name);
            write(Some(&path), &matrix).unwrap();
            assert_eq!(read(&path, 1.).unwrap(), matrix);
        }
        let path = dir.path().join("rows.npy");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert!(format!("{:#}", read(&path, 1.).unwrap_err()).contains("cut short"));
        fs::write(&path, [&bytes[..], &[0; 4]].concat()).unwrap();
        assert!(format!("{:#}", read(&path, 1.).unwrap_err()).contains("longer than its header says"));
    }

    #[test]
    fn values_that_are_no_numbers_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        fs::write(&path, "1,2\n3,nan\n").unwrap();
        let error = read(&path, 1.).unwrap_err().to_string();
        assert!(error.ends_with("row 2, column 2: expected a finite number"), "{error}");
    }
}
