//! Rows of another table, as a network takes them that was trained before.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bundle::{LabelColumn, Schema};
use rows::{Columns, Options, SeriesNumbers, missing_steps, raw_rows, window_starts};

use super::read::read_with;
use crate::data::samples::Samples;
use crate::data::table_config::TableConfig;
use crate::error::{Error, Result};

/// The rows of the table at `path`, whose columns are those of `train`. A row is usual if rows of `train` have its label, and all are where
/// the table has no column of labels. Usual rows have the label of the first training row, the others one that no training row has.
pub(in crate::data::sources) fn others(
    path: &Path,
    (train, schema): (&Samples, &Arc<Schema>),
    config: &TableConfig,
) -> Result<Samples> {
    let label = train.label_column.as_deref();
    let mut columns = read_with(path, labels_as_written(config.options(), label))?;
    let fail = |reason: String| Error::file(path, reason);
    let usual = usual(&columns, label);
    let known: HashSet<u8> = train.labels().iter().copied().collect();
    let [usual_label, other] =
        [train.labels()[0], (0..=u8::MAX).find(|label| !known.contains(label)).unwrap_or(u8::MAX)];
    let label = |row: usize| if usual[row] == Some(true) { usual_label } else { other };
    let Some(steps) = config.window else {
        // Rows without a label are neither usual nor unusual.
        let rows: Vec<u32> = (0..columns.len() as u32).filter(|&row| usual[row as usize].is_some()).collect();
        if rows.is_empty() {
            return Err(fail("expected rows with a label, found none".into()));
        }
        let raw = raw_rows(schema, &columns, &rows).map_err(|error| fail(error.to_string()))?;
        let labels = rows.iter().map(|&row| label(row as usize)).collect();
        return Samples::table(raw, labels, schema.clone());
    };
    let channels = Schema::new(schema.channels(steps)).map_err(|error| fail(error.to_string()))?;
    if !columns.has_header && columns.names.len() == channels.raw_len() {
        columns.names = channels.columns().iter().map(|column| column.name.clone()).collect();
    }
    let all: Vec<u32> = (0..columns.len() as u32).collect();
    let raw = raw_rows(&channels, &columns, &all).map_err(|error| fail(error.to_string()))?;
    let width = channels.raw_len();
    let numbers = SeriesNumbers::new(train.series_breaks()).of(&columns);
    let side = |row: usize| (columns.shard(row), numbers[row]);
    let starts = window_starts(&missing_steps(&raw, width), side, [steps, config.stride_of(steps)]);
    if starts.is_empty() {
        return Err(fail(format!(
            "expected at least one window of {steps} steps without a gap, found {} steps",
            columns.len()
        )));
    }
    // A window is unusual if one of its steps is.
    let of_window =
        |start: &usize| (*start..start + steps).find(|&row| usual[row] == Some(false)).map_or(usual_label, label);
    let labels = starts.iter().map(of_window).collect();
    let windows: Vec<&[f32]> = starts.iter().map(|start| &raw[start * width..(start + steps) * width]).collect();
    Samples::table(windows.concat(), labels, schema.clone())
}

/// With labels as they are written: those of another table may look like other things.
fn labels_as_written(options: Options, label: Option<&LabelColumn>) -> Options {
    Options { words: label.map(|label| label.name.clone()).into_iter().collect(), ..options }
}

/// For each row whether it is usual; nothing where it has no label.
fn usual(others: &Columns, label: Option<&LabelColumn>) -> Vec<Option<bool>> {
    let labelled = label.and_then(|label| Some((label, others.position(&label.name)?)));
    let Some((label, place)) = labelled else {
        return vec![Some(true); others.len()];
    };
    (0..others.len()).map(|row| label.is_usual(&others.columns[place].text(row))).collect()
}
