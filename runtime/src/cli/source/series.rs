//! The windows of a series.

use std::sync::Arc;

use anyhow::{Result, bail};
use bundle::{SeriesBreaks, counted};
use rows::{Columns, Progress, WindowCutter};
use runtime::Schema;

use super::blocks::{RowBlocks, Tables};
use super::usual::Usual;

/// The windows of a series, whose steps are the rows of tables.
pub(super) struct Windows<'a> {
    tables: Box<dyn Iterator<Item = rows::Result<Columns>>>,
    progress: Arc<Progress>,
    cutter: WindowCutter,
    /// The names of the channels, for tables without names.
    channels: Vec<String>,
    /// Values in a window.
    columns: usize,
    window: [usize; 2],
    steps: usize,
    count: usize,
    usual: Usual<'a>,
}

/// Whether the rows of a table are steps: it has the channels by name, or as many columns without names.
pub(super) fn has_channels(schema: &Schema, steps: usize, table: &Columns) -> bool {
    let channels = schema.channels(steps);
    if table.has_header {
        return table.position(&channels[0].name).is_some();
    }
    table.names.len() == channels.len() || (table.names.len() != schema.raw_len() && table.has_by_number(&channels))
}

impl<'a> Windows<'a> {
    pub(super) fn new(
        schema: &Schema,
        (window, breaks): ([usize; 2], &SeriesBreaks),
        usual: Usual<'a>,
        tables: Tables,
    ) -> Result<Self> {
        let (tables, progress) = tables.all();
        Ok(Self {
            tables: Box::new(tables),
            progress,
            cutter: WindowCutter::new(schema, window)?.with_breaks(breaks.clone()),
            channels: schema.channels(window[0]).into_iter().map(|column| column.name).collect(),
            columns: schema.raw_len(),
            window,
            steps: 0,
            count: 0,
            usual,
        })
    }
}

impl RowBlocks for Windows<'_> {
    fn next(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(mut table) = self.tables.next().transpose()? else {
            self.usual.check()?;
            if self.count == 0 {
                bail!(
                    "expected at least one window of {} rows without a gap, found {} rows{}",
                    self.window[0],
                    self.steps,
                    self.usual.note()
                );
            }
            return Ok(None);
        };
        if !table.has_header && table.names.len() == self.channels.len() {
            table.names.clone_from(&self.channels);
        }
        self.steps += table.len();
        let usual = self.usual.of(&table);
        let windows = self.cutter.cut_of(&table, |row| usual[row])?;
        self.count += windows.len() / self.columns;
        Ok(Some(windows))
    }

    fn part(&self) -> f64 {
        self.progress.part()
    }

    fn note(&self) -> Option<String> {
        let [steps, stride] = self.window;
        Some(format!("{} of {steps} rows, {stride} apart{}", counted(self.count, "window"), self.usual.note()))
    }
}
