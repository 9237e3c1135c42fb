//! The IDX format of MNIST: a big-endian magic number, the dimensions, then bytes; raw or gzipped.
//!
//! The magic number is 2049 for labels (`[rows]`) and 2051 for images (`[rows, height, width]`).

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;

use super::diagnose::not_a_folder;
use super::idx_names::find;
use super::loaded::Loaded;
use crate::data::samples::Samples;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};

/// Types of numbers in the header, and their bytes: unsigned bytes, and whole numbers.
const BYTES: [u32; 2] = [8, 1];
const INTS: [u32; 2] = [12, 4];

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Where there are no test images, one training image of this many is held out.
const HELD_OUT: usize = 10;

/// Loads training and test images from the files in `dir`.
pub(super) fn load_dir(dir: &Path) -> Result<Loaded> {
    if !dir.is_dir() {
        return Err(Error::file(dir, not_a_folder(dir)));
    }
    let files = find(dir)?;
    let Some(train_images) = &files.train_images else { unreachable!("without training images, nothing is found") };
    // Labels of one of them alone could not be compared.
    let labelled = files.train_labels.is_some() && (files.test_images.is_none() || files.test_labels.is_some());
    let labels = |path: &Option<PathBuf>| path.clone().filter(|_| labelled);
    let train = load_pair(train_images, labels(&files.train_labels).as_deref())?;
    let mut notes = Vec::new();
    if !labelled {
        notes.push("the data has no labels, so no classes are counted or coloured".to_owned());
    }
    let Some(test_images) = &files.test_images else {
        let (train, test) = hold_out(&train).ok_or_else(|| {
            let reason = "expected two images or more, of which some are held out for testing, found one";
            Error::file(train_images, reason)
        })?;
        notes.push(format!(
            "the data has no test images; {} of its {} images, drawn at random, are held out for testing",
            test.len(),
            train.len() + test.len()
        ));
        return Ok(Loaded { train, test, notes, rest: None });
    };
    let test = load_pair(test_images, labels(&files.test_labels).as_deref())?;
    if train.shape() != test.shape() {
        let ([h, w], [found_h, found_w]) = (train.size(), test.size());
        let reason = format!("expected images of {h} x {w} as in the training file, found {found_h} x {found_w}");
        return Err(Error::file(test_images, reason));
    }
    Ok(Loaded { train, test, notes, rest: None })
}

/// Holds out one row in ten, at least one; the same ones every time, whatever a run's seed is.
pub(super) fn hold_out(images: &Samples) -> Option<(Samples, Samples)> {
    let mut rows: Vec<u32> = (0..images.len() as u32).collect();
    rows.shuffle(&mut stream(0, Purpose::Split, 1));
    let mut train = rows.split_off((images.len() / HELD_OUT).max(1));
    train.sort_unstable();
    rows.sort_unstable();
    Some((images.select(&train)?, images.select(&rows)?))
}

/// Images with their labels; where there are none, all are of one class.
fn load_pair(images_path: &Path, labels_path: Option<&Path>) -> Result<Samples> {
    let ([rows, height, width], pixels) = read(images_path)?;
    let Some(labels_path) = labels_path else { return Samples::new(pixels, vec![0; rows], [height, width], 255) };
    let ([label_rows], labels) = if labels_path.to_string_lossy().contains("-idx2-int") {
        read_numbers(labels_path)?
    } else {
        read(labels_path)?
    };
    if rows != label_rows {
        let reason = format!(
            "expected {rows} labels, one for each image in {}, found {label_rows}",
            images_path.file_name().unwrap_or_default().to_string_lossy()
        );
        return Err(Error::file(labels_path, reason));
    }
    Samples::new(pixels, labels, [height, width], 255)
}

/// Reads labels of several numbers of four bytes, as QMNIST has them: the first is the class.
fn read_numbers(path: &Path) -> Result<([usize; 1], Vec<u8>)> {
    let ([rows, columns], bytes) = with_reader(path, |reader| parse_as::<2>(reader, path, INTS))?;
    let class = |row: &[u8]| u32::from_be_bytes([row[0], row[1], row[2], row[3]]);
    let classes = bytes.chunks_exact(columns * 4).map(class).map(|class| u8::try_from(class).ok());
    let classes: Option<Vec<u8>> = classes.collect();
    match classes {
        Some(classes) if classes.len() == rows => Ok(([rows], classes)),
        _ => Err(Error::file(path, "expected classes from 0 to 255 in the first column, found others")),
    }
}

/// Reads one file of `N` dimensions of bytes.
fn read<const N: usize>(path: &Path) -> Result<([usize; N], Vec<u8>)> {
    with_reader(path, |reader| parse_as(reader, path, BYTES))
}

