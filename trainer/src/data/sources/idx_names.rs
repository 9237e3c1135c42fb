//! Which files of a folder are which part of a data set in IDX, by the names that MNIST, EMNIST and others are published under:
//! `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz`, `emnist-letters-test-images-idx3-ubyte.gz`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::diagnose::incomplete;
use crate::error::{Error, Result};

/// The one file that every data set has.
pub(super) const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";

/// The files of one data set.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) train_images: Option<PathBuf>,
    pub(super) train_labels: Option<PathBuf>,
    pub(super) test_images: Option<PathBuf>,
    pub(super) test_labels: Option<PathBuf>,
}

impl Files {
    fn part(&mut self, test: bool, labels: bool) -> &mut Option<PathBuf> {
        match (test, labels) {
            (false, false) => &mut self.train_images,
            (false, true) => &mut self.train_labels,
            (true, false) => &mut self.test_images,
            (true, true) => &mut self.test_labels,
        }
    }
}

/// What a file's name says.
struct Name<'a> {
    /// `emnist-letters`; nothing for MNIST's own names.
    family: &'a str,
    test: bool,
    labels: bool,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let stem = name.strip_suffix(".gz").unwrap_or(name);
        // QMNIST's labels are numbers, of which the first is the class.
        let suffixes = ["-idx3-ubyte", ".idx3-ubyte", "-idx1-ubyte", ".idx1-ubyte", "-idx2-int"];
        let stem = suffixes.iter().find_map(|suffix| stem.strip_suffix(suffix))?;
        let (stem, labels) = match stem.strip_suffix("-labels") {
            Some(stem) => (stem, true),
            None => (stem.strip_suffix("-images")?, false),
        };
        let parts = [("train", false), ("t10k", true), ("test", true)];
        let (family, test) = parts.iter().find_map(|&(part, test)| Some((stem.strip_suffix(part)?, test)))?;
        Some(Self { family: family.trim_end_matches('-'), test, labels })
    }
}

/// Whether there is a file with a name of IDX in `dir`.
pub(super) fn is_folder(dir: &Path) -> bool {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| Name::parse(&entry.file_name().to_string_lossy()).is_some())
}

/// The files of the data set in `dir`.
///
/// # Errors
///
/// When there are no training images, or several data sets.
pub(super) fn find(dir: &Path) -> Result<Files> {
    let entries = fs::read_dir(dir).map_err(|source| Error::io("read", dir, source))?;
    let mut names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into()).collect();
    // A raw file comes before its archive, a dash before a dot.
    names.sort_by_key(|name| (name.ends_with(".gz"), name.replace('.', "~")));
    let mut families: BTreeMap<&str, Files> = BTreeMap::new();
    for name in &names {
        let Some(Name { family, test, labels }) = Name::parse(name) else { continue };
        // Some archives put a file into a folder of its name.
        let place = [dir.join(name), dir.join(name).join(name)].into_iter().find(|path| path.is_file());
        let part = families.entry(family).or_default().part(test, labels);
        *part = part.take().or(place);
    }
    families.retain(|_, files| files.train_images.is_some());
    let several = || families.keys().filter(|family| !family.is_empty()).copied().collect::<Vec<_>>().join(", ");
    match families.len() {
        0 => Err(Error::file(dir, incomplete(dir, &[TRAIN_IMAGES]))),
        1 => Ok(families.pop_first().map(|(_, files)| files).unwrap_or_default()),
        _ if families.contains_key("") => Ok(families.remove("").unwrap_or_default()),
        _ => {
            let reason =
                format!("expected one data set in the folder, found {}; put each into one of its own", several());
            Err(Error::file(dir, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    fn found(files: &[&str]) -> [Option<String>; 4] {
        let dir = folder(files);
        let Files { train_images, train_labels, test_images, test_labels } = find(dir.path()).unwrap();
        let name = |path: PathBuf| path.strip_prefix(dir.path()).unwrap().display().to_string();
        [train_images, train_labels, test_images, test_labels].map(|path| path.map(name))
    }

    fn all(names: [&str; 4]) -> [Option<String>; 4] {
        names.map(|name| Some(name.to_owned()))
    }

    #[test]
    fn the_names_that_data_sets_are_published_under_are_found() {
        let mnist = [TRAIN_IMAGES, "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
        assert_eq!(found(&mnist), all(mnist));
        let debian = mnist.map(|name| format!("{name}.gz"));
        let debian = debian.each_ref().map(String::as_str);
        assert_eq!(found(&debian), all(debian));
        // Raw files before archives.
        assert_eq!(found(&[&mnist[..], &debian].concat()), all(mnist));
        let dotted = mnist.map(|name| name.replace("-idx", ".idx"));
        let dotted = dotted.each_ref().map(String::as_str);
        assert_eq!(found(&dotted), all(dotted));
        let emnist = [
            "emnist-letters-train-images-idx3-ubyte.gz",
            "emnist-letters-train-labels-idx1-ubyte.gz",
            "emnist-letters-test-images-idx3-ubyte.gz",
            "emnist-letters-test-labels-idx1-ubyte.gz",
        ];
        assert_eq!(found(&[&emnist[..], &["emnist-letters-mapping.txt"]].concat()), all(emnist));
        // As Kaggle unpacks its archive.
        let nested = mnist.map(|name| format!("{name}/{name}"));
        let nested = nested.each_ref().map(String::as_str);
        assert_eq!(found(&nested), all(nested));
    }

    #[test]
    fn training_images_are_enough_and_nothing_less() {
        assert_eq!(found(&[TRAIN_IMAGES]), [Some(TRAIN_IMAGES.to_owned()), None, None, None]);
        let error = |files: &[&str]| find(folder(files).path()).unwrap_err().to_string();
        assert!(error(&["t10k-images-idx3-ubyte"]).ends_with("missing: train-images-idx3-ubyte"));
        let error = error(&["emnist-digits-train-images-idx3-ubyte", "emnist-letters-train-images-idx3-ubyte"]);
        assert!(error.contains("found emnist-digits, emnist-letters; put each into one of its own"), "{error}");
    }
}
