//! Images as bytes, their sources, and the split into training, validation and test rows.

mod digits;
mod hub;
mod idx;
mod images;
mod series;
mod split;

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use images::Images;
pub use split::Split;

use crate::Result;

/// Where the images come from. Default: `digits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DataSource {
    /// The optical digits, 8 x 8 pixels, embedded in the program: 1,500 training and 297 test images.
    #[default]
    Digits,
    /// Generated time series, 64 steps of one value: sines, chirps and pulses like an electrocardiogram's, 3,000 and 600.
    Series,
    /// MNIST from the Hugging Face hub, 28 x 28 pixels: 60,000 and 10,000 images.
    Mnist,
    /// Fashion-MNIST from the Hugging Face hub, 28 x 28 pixels: 60,000 and 10,000 images.
    FashionMnist,
    /// A folder with four IDX files, raw or gzipped, named as MNIST's.
    Dir(PathBuf),
}

impl DataSource {
    /// A name that can be part of a folder's name: `digits`, `mnist`, or the folder's own.
    pub fn name(&self) -> String {
        let Self::Dir(dir) = self else { return self.to_string() };
        let dir = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        if name.is_empty() { "data".into() } else { name }
    }
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits => f.write_str("digits"),
            Self::Series => f.write_str("series"),
            Self::Mnist => f.write_str("mnist"),
            Self::FashionMnist => f.write_str("fashion-mnist"),
            Self::Dir(dir) => write!(f, "{}", dir.display()),
        }
    }
}

impl From<String> for DataSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "digits" => Self::Digits,
            "series" => Self::Series,
            "mnist" => Self::Mnist,
            "fashion-mnist" => Self::FashionMnist,
            _ => Self::Dir(text.into()),
        }
    }
}

impl From<DataSource> for String {
    fn from(source: DataSource) -> Self {
        source.to_string()
    }
}

impl FromStr for DataSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

/// Training and test images of one size, with their labels.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The name of the source: `digits`, `mnist`, or the folder's own.
    pub name: String,
    /// Rows that training and validation share.
    pub train: Images,
    /// Rows that training never sees.
    pub test: Images,
}

impl Dataset {
    /// Loads `source`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::File`] for a malformed IDX file, naming it; [`crate::Error::Hub`] when the hub cannot deliver,
    /// naming the two sources that need no network.
    pub fn load(source: &DataSource) -> Result<Self> {
        let (train, test) = match source {
            DataSource::Digits => digits::load()?,
            DataSource::Series => series::load()?,
            DataSource::Mnist => hub::load_mnist()?,
            DataSource::FashionMnist => hub::load_fashion_mnist()?,
            DataSource::Dir(dir) => idx::load_dir(Path::new(dir))?,
        };
        Ok(Self { name: source.name(), train, test })
    }

    /// Height and width in pixels.
    pub fn image_shape(&self) -> [usize; 2] {
        self.train.shape()
    }

    /// SHA-256 over shapes, pixels and labels, in hexadecimal: equal for equal data, wherever it came from.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for images in [&self.train, &self.test] {
            let [height, width] = images.shape();
            for number in [images.len(), height, width, usize::from(images.white())] {
                hash.update((number as u64).to_le_bytes());
            }
            hash.update(images.pixels());
            hash.update(images.labels());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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
        let test = Images::new(pixels, dataset.test.labels().to_vec(), [8, 8], 16).unwrap();
        assert_ne!(dataset.fingerprint(), Dataset { test, ..dataset.clone() }.fingerprint());
    }
}
