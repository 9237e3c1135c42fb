//! The rows of a table that are not in memory: all that were not drawn for its sample.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bundle::Schema;
use rows::{Blocks, Columns, Sample, raw_rows};

use super::labels::Labels;
use super::names::position;
use super::test_rows::test_rows;
use crate::data::table_config::{TableConfig, TestRows};
use crate::error::{Error, Result};

/// The rows of a table that are not in memory.
#[derive(Clone, Debug)]
pub(in crate::data) struct Streamed {
    path: PathBuf,
    sample: Sample,
    filter: Filter,
    pub(in crate::data) schema: Arc<Schema>,
}

impl Streamed {
    /// The rows of the table at `path` beside its sample, which was split as `config` says; `others` are test rows of a table of their own.
    pub(super) fn new(
        (path, others): (&Path, Option<&Columns>),
        sample: Sample,
        schema: Arc<Schema>,
        config: &TableConfig,
    ) -> Result<Self, String> {
        let filter = Filter::new((&sample.table, others), &sample.numbers, config)?;
        Ok(Self { path: path.to_owned(), sample, filter, schema })
    }

    /// All rows of the table, those of the sample among them.
    pub(in crate::data) fn rows_in_all(&self) -> u64 {
        self.sample.rows
    }

    /// Gives the raw rows that train to `take`, some at a time, in the order of the file.
    pub(in crate::data) fn for_each(&self, mut take: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let fail = |error: rows::Error| Error::Table(error.to_string());
        let mut before = 0;
        for block in Blocks::open(&self.path, &self.sample.options).map_err(fail)? {
            let block = block.map_err(fail)?;
            let keep = self.filter.of(&block).map_err(|reason| Error::file(&self.path, reason))?;
            let trains = |&row: &u32| {
                let number = before + u64::from(row);
                !self.sample.holds(number) && keep(row as usize, number)
            };
            let rows: Vec<u32> = (0..block.len() as u32).filter(trains).collect();
            let raw =
                raw_rows(&self.schema, &block, &rows).map_err(|error| Error::file(&self.path, error.to_string()))?;
            take(&raw)?;
            before += block.len() as u64;
        }
        Ok(())
    }
}

/// Which rows beside the sample train.
#[derive(Clone, Debug, Default)]
struct Filter {
    /// The column of the label, and the label of normal rows, where those alone train.
    normal: Option<(String, String)>,
    /// The column of the groups, and those that are held out.
    groups: Option<(String, HashSet<String>)>,
    /// The number of the first row that is too late.
    end: Option<u64>,
}

impl Filter {
    /// The rule by which the rows of `sample`, with these numbers, were split.
    fn new(
        (sample, others): (&Columns, Option<&Columns>),
        numbers: &[u64],
        config: &TableConfig,
    ) -> Result<Self, String> {
        let labels = Labels::find(sample, others, config)?;
        let normal = config.label.clone().zip(labels.normal_only(config).map(str::to_owned));
        let mut filter = Self { normal, ..Self::default() };
        if config.test.is_some() {
            return Ok(filter);
        }
        let held_out = || test_rows(sample, config).map(|(_, test)| test);
        match &config.split {
            TestRows::Random => {}
            TestRows::Time => filter.end = held_out()?.first().map(|&row| numbers[row as usize]),
            TestRows::Groups(name) => {
                let column = &sample.columns[position(sample, name)?];
                let groups = held_out()?.into_iter().map(|row| column.text(row as usize).into_owned()).collect();
                filter.groups = Some((name.clone(), groups));
            }
        }
        Ok(filter)
    }

    /// Whether a row of `block` trains, by its place there and its number among all rows.
    fn of<'a>(&'a self, block: &'a Columns) -> Result<impl Fn(usize, u64) -> bool + 'a, String> {
        let column = |name: &String| position(block, name).map(|place| &block.columns[place]);
        let normal = match &self.normal {
            Some((name, normal)) => Some((column(name)?, normal)),
            None => None,
        };
        let groups = match &self.groups {
            Some((name, held_out)) => Some((column(name)?, held_out)),
            None => None,
        };
        Ok(move |row: usize, number: u64| {
            normal.is_none_or(|(labels, normal)| labels.text(row) == normal.as_str())
                && groups.is_none_or(|(groups, held_out)| !held_out.contains(groups.text(row).as_ref()))
                && self.end.is_none_or(|end| number < end)
        })
    }
}
