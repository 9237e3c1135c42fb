//! One epoch, as a row of `metrics.csv`.

use std::path::Path;

use csv::StringRecord;
use serde::{Deserialize, Serialize};

use crate::config::MAX_EPOCHS;
use crate::error::{Error, Result};

/// One finished epoch, as `metrics.csv` keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the training rows, each measured before the step it took part in.
    pub train_loss: f64,
    /// Mean loss of the validation rows after the epoch: reconstruction and penalty.
    pub val_loss: f64,
    /// The learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// Seconds of the whole epoch, validation included.
    pub seconds: f64,
    /// Binary cross-entropy per element of the validation rows, in nats; nothing for values without bounds.
    pub val_bce: Option<f64>,
    /// Mean squared error per element of the validation rows.
    pub val_mse: f64,
    /// The part of `val_loss` that is not reconstruction: the penalty on the latent, or beta times the divergence.
    pub val_penalty: f64,
}

const COLUMNS: [&str; 8] =
    ["epoch", "train_loss", "val_loss", "learning_rate", "seconds", "val_bce", "val_mse", "val_penalty"];
/// The only one that may be empty.
const VAL_BCE: usize = 5;
/// The largest loss that a network of 32-bit floats can have.
const MAX_VALUE: f64 = f32::MAX as f64;
/// A file with [`MAX_EPOCHS`] rows is smaller.
const MAX_BYTES: u64 = 1 << 28;
const MAX_LINE: usize = 10_000;

/// The bytes of `metrics.csv`, which will be at `path`.
pub(super) fn record_bytes(path: &Path, records: &[EpochRecord]) -> Result<Vec<u8>> {
    let text = || -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        for record in records {
            let EpochRecord { epoch, train_loss, val_loss, learning_rate, seconds, .. } = record;
            let EpochRecord { val_bce, val_mse, val_penalty, .. } = record;
            let six = |value: &f64| format!("{value:.6}");
            let [train_loss, val_loss, val_mse, val_penalty] = [train_loss, val_loss, val_mse, val_penalty].map(six);
            let val_bce = val_bce.as_ref().map(six).unwrap_or_default();
            let [epoch, learning_rate, seconds] =
                [epoch.to_string(), learning_rate.to_string(), format!("{seconds:.3}")];
            writer.write_record([
                epoch,
                train_loss,
                val_loss,
                learning_rate,
                seconds,
                val_bce,
                val_mse,
                val_penalty,
            ])?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    };
    text().map_err(|error| Error::file(path, error.to_string()))
}

/// Reads `metrics.csv`: epochs from 1 on, in order, and finite values.
pub(super) fn read_records(path: &Path) -> Result<Vec<EpochRecord>> {
    let bytes = bundle::read_at_most(path, MAX_BYTES).map_err(|source| Error::io("read", path, source))?;
    if let Some(line) = bytes.split(|&byte| byte == b'\n').position(|line| line.len() > MAX_LINE) {
        return Err(Error::file(path, format!("line {}: expected at most {MAX_LINE} bytes, found more", line + 1)));
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..]);
    let broken = |error: csv::Error| Error::file(path, error.to_string());
    let at = |line: u64, reason: String| Error::file(path, format!("line {line}: {reason}"));
    if reader.headers().map_err(broken)? != COLUMNS[..] {
        return Err(at(1, format!("expected the columns {}", COLUMNS.join(","))));
    }
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let line = row.position().map_or(0, csv::Position::line);
        if records.len() == MAX_EPOCHS {
            return Err(at(line, format!("expected at most {MAX_EPOCHS} epochs, found more")));
        }
        records.push(parse(&row, records.len() + 1).map_err(|reason| at(line, reason))?);
    }
    Ok(records)
}

/// The record of `epoch`, or what is wrong with it.
fn parse(row: &StringRecord, epoch: usize) -> Result<EpochRecord, String> {
    if row.len() != COLUMNS.len() {
        return Err(format!("expected {} values, found {}", COLUMNS.len(), row.len()));
    }
    let mut values = [0.; COLUMNS.len()];
    let without_bce = row[VAL_BCE].is_empty();
    for (index, ((value, cell), column)) in values.iter_mut().zip(row).zip(COLUMNS).enumerate() {
        if index == VAL_BCE && without_bce {
            continue;
        }
        let found = || format!("{:?}", cell.chars().take(40).collect::<String>());
        *value = cell.parse().map_err(|_| format!("{column}: expected a number, found {}", found()))?;
        if !(-MAX_VALUE..=MAX_VALUE).contains(value) {
            return Err(format!("{column}: expected a finite number, found {}", found()));
        }
    }
    let [found, train_loss, val_loss, learning_rate, seconds, val_bce, val_mse, val_penalty] = values;
    let val_bce = (!without_bce).then_some(val_bce);
    if found != epoch as f64 {
        return Err(format!("epoch: expected {epoch}, found {found}"));
    }
    Ok(EpochRecord { epoch, train_loss, val_loss, learning_rate, seconds, val_bce, val_mse, val_penalty })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &str) -> Result<Vec<EpochRecord>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        std::fs::write(&path, format!("{}\n{rows}", COLUMNS.join(","))).unwrap();
        read_records(&path)
    }

    #[test]
    fn records_come_back_as_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        let record =
            |epoch| EpochRecord { epoch, val_loss: 0.25, learning_rate: 1e-7, seconds: 0.125, ..Default::default() };
        let records = [EpochRecord { val_bce: Some(0.5), ..record(1) }, record(2)];
        std::fs::write(&path, record_bytes(&path, &records).unwrap()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\n1,0.000000,0.250000,0.0000001,0.125,0.500000,0.000000,0.000000\n"), "{text}");
        assert!(text.ends_with("\n2,0.000000,0.250000,0.0000001,0.125,,0.000000,0.000000\n"), "{text}");
        assert_eq!(read_records(&path).unwrap(), records);
        std::fs::write(&path, record_bytes(&path, &[]).unwrap()).unwrap();
        assert_eq!(read_records(&path).unwrap(), []);
    }

    #[test]
    fn what_no_training_writes_is_refused_in_a_line_that_names_its_own() {
        let good = "1,1,1,1,1,1,1,1\n";
        for (rows, expected) in [
            ("1,1,1,1,1,1,1\n", "line 2: expected 8 values, found 7"),
            ("1,1,one,1,1,1,1,1\n", "line 2: val_loss: expected a number, found \"one\""),
            ("1,1,1,1,1,inf,1,1\n", "line 2: val_bce: expected a finite number, found \"inf\""),
            ("1,1,NaN,1,1,1,1,1\n", "line 2: val_loss: expected a finite number"),
            ("1,1e300,1,1,1,1,1,1\n", "line 2: train_loss: expected a finite number"),
            ("1000000000000,1,1,1,1,1,1,1\n", "line 2: epoch: expected 1, found 1000000000000"),
            (&[good, good].concat(), "line 3: epoch: expected 2, found 1"),
            (&["1,", &"\u{1b}".repeat(1000), ",1,1,1,1,1,1\n"].concat(), "\"\\u{1b}\\u{1b}"),
        ] {
            let error = read(rows).unwrap_err().to_string();
            assert!(error.contains("metrics.csv: line ") && error.contains(expected), "{error}");
            assert!(!error.contains(['\n', '\u{1b}']) && error.len() < 500, "{error}");
        }
        let other = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(other.path(), "epoch,loss\n1,2\n").unwrap();
        assert!(read_records(other.path()).unwrap_err().to_string().contains("line 1: expected the columns epoch,"));
    }
}
