//! Where rows come from: one source, one file.

mod arrays;
mod diagnose;
mod digits;
mod hub;
mod idx;
mod idx_names;
mod loaded;
mod pictures;
mod series;
mod table;

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use bundle::Schema;
use serde::{Deserialize, Serialize};

pub(super) use loaded::Loaded;
pub(super) use table::Streamed;

use super::picture_config::Preparation;
use super::samples::Samples;
use super::table_config::TableConfig;
use crate::error::{Error, Result};

/// Where the images come from. Default: `digits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DataSource {
    /// The optical digits, 8 x 8 pixels, embedded in the program: 1,500 training and 297 test images.
    #[default]
    Digits,
    /// Generated time series, 64 steps of one value: sines, chirps and pulses like an electrocardiogram's, 3,000 and 600.
    Series,
    /// MNIST, 28 x 28 pixels, 60,000 and 10,000 images: the four files in the folder `$HOURGLASS_MNIST` if it is set, else from the
    /// Hugging Face hub.
    Mnist,
    /// Fashion-MNIST, of the same size: from the folder `$HOURGLASS_FASHION_MNIST` or the Hugging Face hub.
    FashionMnist,
    /// A table as CSV, gzipped or not; arrays as `.npy` or `.npz`; a folder of pictures; or a folder with IDX files, raw or gzipped, named as MNIST's or EMNIST's: images, labels if there are any, and test
    /// images; without those, a tenth of the rows is held out.
    Path(PathBuf),
}

impl DataSource {
    /// The sources that have a name.
    pub const NAMES: [&str; 4] = ["digits", "series", "mnist", "fashion-mnist"];

    /// Training and test rows.
    pub(super) fn load(&self, preparation: &Preparation) -> Result<Loaded> {
        let Preparation { table, pictures } = preparation;
        match self {
            Self::Path(path) if table.stream && path.exists() => table::load_streamed(path, table),
            Self::Digits => digits::load().map(Loaded::from),
            Self::Series => series::load().map(Loaded::from),
            Self::Mnist => hub::MNIST.load(),
            Self::FashionMnist => hub::FASHION_MNIST.load(),
            Self::Path(path) if table::is_table(path) => table::load(path, table),
            Self::Path(path) if arrays::content(path).is_some() => arrays::load(path, table),
            Self::Path(dir) if self.is_folder_of_pictures() => pictures::load(dir, pictures, table.test.as_deref()),
            Self::Path(dir) => idx::load_dir(dir),
        }
    }

    /// Its rows as a network takes them that was trained on the rows `train` of `own`, with these columns.
    pub(super) fn rows_like(
        &self,
        own: &Self,
        (train, schema): (&Samples, &Arc<Schema>),
        config: &TableConfig,
    ) -> Result<Samples> {
        match (own, self) {
            (Self::Path(_), Self::Path(path)) if path.exists() => table::others(path, (train, schema), config),
            (_, Self::Path(path)) if !path.exists() => Err(Error::file(path, "no such file")),
            (_, other) => Err(Error::setting("data", format!("expected a file of rows, found `{other}`"))),
        }
    }

    /// Whether it holds raw numbers, in columns or over time, and no pictures.
    pub fn is_table(&self) -> bool {
        let Self::Path(path) = self else { return false };
        table::is_table(path) || arrays::content(path) == Some(arrays::Content::Numbers)
    }

    /// Whether it holds pictures in a file of arrays or as files of their own.
    pub fn is_pictures(&self) -> bool {
        let Self::Path(path) = self else { return false };
        arrays::content(path) == Some(arrays::Content::Pictures) || self.is_folder_of_pictures()
    }

    /// Whether it has a name, or its path exists.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self, Self::Path(path) if !rows::array_file(path).exists())
    }

    pub(crate) fn is_folder_of_pictures(&self) -> bool {
        matches!(self, Self::Path(dir) if !idx_names::is_folder(dir) && pictures::is_folder(dir))
    }

    /// A name that can be part of a folder's name: `digits`, `mnist`, or the folder's own.
    pub fn name(&self) -> String {
        let Self::Path(dir) = self else { return self.to_string() };
        let dir = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        // A file's name counts without the ending.
        let is_file = table::is_table(&dir) || arrays::content(&dir).is_some();
        let stem = name.split('.').next().filter(|stem| is_file && !stem.is_empty());
        let name = stem.map_or(name.clone(), str::to_owned);
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
            Self::Path(dir) => write!(f, "{}", dir.display()),
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
            _ => Self::Path(text.into()),
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
