//! Windows of a series: rows of a table that follow each other in time.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bundle::{Schema, SeriesBreaks, TimeColumn, counted};
use rows::{Column, Columns, SeriesNumbers, Texts, missing_steps, raw_rows, window_starts};

use super::Table;
use super::kinds::Kinds;
use super::labels::Labels;
use super::names::position;
use super::test_rows::{groups, test_rows};
use crate::data::samples::{Samples, Windows};
use crate::data::sources::loaded::Loaded;
use crate::data::table_config::{TableConfig, TestRows};
use crate::error::{Error, Result};

/// Cuts a table into windows of `steps` rows. A window never reaches over a gap, from one group or file to the next, or from the training
/// rows to the test rows, which are the last ones unless whole groups are held out.
pub(super) fn split(table: &Table, others: Option<&Table>, config: &TableConfig, steps: usize) -> Result<Loaded> {
    let Table { columns, path, .. } = table;
    let fail = |reason| Error::file(path, reason);
    if columns.len() < steps {
        let (rows, channels) = (columns.len(), columns.names.len());
        let turned = if channels > rows {
            "; a series has a row for each step: turn the array if its channels come first"
        } else {
            ""
        };
        return Err(fail(format!(
            "expected at least {steps} steps for a window, found {rows} of {channels} channels{turned}"
        )));
    }
    let labels = Labels::find(columns, others.map(|others| &others.columns), config).map_err(fail)?;
    let group = match &config.split {
        TestRows::Groups(name) => Some(position(columns, name).map_err(fail)?),
        _ => None,
    };
    let place = |name: &String| position(columns, name).map_err(fail);
    let named = config.drop.iter().chain(&config.label).map(place).collect::<Result<HashSet<usize>>>()?;
    let left_out: HashSet<usize> = named.into_iter().chain(group).collect();
    let mut kinds = Kinds::find(columns, &left_out, config).map_err(fail)?;
    kinds.expect_numbers(columns).map_err(fail)?;

    // Windows overlap: chosen at random, those for testing would share steps with those that train.
    let split = if group.is_some() { config.split.clone() } else { TestRows::Time };
    let (train, test) = match others {
        Some(_) => ((0..columns.len() as u32).collect(), Vec::new()),
        None => test_rows(columns, &TableConfig { split, ..config.clone() }).map_err(fail)?,
    };
    kinds.leave_out_repeats(columns, &train);
    let schema = Arc::new(kinds.schema(columns, &train, config).map_err(fail)?);
    let mut is_test = vec![false; columns.len()];
    test.iter().for_each(|&row| is_test[row as usize] = true);
    let breaks = breaks(columns, group);
    let group = group.map(|column| groups(columns, column));
    let numbers = SeriesNumbers::new(breaks.clone()).of(columns);
    let side = |row: usize| (is_test[row], group.as_ref().map(|groups| groups[row]), columns.shard(row), numbers[row]);
    let series = Series::new(columns, path, &schema)?;
    let stride = config.stride_of(steps);
    let starts = window_starts(&series.missing, side, [steps, stride]);
    let of_windows = labels.of_windows(&starts, steps);
    let (mut train, mut test): (Vec<u32>, Vec<u32>) =
        (0..starts.len() as u32).partition(|&window| !is_test[starts[window as usize]]);

    let channels = schema.columns().len();
    let (rows, all) = (counted(columns.len(), "step"), counted(starts.len(), "window"));
    let mut notes = vec![format!("{rows} of {}: {all} of {steps} steps, {stride} apart", counted(channels, "channel"))];
    notes.extend(series.gaps());
    if let Some(TimeColumn { name, step }) = &breaks.time {
        let jumps = numbers.last().map_or(0, |last| *last);
        let is_some = jumps > 0;
        let jumps = counted(jumps, "time");
        let name = bundle::printable(name);
        if is_some && breaks.group.is_none() {
            notes
                .push(format!("`{name}` jumps {jumps}, from steps of {step} s: a series begins anew behind each jump"));
        }
    }
    notes.extend(kinds.notes.iter().cloned());
    if others.is_none() && group.is_none() {
        notes.push("the last windows are for testing, since windows of one series are alike".into());
    }
    notes.extend(of_windows.keep_normal(config, &mut train, &mut test));
    let window = Arc::new(schema.windowed(steps).map_err(|error| fail(error.to_string()))?);
    let samples = |series: &Series, starts: Vec<usize>, labels: Vec<u8>, path: &Path| {
        if starts.is_empty() {
            let reason = "expected at least one window of training and one of test rows, found none; a shorter `--window` gives more";
            return Err(Error::file(path, reason));
        }
        Samples::windows(
            Windows { raw: series.raw.clone(), starts, steps, stride, breaks: breaks.clone() },
            labels,
            window.clone(),
        )
    };
    let chosen = |windows: &[u32]| windows.iter().map(|&window| starts[window as usize]).collect::<Vec<usize>>();
    let training = samples(&series, chosen(&train), of_windows.of(&train), path)?;
    let testing = match others {
        None => samples(&series, chosen(&test), of_windows.of(&test), path)?,
        Some(Table { columns, path, .. }) => {
            let series = Series::new(columns, path, &schema)?;
            let labels = labels.in_table(columns, config).map_err(|reason| Error::file(path, reason))?;
            let numbers = SeriesNumbers::new(breaks.clone()).of(columns);
            let side = |row: usize| (columns.shard(row), numbers[row]);
            let starts = window_starts(&series.missing, side, [steps, stride]);
            let of_windows = labels.of_windows(&starts, steps);
            let all: Vec<u32> = (0..starts.len() as u32).collect();
            samples(&series, starts, of_windows.of(&all), path)?
        }
    };
    let label = of_windows.column(config, &train);
    let [mut train, mut test] = [training, testing];
    (train.label_column, test.label_column) = (label.clone(), label);
    Ok(Loaded { train, test, notes, rest: None })
}

/// Where a series ends: where the column of groups changes, and where the first column of dates jumps.
fn breaks(columns: &Columns, group: Option<usize>) -> SeriesBreaks {
    let dates = columns.columns.iter().zip(&columns.names).find_map(|(column, name)| match column {
        Column::Texts(Texts { dates: Some(dates), .. }) => Some((name, dates)),
        _ => None,
    });
    SeriesBreaks {
        group: group.map(|column| columns.names[column].clone()),
        time: dates.and_then(|(name, dates)| TimeColumn::find(name, dates)),
    }
}

/// The steps of a table.
struct Series {
    /// `[steps, channels]`
    raw: Arc<Vec<f32>>,
    /// For each step whether all its values are missing.
    missing: Vec<bool>,
}

impl Series {
    fn new(columns: &Columns, path: &Path, schema: &Schema) -> Result<Self> {
        let all: Vec<u32> = (0..columns.len() as u32).collect();
        let raw = raw_rows(schema, columns, &all).map_err(|error| Error::file(path, error.to_string()))?;
        let missing = missing_steps(&raw, schema.raw_len());
        Ok(Self { raw: Arc::new(raw), missing })
    }

    /// Where steps are missing as a whole, says so.
    fn gaps(&self) -> Option<String> {
        let count = self.missing.iter().filter(|missing| **missing).count();
        (count > 0).then(|| format!("{count} steps without any value are gaps, over which no window reaches"))
    }
}
