//! Rows from elsewhere, as the network of a run takes them.

use super::dataset::Dataset;
use super::picture_config::Preparation;
use super::samples::Samples;
use super::sources::DataSource;
use crate::error::{Error, Result};

impl Dataset {
    /// All rows of `other`, as this data set has its rows, which come from `own`. Of a table, usual rows have a label that training rows have,
    /// and others have not.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or are not like the rows of this data set.
    pub(crate) fn rows_of(&self, [own, other]: [&DataSource; 2], preparation: &Preparation) -> Result<Vec<Samples>> {
        if let Some(schema) = self.train.schema() {
            return Ok(vec![other.rows_like(own, (&self.train, schema), &preparation.table)?]);
        }
        let mut preparation = preparation.clone();
        if let (DataSource::Path(path), true) = (other, own.is_folder_of_pictures() && other.is_folder_of_pictures()) {
            if let [_, height, width] = self.train.image()
                && height == width
            {
                preparation.pictures.size = Some(width);
            }
            // As test pictures of the run's own, whose classes have the same places.
            preparation.table.test = Some(path.clone());
            return Ok(vec![Self::load_with(own, &preparation)?.test]);
        }
        let Self { train, test, .. } = Self::load_with(other, &preparation)?;
        if (train.image(), train.max_value()) != (self.train.image(), self.train.max_value()) {
            let text = |samples: &Samples| {
                let [channels, height, width] = samples.image();
                format!("{channels} x {height} x {width} up to {}", samples.max_value())
            };
            let reason = format!("expected pictures of {}, found {}", text(&self.train), text(&train));
            return Err(Error::setting("data", reason));
        }
        Ok(vec![train, test])
    }
}
