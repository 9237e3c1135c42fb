//! MNIST and Fashion-MNIST: from a folder that the environment names, or through candle-datasets from the Hugging Face hub and its cache.

use std::path::Path;

use super::idx::load_dir;
use super::loaded::Loaded;
use crate::data::samples::Samples;
use crate::error::{Error, Result};

/// A data set that is published on the hub.
pub(super) struct Published {
    name: &'static str,
    /// The hub's repository.
    #[cfg_attr(not(feature = "hub"), expect(dead_code))]
    repository: &'static str,
    /// The folder of the two Parquet files there.
    #[cfg_attr(not(feature = "hub"), expect(dead_code))]
    parquet: &'static str,
    /// The environment variable that names a folder with its four IDX files.
    folder: &'static str,
    #[cfg(feature = "hub")]
    load: fn() -> candle_core::Result<candle_datasets::vision::Dataset>,
}

pub(super) const MNIST: Published = Published {
    name: "mnist",
    repository: "ylecun/mnist",
    parquet: "mnist",
    folder: "HOURGLASS_MNIST",
    #[cfg(feature = "hub")]
    load: candle_datasets::vision::mnist::load,
};

pub(super) const FASHION_MNIST: Published = Published {
    name: "fashion-mnist",
    repository: "zalando-datasets/fashion_mnist",
    parquet: "fashion_mnist",
    folder: "HOURGLASS_FASHION_MNIST",
    #[cfg(feature = "hub")]
    load: candle_datasets::vision::fashion_mnist::load,
};

impl Published {
    /// Training and test images: from a folder on this machine if its variable is set, else from the hub or its cache.
    pub(super) fn load(&self) -> Result<Loaded> {
        match std::env::var_os(self.folder).filter(|folder| !folder.is_empty()) {
            Some(folder) => self.load_folder(Path::new(&folder)),
            None => self.download().map(Loaded::from),
        }
    }

    /// The folder that the variable names, which a message about it names too.
    fn load_folder(&self, folder: &Path) -> Result<Loaded> {
        let variable = self.folder;
        if !folder.is_dir() {
            let found = if folder.exists() { "found a file" } else { "there is no such folder" };
            let reason = format!(
                "`${variable}` names this: expected a folder with the four IDX files of `{}`, {found}",
                self.name
            );
            return Err(Error::file(folder, reason));
        }
        load_dir(folder).map_err(|error| match error {
            Error::File { path, reason } => {
                Error::File { path, reason: format!("{reason} (`${variable}` names the folder)") }
            }
            error => error,
        })
    }

    #[cfg(feature = "hub")]
    fn download(&self) -> Result<(Samples, Samples)> {
        self.fetch()?;
        convert((self.load)().map_err(|error| self.unreachable(&error))?)
    }

    #[cfg(feature = "hub")]
    fn unreachable(&self, error: &dyn std::fmt::Display) -> Error {
        // The client's message names the same long address several times.
        let (text, repository) = (error.to_string(), self.repository);
        let line = text.lines().next().unwrap_or_default();
        self.error(format!("cannot get it from `{repository}` on the Hugging Face hub: {line:.120}"))
    }

    /// Downloads the two files into the cache, unless they are there, and compares each with its hash. candle-datasets does not, and never
    /// ends on a file whose pages are damaged.
    #[cfg(feature = "hub")]
    fn fetch(&self) -> Result<()> {
        let client = hf_hub::HFClientSync::new().map_err(|error| self.unreachable(&error))?;
        let (owner, name) = hf_hub::split_id(self.repository);
        let repository = client.dataset(owner, name);
        for part in ["train", "test"] {
            let file = format!("{}/{part}/0000.parquet", self.parquet);
            let download = repository.download_file().filename(&file).revision(REVISION);
            let path = match download.clone().local_files_only(true).send() {
                Err(hf_hub::HFError::LocalEntryNotFound { .. }) => download.send(),
                cached => cached,
            };
            check_hash(&path.map_err(|error| self.unreachable(&error))?)?;
        }
        Ok(())
    }

    #[cfg(not(feature = "hub"))]
    fn download(&self) -> Result<(Samples, Samples)> {
        let reason = "this program was built without the hub's client, which `cargo build --release --features \
                      hourglass-trainer/hub` includes";
        Err(self.error(reason.into()))
    }

    fn error(&self, reason: String) -> Error {
        Error::Hub { name: self.name, folder: self.folder, reason }
    }
}

/// Where the hub keeps the data sets that it converted to Parquet.
#[cfg(feature = "hub")]
const REVISION: &str = "refs/convert/parquet";

/// Compares a file of the hub's cache with its SHA-256, which is the name of the file that it leads to. What differs is removed.
#[cfg(feature = "hub")]
fn check_hash(path: &Path) -> Result<()> {
    let blob = path.canonicalize().map_err(|source| Error::io("read", path, source))?;
    let expected = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let mut hash = bundle::Digest::default();
    hash.update(std::fs::read(&blob).map_err(|source| Error::io("read", path, source))?);
    if hash.finish() == expected {
        return Ok(());
    }
    for place in [path, &blob] {
        std::fs::remove_file(place).map_err(|source| Error::io("remove", place, source))?;
    }
    Err(Error::file(
        path,
        "what the hub sent has another SHA-256 than it says; it is removed, so another try downloads it again",
    ))
}

#[cfg(feature = "hub")]
fn convert(dataset: candle_datasets::vision::Dataset) -> Result<(Samples, Samples)> {
    use candle_core::{DType, Tensor};

    let images = |pixels: &Tensor, labels: &Tensor| -> Result<Samples> {
        let side = pixels.dim(1)?.isqrt();
        // candle-datasets divides the bytes by 255; rounding gives them back.
        let pixels = (pixels * 255.)?.round()?.to_dtype(DType::U8)?.flatten_all()?.to_vec1::<u8>()?;
        Samples::new(pixels, labels.to_dtype(DType::U8)?.to_vec1::<u8>()?, [side, side], 255)
    };
    Ok((images(&dataset.train_images, &dataset.train_labels)?, images(&dataset.test_images, &dataset.test_labels)?))
}

#[cfg(all(test, feature = "hub"))]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn every_byte_survives_the_way_through_candle_datasets_floats() {
        let bytes: Vec<u8> = (0..=255).collect();
        let images = |rows: usize| {
            // As candle-datasets makes them: bytes to f32, divided by 255.
            let pixels = Tensor::from_vec(bytes.clone(), (rows, 256 / rows), &Device::Cpu).unwrap();
            let labels = Tensor::from_vec((0..rows as u8).collect::<Vec<_>>(), rows, &Device::Cpu).unwrap();
            ((pixels.to_dtype(candle_core::DType::F32).unwrap() / 255.).unwrap(), labels)
        };
        let ((train_images, train_labels), (test_images, test_labels)) = (images(4), images(4));
        let dataset =
            candle_datasets::vision::Dataset { train_images, train_labels, test_images, test_labels, labels: 10 };
        let (train, test) = convert(dataset).unwrap();
        assert_eq!((train.pixels(), train.size(), train.labels()), (&bytes[..], [8, 8], &[0, 1, 2, 3][..]));
        assert_eq!((test.len(), test.max_value()), (4, 255));
    }
}
