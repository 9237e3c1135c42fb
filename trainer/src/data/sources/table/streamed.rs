//! A table that is larger than memory: a sample of its rows is held, the others are read when they train.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bundle::{Schema, counted, printable};
use rows::{Blocks, Columns, NotANumber, Sample, raw_rows};

use super::kinds::not_a_number;
use super::labels::{Labels, text};
use super::names::position;
use super::test_rows::test_rows;
use super::{Table, is_table, read, split};
use crate::data::sources::loaded::Loaded;
use crate::data::table_config::{TableConfig, TestRows};
use crate::error::{Error, Result};

/// The most rows, and the most values, that are held in memory.
const SAMPLE: [usize; 2] = [1 << 17, 1 << 22];

/// Loads a sample of the table at `path`, which says how columns are scaled, validates and tests. The other rows only train.
pub(in crate::data::sources) fn load(path: &Path, config: &TableConfig) -> Result<Loaded> {
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
        Some(path) => Some(Table { columns: read(path, config)?, path }),
        None => None,
    };
    let table = Table { columns: sample.table.clone(), path };
    let mut loaded = split(&table, others.as_ref(), config)?;
    let (rows, held) = (sample.rows, table.columns.len());
    if rows > held as u64 {
        loaded.notes.push(format!(
            "{} drawn at random say how columns are scaled, validate and test; the others only train",
            counted(held, "row")
        ));
        let filter =
            Filter::new(&table.columns, &sample.numbers, config).map_err(|reason| Error::file(path, reason))?;
        let (path, schema) = (path.to_owned(), loaded.train.schema().cloned());
        loaded.rest = schema.map(|schema| Streamed { path, sample, filter, schema });
    }
    Ok(loaded)
}

/// The rows of a table that are not in memory.
#[derive(Clone, Debug)]
pub(in crate::data) struct Streamed {
    path: PathBuf,
    sample: Sample,
    filter: Filter,
    pub(in crate::data) schema: Arc<Schema>,
}

impl Streamed {
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
    fn new(sample: &Columns, numbers: &[u64], config: &TableConfig) -> Result<Self, String> {
        let labels = Labels::find(sample, config)?;
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
                let groups = held_out()?.into_iter().map(|row| text(column, row as usize).into_owned()).collect();
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
            normal.is_none_or(|(labels, normal)| text(labels, row) == normal.as_str())
                && groups.is_none_or(|(groups, held_out)| !held_out.contains(text(groups, row).as_ref()))
                && self.end.is_none_or(|end| number < end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table_config::TrainOn;

    const ROWS: usize = 150_000;

    /// A table larger than a sample: the row's number, a plant of seven, and a fault in every tenth row.
    fn loaded(config: &TableConfig) -> (Loaded, Vec<f32>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plants.csv");
        let row = |i: usize| format!("{i},plant {},{}\n", i % 7, u8::from(i.is_multiple_of(10)));
        std::fs::write(&path, format!("id,plant,fault\n{}", (0..ROWS).map(row).collect::<String>())).unwrap();
        let loaded = load(&path, config).unwrap();
        let mut rest = vec![];
        let take = |raw: &[f32]| {
            rest.extend_from_slice(raw);
            Ok(())
        };
        loaded.rest.as_ref().unwrap().for_each(take).unwrap();
        (loaded, rest)
    }

    fn ids(samples: &crate::data::Samples) -> Vec<usize> {
        (0..samples.len()).map(|row| samples.raw_row(row)[0] as usize).collect()
    }

    #[test]
    fn every_row_is_in_the_sample_or_in_the_rest() {
        let config = TableConfig { drop: vec!["plant".into(), "fault".into()], ..TableConfig::default() };
        let (loaded, rest) = loaded(&config);
        let mut all = [ids(&loaded.train), ids(&loaded.test), rest.iter().map(|&id| id as usize).collect()].concat();
        assert_eq!((all.len(), loaded.train.len() + loaded.test.len()), (ROWS, SAMPLE[0]));
        all.sort_unstable();
        assert!(all.into_iter().eq(0..ROWS));
    }

    #[test]
    fn what_is_held_out_is_held_out_of_the_rest_too() {
        let usual = TableConfig { drop: vec!["plant".into(), "fault".into()], ..TableConfig::default() };
        let label = TableConfig { label: Some("fault".into()), drop: vec!["plant".into()], ..usual.clone() };
        let (normal, rest) = loaded(&label);
        assert!(rest.iter().all(|&id| !(id as usize).is_multiple_of(10)) && normal.test.labels().contains(&1));
        let (_, rest) = loaded(&TableConfig { train_on: Some(TrainOn::All), ..label });
        assert!(rest.iter().any(|&id| (id as usize).is_multiple_of(10)));

        let (time, rest) = loaded(&TableConfig { split: TestRows::Time, ..usual.clone() });
        let first = ids(&time.test)[0];
        assert!(rest.iter().all(|&id| (id as usize) < first), "{first}");

        let (groups, rest) = loaded(&TableConfig { split: TestRows::Groups("plant".into()), ..usual });
        let held_out: HashSet<usize> = ids(&groups.test).into_iter().map(|id| id % 7).collect();
        assert!(!held_out.is_empty() && rest.iter().all(|&id| !held_out.contains(&(id as usize % 7))));
    }
}
