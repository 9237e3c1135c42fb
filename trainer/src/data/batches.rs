//! The batches of an epoch.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::dataset::Dataset;
use super::rest::Rest;
use super::samples::Samples;
use super::split::Split;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};

/// Rows that lie one behind the other, and are read together.
const CHUNK: usize = 1 << 10;
/// The most chunks that are shuffled into each other, and the most values in them.
const WINDOW: [usize; 2] = [1 << 6, 1 << 23];

/// The batches of an epoch: each row that trains once, in an order that the seed and the epoch give.
///
/// Rows in memory are shuffled all together. Where others lie in a file, chunks of rows are, and then the rows of some chunks together.
pub(crate) struct Batches<'a> {
    dataset: &'a Dataset,
    split: &'a Split,
    size: usize,
    rng: ChaCha8Rng,
    /// The chunks that are left, the next one last: those of the rows in memory have the lower numbers.
    chunks: Vec<u32>,
    /// The rows in hand, where they are not those of the data set.
    window: Option<Samples>,
    /// Their order, and how many of them were given.
    order: Vec<u32>,
    given: usize,
}

impl<'a> Batches<'a> {
    /// The batches of `size` rows of an epoch, from 1.
    pub(crate) fn new(dataset: &'a Dataset, split: &'a Split, size: usize, (seed, epoch): (u64, usize)) -> Self {
        let mut rng = stream(seed, Purpose::Shuffle, epoch as u32);
        let (mut chunks, mut order) = (vec![], vec![]);
        match &dataset.rest {
            Some(rest) => {
                let count = split.train.len().div_ceil(CHUNK) + rest.len().div_ceil(CHUNK);
                chunks.extend(0..count as u32);
                chunks.shuffle(&mut rng);
            }
            None => {
                order.clone_from(&split.train);
                order.shuffle(&mut rng);
            }
        }
        Self { dataset, split, size, rng, chunks, window: None, order, given: 0 }
    }

    /// How many batches there are in all.
    pub(crate) fn count(&self) -> usize {
        self.dataset.train_rows(self.split.train.len()).div_ceil(self.size)
    }

    /// The next batch: rows, and which of them; none when every row was given.
    pub(crate) fn next(&mut self) -> Result<Option<(&Samples, &[u32])>> {
        if let Some(rest) = &self.dataset.rest
            && self.order.len() - self.given < self.size
            && !self.chunks.is_empty()
        {
            self.fill(rest)?;
        }
        let begin = self.given;
        self.given = self.order.len().min(begin + self.size);
        let batch = &self.order[begin..self.given];
        Ok((!batch.is_empty()).then_some((self.window.as_ref().unwrap_or(&self.dataset.train), batch)))
    }

    /// Takes the rows of the next chunks in hand, behind those that are left.
    fn fill(&mut self, rest: &Rest) -> Result<()> {
        let train = &self.dataset.train;
        let Some(schema) = train.schema() else { return Err(Error::setting("table.stream", "expected a table")) };
        let mut raw: Vec<f32> = match &self.window {
            Some(window) => window.raw_rows(&self.order[self.given..]),
            None => vec![],
        };
        let left = raw.len() / schema.raw_len();
        let in_memory = self.split.train.len().div_ceil(CHUNK);
        let most = (WINDOW[1] / (CHUNK * schema.raw_len())).clamp(2, WINDOW[0]);
        // A batch may be larger than that.
        while let Some(chunk) = self.chunks.pop_if(|_| {
            let rows = raw.len() / schema.raw_len();
            rows < most * CHUNK || rows < self.size
        }) {
            let chunk = chunk as usize;
            let range = |first: usize, len: usize| first * CHUNK..len.min((first + 1) * CHUNK);
            if chunk < in_memory {
                raw.extend(train.raw_rows(&self.split.train[range(chunk, self.split.train.len())]));
            } else {
                rest.read(range(chunk - in_memory, rest.len()), &mut raw)?;
            }
        }
        let rows = raw.len() / schema.raw_len();
        // Those that are left were shuffled before.
        self.order = (0..rows as u32).collect();
        self.order[left..].shuffle(&mut self.rng);
        self.given = 0;
        self.window = Some(Samples::table(raw, vec![0; rows], schema.clone())?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataSource, Preparation, TableConfig, Validation};

    /// The rows' numbers in the order in which an epoch gives them.
    fn order(dataset: &Dataset, split: &Split, epoch: usize) -> Vec<usize> {
        let mut batches = Batches::new(dataset, split, 300, (1, epoch));
        let (mut order, mut steps) = (vec![], 0);
        let expected = batches.count();
        while let Some((samples, indices)) = batches.next().unwrap() {
            steps += 1;
            assert!(indices.len() == 300 || steps == expected, "{steps} of {expected}");
            order.extend(indices.iter().map(|&index| samples.raw_row(index as usize)[0] as usize));
        }
        assert_eq!(steps, expected);
        order
    }

    #[test]
    fn an_epoch_gives_each_row_that_trains_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        let rows: String = (0..300_000).map(|id| format!("{id},{}\n", id % 9)).collect();
        std::fs::write(&path, format!("id,size\n{rows}")).unwrap();
        let load = |stream: bool| {
            let table = TableConfig { stream, ..TableConfig::default() };
            let preparation = Preparation { table, ..Preparation::default() };
            Dataset::load_with(&DataSource::Path(path.clone()), &preparation).unwrap()
        };
        let dataset = load(true);
        dataset.store(dir.path()).unwrap();
        let split = Split::new(&dataset, Validation::Fraction(0.1), 1).unwrap();
        let first = order(&dataset, &split, 1);
        assert_eq!(first.len(), dataset.train_rows(split.train.len()));
        assert!(first.len() > 200_000 && first == order(&dataset, &split, 1) && first != order(&dataset, &split, 2));
        // Rows that validate or test are not among them, and no row is twice.
        let raw = |samples: &Samples, row: u32| samples.raw_row(row as usize)[0] as usize;
        let mut all = first.clone();
        all.extend(split.validation.iter().map(|&row| raw(&dataset.train, row)));
        all.extend((0..dataset.test.len() as u32).map(|row| raw(&dataset.test, row)));
        all.sort_unstable();
        assert!(all.into_iter().eq(0..300_000));
        // A batch has rows from all over the window: their mean is near that of a window of 65,536 rows or more.
        let far = first.chunks(300).filter(|batch| batch.iter().max().unwrap() - batch.iter().min().unwrap() > 100_000);
        assert!(far.count() * 10 > first.len() / 300 * 9);
        // Only the fingerprint knows of the others.
        assert_ne!(dataset.fingerprint(), load(false).fingerprint());
    }
}
