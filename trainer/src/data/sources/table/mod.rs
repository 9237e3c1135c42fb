//! A table: rows with named columns.

mod dates;
mod kinds;
mod labels;
mod names;
mod others;
mod read;
mod remarks;
mod scaling;
mod streamed;
mod test_rows;
mod windows;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bundle::{counted, printable};
use rayon::prelude::*;
use rows::{Columns, NotANumber, Sample, raw_rows};

use super::loaded::Loaded;
use super::{diagnose, idx_names, pictures};
use crate::data::samples::Samples;
use crate::data::table_config::TableConfig;
use crate::error::{Error, Result};
use kinds::{Kinds, not_a_number};
use labels::Labels;
use names::position;
pub(super) use others::others;
use read::read;
pub(in crate::data) use streamed::Streamed;
use test_rows::test_rows;

/// The endings of files that are read as tables.
const ENDINGS: [&str; 5] = ["csv", "tsv", "txt", "parquet", "pq"];

/// The most rows, and the most values, that are held of a table that is streamed.
const SAMPLE: [usize; 2] = [1 << 17, 1 << 22];

/// Whether this is a file that is read as a table, or a folder of such files and neither of pictures nor of IDX files.
pub(super) fn is_table(path: &Path) -> bool {
    if path.is_dir() {
        return rows::is_shards(path)
            && !idx_names::is_folder(path)
            && !pictures::is_folder(path)
            && !diagnose::is_run(path);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    path.is_file() && name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Loads the table at `path`, and splits it into training and test rows.
pub(super) fn load(path: &Path, config: &TableConfig) -> Result<Loaded> {
    let table = Table { columns: read(path, config)?, path, is_sample: false };
    let others = match &config.test {
        Some(path) => Some(Table { columns: read(path, config)?, path, is_sample: false }),
        None => None,
    };
    split(&table, others.as_ref(), config)
}

/// Loads a sample of the table at `path`, which says how columns are scaled, validates and tests. The other rows only train.
pub(super) fn load_streamed(path: &Path, config: &TableConfig) -> Result<Loaded> {
    let is_array = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
    let reason = if config.window.is_some() {
        Some("rows are streamed, windows of a series are not; leave it out, or leave `--window` out")
    } else if !is_array && !is_table(path) {
        Some("CSV, Parquet and .npy files are streamed, and folders of them; leave it out to read all into memory")
    } else {
        None
    };
    if let Some(reason) = reason {
        return Err(Error::setting("table.stream", reason));
    }
    let most = |first: &Columns| SAMPLE[0].min(SAMPLE[1] / first.columns.len().max(1)).max(256);
    let sample = Sample::draw(path, most, &config.options()).map_err(|error| Error::Table(error.to_string()))?;
    let left_out = |column: &String| config.drop.contains(column) || config.label.as_ref() == Some(column);
    if let Some(NotANumber { column, place, text }) = sample.not_numbers.iter().find(|found| !left_out(&found.column)) {
        return Err(Error::file(path, not_a_number(place, &printable(column), text)));
    }
    let others = match &config.test {
        Some(path) => Some(Table { columns: read(path, config)?, path, is_sample: false }),
        None => None,
    };
    let is_sample = sample.rows > sample.table.len() as u64;
    let table = Table { columns: sample.table.clone(), path, is_sample };
    let mut loaded = split(&table, others.as_ref(), config)?;
    let (rows, held) = (sample.rows, table.columns.len());
    if rows > held as u64 {
        loaded.notes.push(format!(
            "{} drawn at random say how columns are scaled, validate and test; the others only train",
            counted(held, "row")
        ));
        if let Some(schema) = loaded.train.schema().cloned() {
            let others = others.as_ref().map(|others| &others.columns);
            let rest = Streamed::new((path, others), sample, schema, config);
            let rest = rest.map_err(|reason| Error::file(path, reason))?;
            loaded.rest = Some(rest);
        }
    }
    Ok(loaded)
}

/// A table, and the file that it comes from.
pub(super) struct Table<'a> {
    pub(super) columns: Columns,
    pub(super) path: &'a Path,
    /// Whether there are more rows, which may tell two columns apart that are alike here.
    pub(super) is_sample: bool,
}

/// Splits a table into training and test rows, unless those are in a table of their own.
pub(super) fn split(table: &Table, others: Option<&Table>, config: &TableConfig) -> Result<Loaded> {
    if let Some(steps) = config.window {
        return windows::split(table, others, config, steps);
    }
    let Table { columns: table, path, is_sample } = table;
    let of_test = others.map(|others| &others.columns);
    let labels = Labels::find(table, of_test, config).map_err(|reason| Error::file(path, reason))?;
    let place = |name: &String| position(table, name).map_err(|reason| Error::file(path, reason));
    let left_out = config.drop.iter().chain(&config.label).map(place).collect::<Result<HashSet<usize>>>()?;
    let mut kinds = Kinds::find(table, &left_out, config).map_err(|reason| Error::file(path, reason))?;

    let (mut train, mut test): (Vec<u32>, Vec<u32>) = match others {
        Some(_) => ((0..table.len() as u32).collect(), Vec::new()),
        None => test_rows(table, config).map_err(|reason| Error::file(path, reason))?,
    };
    let mut notes = vec![table.note.clone()];
    let of_labels = labels.keep_normal(config, &mut train, &mut test);
    if train.is_empty() {
        return Err(Error::file(path, "expected rows to train on, found none; `--train-on all` trains on every row"));
    }
    if !is_sample {
        kinds.leave_out_repeats(table, &train);
    }
    notes.extend(kinds.notes.iter().cloned());
    notes.extend(of_labels);
    let schema = Arc::new(kinds.schema(table, &train, config).map_err(|reason| Error::file(path, reason))?);
    notes.extend(kinds.remarks(table, &schema, &train));
    let samples = |table: &Columns, labels: &Labels, rows: &[u32], path: &Path| {
        let raw = raw_rows(&schema, table, rows).map_err(|error| Error::file(path, error.to_string()))?;
        Samples::table(raw, labels.of(rows), schema.clone())
    };
    let training = samples(table, &labels, &train, path)?;
    let testing = match others {
        None => samples(table, &labels, &test, path)?,
        Some(Table { columns, path, .. }) => {
            let labels = labels.in_table(columns, config).map_err(|reason| Error::file(path, reason))?;
            let all: Vec<u32> = (0..columns.len() as u32).filter(|&row| !labels.is_missing(row)).collect();
            samples(columns, &labels, &all, path)?
        }
    };
    notes.extend(repeated(&training, &testing));
    let label = labels.column(config, &train);
    let [mut train, mut test] = [training, testing];
    (train.label_column, test.label_column) = (label.clone(), label);
    Ok(Loaded { train, test, notes, rest: None })
}

/// How many test rows are equal to a training row, as far as 64 bits tell rows apart.
fn repeated(train: &Samples, test: &Samples) -> Option<String> {
    let digests = |samples: &Samples| -> Vec<u64> {
        (0..samples.len()).into_par_iter().filter_map(|row| samples.raw_digest(row)).collect()
    };
    let known: HashSet<u64> = digests(train).into_iter().collect();
    let count = digests(test).iter().filter(|row| known.contains(*row)).count();
    (count > 0).then(|| format!("{count} of {} test rows are equal to a training row", test.len()))
}

#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