fn with_reader<T>(path: &Path, parse: impl FnOnce(Box<dyn Read>) -> Result<T>) -> Result<T> {
    let file = bundle::open(path).map_err(|source| Error::io("read", path, source))?;
    let mut reader = BufReader::new(file);
    let mut start = [0; 2];
    let count = reader.read(&mut start).map_err(|source| Error::io("read", path, source))?;
    let is_gzip = start[..count] == GZIP_MAGIC;
    let packed = std::fs::metadata(path).map_or(0, |file| file.len());
    let whole = std::io::Cursor::new(start[..count].to_vec()).chain(reader);
    if is_gzip {
        parse(Box::new(rows::Unpacked::new(rows::Gunzip::new(whole), packed)))
    } else {
        parse(Box::new(whole))
    }
}

fn parse_as<const N: usize>(
    mut reader: impl Read,
    path: &Path,
    [kind, size]: [u32; 2],
) -> Result<([usize; N], Vec<u8>)> {
    let fail = |reason: String| Error::file(path, reason);
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => fail("truncated: the file ends before its header or its data do".into()),
        _ => fail(format!("broken: {error}")),
    };
    let mut number = || -> Result<u32> {
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).map_err(broken)?;
        Ok(u32::from_be_bytes(bytes))
    };

    // Two zero bytes, the type, the number of dimensions.
    let magic = (kind << 8) + N as u32;
    let found = number()?;
    if found != magic {
        let kind = if N == 1 { "labels" } else { "images" };
        return Err(fail(format!("not an IDX file of {kind}: expected the magic number {magic}, found {found}")));
    }
    let mut dims = [0; N];
    for dim in &mut dims {
        *dim = number()? as usize;
    }
    let shape = dims.map(|dim| dim.to_string()).join(" x ");
    let expected = dims
        .iter()
        .try_fold(size as usize, |product, &dim| product.checked_mul(dim))
        .filter(|&length| length > 0)
        .ok_or_else(|| fail(format!("its header claims {shape} bytes, which cannot be")))?;

    // One byte more than expected shows that there are too many.
    let mut bytes = rows::buffer(expected as u64 + 1);
    let read = reader.take(expected as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof if bytes.len() == expected => {
            fail("truncated behind its data, or followed by bytes that do not belong to it".into())
        }
        _ => broken(error),
    })?;
    match bytes.len() {
        length if length < expected => {
            Err(fail(format!("truncated: its header claims {shape} = {expected} bytes, found {length}")))
        }
        length if length > expected => {
            Err(fail(format!("too long: its header claims {shape} = {expected} bytes, found more")))
        }
        _ => Ok((dims, bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const NAMES: [&str; 4] =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

    fn idx(magic: u32, dims: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = magic.to_be_bytes().to_vec();
        bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A folder with three training and two test images of 2 x 2, in which `name` holds `bytes` instead.
    fn folder_with(name: &str, bytes: Option<Vec<u8>>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            (NAMES[0], idx(2051, &[3, 2, 2], &(0..12).collect::<Vec<_>>())),
            (NAMES[1], idx(2049, &[3], &[1, 2, 3])),
            (NAMES[2], idx(2051, &[2, 2, 2], &(0..8).collect::<Vec<_>>())),
            (NAMES[3], idx(2049, &[2], &[4, 5])),
        ];
        for (file, content) in files {
            match (file == name, &bytes) {
                (false, _) => std::fs::write(dir.path().join(file), content).unwrap(),
                (true, Some(bytes)) => std::fs::write(dir.path().join(file), bytes).unwrap(),
                (true, None) => (),
            }
        }
        dir
    }

    fn error_with(name: &str, bytes: Vec<u8>) -> String {
        let dir = folder_with(name, Some(bytes));
        let error = load_dir(dir.path()).unwrap_err().to_string();
        assert!(error.contains(name), "the error names the file: {error}");
        assert!(!error.contains('\n'), "one line: {error}");
        error
    }

    #[test]
    fn raw_and_gzipped_files_hold_the_same() {
        let raw = folder_with("", None);
        let mixed = folder_with(NAMES[0], Some(gzip(&idx(2051, &[3, 2, 2], &(0..12).collect::<Vec<_>>()))));
        for dir in [raw, mixed] {
            let Loaded { train, test, notes, .. } = load_dir(dir.path()).unwrap();
            assert!(notes.is_empty(), "{notes:?}");
            assert_eq!((train.len(), test.len(), train.size()), (3, 2, [2, 2]));
            assert_eq!(train.row(2), [8, 9, 10, 11]);
            assert_eq!(test.labels(), [4, 5]);
        }
    }

    #[test]
    fn the_first_of_several_numbers_is_the_class() {
        let dir = tempfile::tempdir().unwrap();
        let numbers: Vec<u8> = [3u32, 900, 7, 901].iter().flat_map(|number| number.to_be_bytes()).collect();
        for (name, content) in [
            ("qmnist-train-images-idx3-ubyte", idx(2051, &[2, 2, 2], &[9; 8])),
            ("qmnist-train-labels-idx2-int", idx(0x0c02, &[2, 2], &numbers)),
            ("qmnist-test-images-idx3-ubyte.gz", gzip(&idx(2051, &[2, 2, 2], &[9; 8]))),
            ("qmnist-test-labels-idx2-int.gz", gzip(&idx(0x0c02, &[2, 2], &numbers))),
        ] {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        let Loaded { train, test, .. } = load_dir(dir.path()).unwrap();
        assert_eq!((train.labels(), test.labels()), (&[3, 7][..], &[3, 7][..]));
    }

    #[test]
    fn wrong_magic_number_is_named() {
        let error = error_with(NAMES[2], idx(2049, &[2], &[4, 5]));
        assert!(error.contains("expected the magic number 2051, found 2049"), "{error}");
    }

    #[test]
    fn truncated_files_are_refused() {
        for bytes in [vec![], vec![0], idx(2051, &[3], &[]), idx(2051, &[3, 2, 2], &[0; 11])] {
            let error = error_with(NAMES[0], bytes);
            assert!(error.contains("truncated"), "{error}");
        }
    }

    #[test]
    fn surplus_bytes_are_refused() {
        let error = error_with(NAMES[0], idx(2051, &[3, 2, 2], &[0; 13]));
        assert!(error.contains("too long"), "{error}");
    }

    #[test]
    fn broken_gzip_is_refused() {
        let whole = gzip(&idx(2051, &[3, 2, 2], &(0..12).collect::<Vec<_>>()));
        let mut flipped = whole.clone();
        let middle = flipped.len() - 6; // in the checksum
        flipped[middle] ^= 0xff;
        for bytes in [whole[..whole.len() - 9].to_vec(), flipped] {
            let error = error_with(NAMES[0], bytes);
            assert!(error.contains("truncated") || error.contains("broken"), "{error}");
        }
    }

    #[test]
    fn impossible_header_is_refused_without_reserving_memory() {
        let error = error_with(NAMES[0], idx(2051, &[u32::MAX, u32::MAX, u32::MAX], &[]));
        assert!(error.contains("cannot be"), "{error}");
        let error = error_with(NAMES[0], idx(2051, &[u32::MAX, 1000, 1000], &[0; 9]));
        assert!(error.contains("truncated"), "{error}");
        let error = error_with(NAMES[0], idx(2051, &[0, 2, 2], &[]));
        assert!(error.contains("cannot be"), "{error}");
    }

    #[test]
    fn images_and_labels_must_be_as_many() {
        let error = error_with(NAMES[1], idx(2049, &[4], &[1, 2, 3, 4]));
        assert!(error.contains("expected 3 labels"), "{error}");
    }

    #[test]
    fn test_images_must_have_the_training_size() {
        let error = error_with(NAMES[2], idx(2051, &[2, 3, 3], &[0; 18]));
        assert!(error.contains("expected images of 2 x 2"), "{error}");
    }

    #[test]
    fn without_labels_all_images_are_of_one_class_and_a_note_says_so() {
        for missing in [NAMES[1], NAMES[3]] {
            let Loaded { train, test, notes, .. } = load_dir(folder_with(missing, None).path()).unwrap();
            assert_eq!((train.labels(), test.labels()), (&[0; 3][..], &[0; 2][..]));
            assert_eq!(notes, ["the data has no labels, so no classes are counted or coloured"]);
        }
    }

    #[test]
    fn without_test_images_a_tenth_of_the_rows_is_held_out_and_a_note_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Vec<u8>| std::fs::write(dir.path().join(name), bytes).unwrap();
        write(NAMES[0], idx(2051, &[25, 1, 1], &(0..25).collect::<Vec<_>>()));
        write(NAMES[1], idx(2049, &[25], &(100..125).collect::<Vec<_>>()));
        let Loaded { train, test, notes, .. } = load_dir(dir.path()).unwrap();
        assert_eq!((train.len(), test.len()), (23, 2));
        for images in [&train, &test] {
            assert!(images.pixels().iter().zip(images.labels()).all(|(pixel, label)| pixel + 100 == *label));
        }
        let mut all = [train.pixels(), test.pixels()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..25).collect::<Vec<_>>());
        assert!(notes[0].contains("2 of its 25 images"), "{notes:?}");
        // The same rows every time.
        assert_eq!(load_dir(dir.path()).unwrap().test.pixels(), test.pixels());
        write(NAMES[0], idx(2051, &[1, 1, 1], &[7]));
        write(NAMES[1], idx(2049, &[1], &[7]));
        assert!(load_dir(dir.path()).unwrap_err().to_string().contains("expected two images or more"));
    }

    #[test]
    fn missing_files_are_listed() {
        let empty = tempfile::tempdir().unwrap();
        let error = load_dir(empty.path()).unwrap_err().to_string();
        assert!(error.contains("missing: train-images-idx3-ubyte"), "{error}");
        let error = load_dir(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("no such folder"), "{error}");
    }
}
