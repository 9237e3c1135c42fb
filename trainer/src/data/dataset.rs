//! Training and test rows of one source.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bundle::Digest;

use super::picture_config::Preparation;
use super::rest::Rest;
use super::samples::Samples;
use super::sources::{DataSource, Loaded};
use crate::error::{Error, Result};

/// Training and test images of one size, with their labels.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The name of the source: `digits`, `mnist`, or the folder's own.
    pub name: String,
    /// Rows that training and validation share.
    pub train: Samples,
    /// Rows that training never sees.
    pub test: Samples,
    /// What was assumed of the source, a sentence each.
    pub notes: Vec<String>,
    /// Of a table that is streamed, the rows that only train; [`Self::train`] and [`Self::test`] are drawn from all others.
    pub(crate) rest: Option<Arc<Rest>>,
}

impl Dataset {
    /// Loads `source`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::File`] for a malformed IDX file, naming it; [`crate::Error::Hub`] when the hub cannot deliver,
    /// naming the two sources that need no network.
    pub fn load(source: &DataSource) -> Result<Self> {
        Self::load_with(source, &Preparation::default())
    }

    /// Loads `source`, prepared as `preparation` says.
    ///
    /// # Errors
    ///
    /// As [`Self::load`]; for a table, an error names the line and the column; for a picture, its file.
    pub fn load_with(source: &DataSource, preparation: &Preparation) -> Result<Self> {
        let Loaded { train, test, notes, rest } = source.load(preparation)?;
        let rest = rest.map(|source| Arc::new(Rest::new(source)));
        Ok(Self { name: source.name(), train, test, notes, rest })
    }

    /// Loads `source`, which a run was trained on: its folder may be elsewhere by now.
    ///
    /// # Errors
    ///
    /// As [`Dataset::load`]; where the folder is gone, the message says how to name the new place.
    pub fn load_again(source: &DataSource, preparation: &Preparation) -> Result<Self> {
        if let DataSource::Path(dir) = source
            && !dir.exists()
        {
            let reason = "the run was trained on the rows in this place, which is no longer there; if they have moved, add `--data \
                          NEWPLACE`";
            return Err(Error::file(dir, reason));
        }
        Self::load_with(source, preparation)
    }

    /// Reads the rows that are streamed into a file without a name in the folder `dir`, once; nothing is left of it when the program
    /// ends. Without this, [`crate::fit`] does it in the run's folder.
    ///
    /// # Errors
    ///
    /// When a row does not fit, naming its line, or the disk is full.
    pub fn store(&self, dir: &Path) -> Result<()> {
        self.rest.as_ref().map_or(Ok(()), |rest| rest.store(dir))
    }

    /// The rows that are streamed; none where all are in memory. Before [`Self::store`], they are read to be counted.
    ///
    /// # Errors
    ///
    /// As [`Self::store`].
    pub fn streamed_rows(&self) -> Result<usize> {
        match &self.rest {
            None => Ok(0),
            Some(rest) if rest.len() > 0 => Ok(rest.len()),
            Some(rest) => rest.count(),
        }
    }

    /// The rows that train, of which `in_memory` are in memory and the others stored.
    pub(crate) fn train_rows(&self, in_memory: usize) -> usize {
        in_memory + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// Whether there are test rows, none of which has a label that training rows have: nothing calibrates a score then.
    pub fn tests_unusual_rows_alone(&self) -> bool {
        let known: HashSet<&u8> = self.train.labels().iter().collect();
        !self.test.is_empty() && !self.test.labels().iter().any(|label| known.contains(label))
    }

    /// Height and width in pixels, with the channels before them where there are several.
    pub fn image_shape(&self) -> Vec<usize> {
        self.train.shape().image_dims()
    }

    /// SHA-256 over shapes, pixels and labels, in hexadecimal: equal for equal data, wherever it came from. Of rows that are streamed,
    /// their number alone.
    pub fn fingerprint(&self) -> String {
        let mut hash = Digest::default();
        for images in [&self.train, &self.test] {
            for number in
                [&[images.len()], &images.shape().image_dims()[..], &[usize::from(images.max_value())]].concat()
            {
                hash.update((number as u64).to_le_bytes());
            }
            hash.update(images.pixels());
            if let Some(schema) = images.schema() {
                for row in 0..images.len() {
                    images.raw_row(row).iter().for_each(|value| hash.update(value.to_le_bytes()));
                }
                hash.update(serde_json::to_vec(schema.as_ref()).expect("a schema is plain numbers and text"));
            }
            hash.update(images.labels());
        }
        if let Some(rest) = &self.rest {
            hash.update(rest.rows_in_all().to_le_bytes());
        }
        hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_digits_are_split_into_1500_and_297() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        assert_eq!((dataset.train.len(), dataset.test.len()), (1500, 297));
        assert_eq!(dataset.image_shape(), [8, 8]);
        assert_eq!(dataset.train.pixels().iter().max(), Some(&16));
        // The first row of the published file shows a zero.
        assert_eq!(dataset.train.row(0)[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
        assert_eq!(dataset.train.labels()[..4], [0, 1, 2, 3]);
    }

    #[test]
    fn every_label_occurs_in_the_held_out_digits() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        for label in 0..10 {
            assert!(dataset.test.labels().contains(&label));
        }
    }

    #[test]
    fn fingerprint_depends_on_every_pixel() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let mut pixels = dataset.test.pixels().to_vec();
        pixels[1000] ^= 1;
        let test = Samples::new(pixels, dataset.test.labels().to_vec(), [8, 8], 16).unwrap();
        assert_ne!(dataset.fingerprint(), Dataset { test, ..dataset.clone() }.fingerprint());
    }
}
