//! A table from CSV: rows with named columns.

mod kinds;
mod labels;
mod names;
mod scaling;
mod test_rows;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rows::{Columns, Options, raw_rows, read_columns};

use super::loaded::Loaded;
use crate::data::samples::Samples;
use crate::data::table_config::TableConfig;
use crate::error::{Error, Result};
use kinds::Kinds;
use labels::Labels;
use names::position;
use test_rows::test_rows;

/// The endings of files that are read as tables.
const ENDINGS: [&str; 3] = ["csv", "tsv", "txt"];

/// Whether this is a file that is read as a table.
pub(super) fn is_table(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    path.is_file() && name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Loads the table at `path`, and splits it into training and test rows.
pub(super) fn load(path: &Path, config: &TableConfig) -> Result<Loaded> {
    let table = read(path)?;
    let labels = Labels::find(&table, config).map_err(|reason| Error::file(path, reason))?;
    let place = |name: &String| position(&table, name).map_err(|reason| Error::file(path, reason));
    let left_out = config.drop.iter().chain(&config.label).map(place).collect::<Result<HashSet<usize>>>()?;
    let kinds = Kinds::find(&table, &left_out, config).map_err(|reason| Error::file(path, reason))?;

    let (mut train, mut test): (Vec<u32>, Vec<u32>) = match &config.test {
        Some(_) => ((0..table.len() as u32).collect(), Vec::new()),
        None => test_rows(&table, config).map_err(|reason| Error::file(path, reason))?,
    };
    let mut notes = vec![table.note.clone()];
    notes.extend(kinds.notes.iter().cloned());
    notes.extend(labels.keep_normal(config, &mut train, &mut test));
    if train.is_empty() {
        return Err(Error::file(path, "expected rows to train on, found none; `--train-on all` trains on every row"));
    }
    let schema = Arc::new(kinds.schema(&table, &train, config).map_err(|reason| Error::file(path, reason))?);
    notes.extend(kinds.remarks(&table, &schema, &train));
    let samples = |table: &Columns, labels: &Labels, rows: &[u32], path: &Path| {
        let raw = raw_rows(&schema, table, rows).map_err(|error| Error::file(path, error.to_string()))?;
        Samples::table(raw, labels.of(rows), schema.clone())
    };
    let training = samples(&table, &labels, &train, path)?;
    let testing = match &config.test {
        None => samples(&table, &labels, &test, path)?,
        Some(path) => {
            let others = read(path)?;
            let reason = |reason| Error::file(path, reason);
            let labels = labels.in_table(&others, config).map_err(reason)?;
            let all: Vec<u32> = (0..others.len() as u32).collect();
            samples(&others, &labels, &all, path)?
        }
    };
    notes.extend(repeated(&training, &testing));
    Ok(Loaded { train: training, test: testing, notes })
}

fn read(path: &Path) -> Result<Columns> {
    let table = read_columns(path, &Options::default()).map_err(|error| Error::Table(error.to_string()))?;
    if table.len() > u32::MAX as usize / 2 {
        return Err(Error::file(path, format!("expected at most {} rows, found {}", u32::MAX / 2, table.len())));
    }
    Ok(table)
}

/// How many test rows are equal to a training row.
fn repeated(train: &Samples, test: &Samples) -> Option<String> {
    let rows = |images: &Samples| -> Vec<Vec<u32>> {
        let Some((raw, schema)) = images.raw() else { return Vec::new() };
        raw.chunks_exact(schema.raw_len()).map(|row| row.iter().map(|value| value.to_bits()).collect()).collect()
    };
    let known: HashSet<Vec<u32>> = rows(train).into_iter().collect();
    let count = rows(test).iter().filter(|row| known.contains(*row)).count();
    (count > 0).then(|| format!("{count} of {} test rows are equal to a training row", test.len()))
}

#[cfg(test)]
mod tests;
