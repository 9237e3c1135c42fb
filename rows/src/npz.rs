//! Rows from an array of `.npz`, which is a zip file of `.npy` files.

use std::io::{Cursor, Read, Seek};

use anyhow::{Context, Result, anyhow, bail};
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::npy;
use super::options::{Expected, Options};
use super::table::Table;
use super::unpacked::{Unpacked, buffer, is_beyond};

/// The most bytes that a header of an array is looked for in.
pub const HEADER_BYTES: u64 = 1 << 16;
const MAX_FILES: usize = 1000;
const NOT_WHOLE: &str = "not a whole .npz file: it is cut off or damaged";

/// Reads the array that is meant, and says in a line which one that is.
pub fn read(bytes: &[u8], options: &Options) -> Result<(Table, String)> {
    let mut archive = open(Cursor::new(bytes))?;
    let arrays = arrays(&mut archive)?;
    let array = choose(&arrays, options)?;
    let content = extract(&mut archive, array.index, None)?;
    let table = npy::read(&content, options).with_context(|| format!("array `{}`", bundle::printable(&array.name)))?;
    let note =
        format!("{} rows of {} values in its array `{}`", table.rows(), table.columns, bundle::printable(&array.name));
    Ok((table, note))
}

/// An array in the archive.
#[derive(Debug)]
pub struct Array {
    pub name: String,
    index: usize,
    pub shape: Vec<u64>,
    pub is_bytes: bool,
}

/// The arrays of an archive.
pub fn list(archive: impl Read + Seek) -> Result<Vec<Array>> {
    arrays(&mut open(archive)?)
}

/// The `.npy` file that one of its arrays is.
pub fn content(archive: impl Read + Seek, array: &Array) -> Result<Vec<u8>> {
    extract(&mut open(archive)?, array.index, None)
}

fn open<R: Read + Seek>(archive: R) -> Result<ZipArchive<R>> {
    ZipArchive::new(archive).map_err(|_| anyhow!(NOT_WHOLE))
}

impl Array {
    /// The only array of a `.npy` file, which has no name.
    pub fn npy(shape: Vec<u64>, is_bytes: bool) -> Self {
        Self { name: String::new(), index: 0, shape, is_bytes }
    }

    /// Values in a row.
    fn columns(&self) -> u64 {
        self.shape.iter().skip(1).product()
    }
}

fn arrays(archive: &mut ZipArchive<impl Read + Seek>) -> Result<Vec<Array>> {
    let mut arrays = vec![];
    let mut others = vec![];
    if archive.len() > MAX_FILES {
        bail!("expected at most {MAX_FILES} arrays, found {}", archive.len());
    }
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|_| anyhow!(NOT_WHOLE))?.name_raw().to_vec();
        let file = String::from_utf8_lossy(&file).into_owned();
        match file.strip_suffix(".npy") {
            Some(name) => {
                let (shape, is_bytes) = npy::shape(&extract(archive, index, Some(HEADER_BYTES))?).unwrap_or_default();
                arrays.push(Array { name: name.into(), index, shape, is_bytes });
            }
            None => others.push(file),
        }
    }
    if arrays.is_empty() {
        let excel = others.iter().any(|name| name.starts_with("xl/"));
        let found = if excel { "an Excel workbook; save it as CSV" } else { "a zip file without arrays" };
        bail!("expected rows as CSV, .npy or .npz, found {found}");
    }
    Ok(arrays)
}

/// A file in the archive, or its `first` bytes.
fn extract(archive: &mut ZipArchive<impl Read + Seek>, index: usize, first: Option<u64>) -> Result<Vec<u8>> {
    let file = archive.by_index_raw(index).map_err(|_| anyhow!(NOT_WHOLE))?;
    let (packed, most) = (file.compressed_size(), first.unwrap_or(u64::MAX));
    let mut content = buffer(most.min(file.size()));
    let read = match file.compression() {
        CompressionMethod::Stored => file.take(most).read_to_end(&mut content),
        method if method == CompressionMethod::DEFLATE => {
            Unpacked::new(DeflateDecoder::new(file), packed).take(most).read_to_end(&mut content)
        }
        method => bail!("expected arrays as `numpy.savez` or `numpy.savez_compressed` write them, found {method:?}"),
    };
    match read {
        Ok(_) => Ok(content),
        Err(error) if is_beyond(&error) => bail!("{error}, with `numpy.savez`"),
        Err(_) => bail!(NOT_WHOLE),
    }
}

/// The array that was named, the only one, the one that is called as the network's tensor, or the only one whose rows are
/// as long as the network takes them.
fn choose<'a>(arrays: &'a [Array], options: &Options) -> Result<&'a Array> {
    let list = || {
        let describe = |array: &Array| format!("`{}` {:?}", bundle::printable(&array.name), array.shape);
        arrays.iter().take(10).map(describe).collect::<Vec<_>>().join(", ")
    };
    if let Some(name) = &options.array {
        let found = arrays.iter().find(|array| array.name == *name);
        return found.with_context(|| format!("expected an array `{name}`, found {}", list()));
    }
    if let [only] = arrays {
        return Ok(only);
    }
    if let Some(Expected { name, columns, .. }) = &options.expected {
        let columns = *columns as u64;
        if let Some(named) = arrays.iter().find(|array| array.name == *name && array.columns() == columns) {
            return Ok(named);
        }
        let mut fitting = arrays.iter().filter(|array| array.columns() == columns);
        if let (Some(fitting), None) = (fitting.next(), fitting.next()) {
            return Ok(fitting);
        }
    }
    bail!("expected one array, found {}; `--array NAME` chooses one", list())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(name: &str, shape: &[u64]) -> Array {
        Array { name: name.into(), index: 0, shape: shape.into(), is_bytes: false }
    }

    #[test]
    fn the_array_that_is_meant_is_found() {
        let golden = [array("input", &[10, 64]), array("latent", &[10, 4]), array("reconstruction", &[10, 64])];
        let chosen = |arrays: &[Array], name: Option<&str>, expected: Option<(&str, usize)>| {
            let expected = expected.map(|(name, columns)| Expected { name: name.into(), columns, other: None });
            let options = Options { array: name.map(Into::into), expected, ..Options::default() };
            choose(arrays, &options).map(|array| array.name.clone()).map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&golden, None, Some(("input", 64))).unwrap(), "input");
        assert_eq!(chosen(&golden, None, Some(("latent", 4))).unwrap(), "latent");
        assert_eq!(chosen(&golden, None, Some(("z", 4))).unwrap(), "latent");
        assert_eq!(chosen(&golden, Some("reconstruction"), Some(("input", 64))).unwrap(), "reconstruction");
        assert_eq!(chosen(&golden[..1], None, None).unwrap(), "input");
        let error = chosen(&golden, None, Some(("x", 64))).unwrap_err();
        let arrays = "`input` [10, 64], `latent` [10, 4], `reconstruction` [10, 64]";
        assert_eq!(error, format!("expected one array, found {arrays}; `--array NAME` chooses one"));
        let error = chosen(&golden, Some("rows"), None).unwrap_err();
        assert_eq!(error, format!("expected an array `rows`, found {arrays}"));
    }
}
