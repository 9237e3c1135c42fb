//! Arrays of any number of axes, from `.npy` and `.npz`.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bundle::printable;

use crate::error::Result;
use crate::file::{content, is_npz, split_array};
use crate::numbers::Numbers;
use crate::{npy, npz};

/// An array, its last axis the fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The lengths of its axes, at least one.
    pub shape: Vec<usize>,
    /// As many numbers as the shape says.
    pub numbers: Numbers,
}

/// The arrays of a file. Their numbers are read when they are wanted.
#[derive(Debug)]
pub struct Arrays {
    path: PathBuf,
    arrays: Vec<npz::Array>,
    is_npz: bool,
}

impl Arrays {
    /// Opens a `.npy` or `.npz` file; of `FILE.npz#NAME` only the array of that name.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no arrays.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(open(path)?)
    }

    /// The names of the arrays; that of a `.npy` file is empty.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.iter().map(|array| array.name.as_str())
    }

    /// The shape of an array, and whether its numbers are unsigned bytes.
    pub fn shape(&self, name: &str) -> Option<(&[u64], bool)> {
        let found = self.arrays.iter().find(|array| array.name == name)?;
        Some((&found.shape, found.is_bytes))
    }

    /// Names and shapes, for messages.
    pub fn describe(&self) -> String {
        let describe = |array: &npz::Array| format!("`{}` {:?}", printable(&array.name), array.shape);
        self.arrays.iter().take(10).map(describe).collect::<Vec<_>>().join(", ")
    }

    /// Reads the array with this name.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not hold numbers.
    pub fn read(&self, name: &str) -> Result<Array> {
        Ok(read(self, name)?)
    }
}

/// The file of a path that may name an array behind a `#`.
///
/// ```
/// assert_eq!(rows::array_file("a.npz#x".as_ref()), std::path::Path::new("a.npz"));
/// ```
pub fn array_file(path: &Path) -> PathBuf {
    split_array(path).0
}

fn open(path: &Path) -> anyhow::Result<Arrays> {
    let (path, wanted) = split_array(path);
    let place = || path.display().to_string();
    let mut file = bundle::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut start = vec![];
    (&mut file).take(npz::HEADER_BYTES).read_to_end(&mut start).with_context(place)?;
    if start.starts_with(npy::MAGIC) {
        let (shape, is_bytes) = npy::shape(&start).unwrap_or_default();
        let array = npz::Array::npy(shape, is_bytes);
        return Ok(Arrays { path, arrays: vec![array], is_npz: false });
    }
    if !is_npz(&start) {
        let ending = path.extension().unwrap_or_default().display().to_string();
        bail!("{}: not a .{ending} file, whatever its name says", path.display());
    }
    let mut arrays = npz::list(BufReader::new(file)).with_context(place)?;
    if let Some(name) = wanted {
        if !arrays.iter().any(|array| array.name == name) {
            let arrays = Arrays { path, arrays, is_npz: true };
            bail!("{}: expected an array `{name}`, found {}", arrays.path.display(), arrays.describe());
        }
        arrays.retain(|array| array.name == name);
    }
    Ok(Arrays { path, arrays, is_npz: true })
}

fn read(arrays: &Arrays, name: &str) -> anyhow::Result<Array> {
    let path = arrays.path.display();
    let found = arrays.arrays.iter().find(|array| array.name == name);
    let found = found.with_context(|| format!("{path}: expected an array `{name}`, found {}", arrays.describe()))?;
    let place = || if name.is_empty() { path.to_string() } else { format!("{path}: array `{}`", printable(name)) };
    let content = if arrays.is_npz {
        let file = bundle::open(&arrays.path).with_context(|| format!("cannot read {path}"))?;
        npz::content(BufReader::new(file), found).with_context(place)?
    } else {
        content(&arrays.path)?
    };
    let (shape, numbers) = npy::read_array(&content).with_context(place)?;
    Ok(Array { shape, numbers })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A `.npy` file of bytes.
    fn bytes(shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        [npy::MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn an_array_keeps_its_axes_and_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        for (shape, expected) in [("(4,)", vec![4]), ("(2, 2, 1)", vec![2, 2, 1])] {
            fs::write(&path, bytes(shape, &[1, 2, 3, 4])).unwrap();
            let array = Arrays::open(&path).unwrap().read("").unwrap();
            assert_eq!(array, Array { shape: expected, numbers: Numbers::Bytes(vec![1, 2, 3, 4]) });
        }
        fs::write(&path, "1,2").unwrap();
        let error = Arrays::open(&path).unwrap_err().to_string();
        assert!(error.ends_with("x.npy: not a .npy file, whatever its name says"), "{error}");
    }
}
