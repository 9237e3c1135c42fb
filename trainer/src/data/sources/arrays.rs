//! Arrays from `.npy` and `.npz`: a table `[rows, columns]`, a series `[steps]` or `[steps, channels]`, several series
//! `[series, steps, channels]`, or pictures `[images, height, width]` of bytes, with their channels last or first.

use std::path::Path;

use rows::{Array, Arrays, Columns, Numbers, array_file, planes};

use super::idx::hold_out;
use super::loaded::Loaded;
use super::table::{Table, split};
use crate::data::samples::Samples;
use crate::data::table_config::{TableConfig, TestRows};
use crate::error::{Error, Result};

/// Names that arrays usually have, the likelier ones first: rows to train on, their labels, test rows, their labels.
const NAMES: [&[&str]; 4] = [
    &["x_train", "train_images", "train_x", "xtrain", "train", "x", "images", "data", "rows", "arr_0"],
    &["y_train", "train_labels", "train_y", "ytrain", "y", "labels", "label", "target"],
    &["x_test", "test_images", "test_x", "xtest", "test"],
    &["y_test", "test_labels", "test_y", "ytest"],
];
/// The column of a table that the labels become.
const LABEL: &str = "label";
/// The column of a table that tells several series apart.
const SERIES: &str = "series";

/// What an array holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A table or a series.
    Numbers,
    Pictures,
}

/// What is in the file at `path`, if it is one of arrays.
pub(super) fn content(path: &Path) -> Option<Content> {
    let file = array_file(path);
    let ending = file.extension()?.to_ascii_lowercase();
    if !file.is_file() || (ending != "npy" && ending != "npz") {
        return None;
    }
    // What cannot be read is told when it is loaded.
    Some(Choice::open(path).map_or(Content::Numbers, |choice| choice.content()))
}

/// Loads the arrays in the file at `path`.
pub(super) fn load(path: &Path, config: &TableConfig) -> Result<Loaded> {
    let fail = |reason: String| Error::file(path, reason);
    let choice = Choice::open(path)?;
    let (train, test) = (choice.train()?, choice.test()?);
    if choice.content() == Content::Pictures {
        return pictures(train, test).map_err(fail);
    }
    let mut config = config.clone();
    let columns = columns(train, &mut config).map_err(fail)?;
    // Test rows that are named come before those of the same file.
    let (test_path, test) = match config.test.clone() {
        Some(path) => {
            let test = Choice::open(&path)?.train()?;
            (path, Some(test))
        }
        None => (path.into(), test),
    };
    let fail = |reason: String| Error::file(&test_path, reason);
    let others = test.map(|test| self::columns(test, &mut config)).transpose().map_err(fail)?;
    if let Some(others) = &others
        && others.names.len() != columns.names.len()
    {
        let (expected, found) = (columns.names.len(), others.names.len());
        return Err(fail(format!("expected test rows of {expected} columns as the training rows have, found {found}")));
    }
    let others = others.map(|columns| Table { columns, path: &test_path, is_sample: false });
    split(&Table { columns, path, is_sample: false }, others.as_ref(), &config)
}

/// Rows with their labels, if there are any.
type Labelled = (Array, Option<Array>);

/// The arrays of a file, and the names of those that are meant.
struct Choice {
    arrays: Arrays,
    train: String,
    labels: Option<String>,
    test: Option<String>,
    test_labels: Option<String>,
}

impl Choice {
    fn open(path: &Path) -> Result<Self> {
        let arrays = Arrays::open(path).map_err(|error| Error::Table(error.to_string()))?;
        let names: Vec<&str> = arrays.names().collect();
        let usual = |candidates: &[&str]| {
            let found = |candidate: &&str| names.iter().find(|name| name.to_lowercase() == **candidate);
            candidates.iter().find_map(found).map(|name| (*name).to_owned())
        };
        let [train, labels, test, test_labels] = match names[..] {
            [only] => [Some(only.to_owned()), None, None, None],
            _ => NAMES.map(usual),
        };
        let train = train.ok_or_else(|| {
            let reason = format!(
                "expected an array with a usual name, such as `x_train`, found {}; `--data FILE.npz#NAME` chooses one",
                arrays.describe()
            );
            Error::file(path, reason)
        })?;
        Ok(Self { arrays, train, labels, test, test_labels })
    }

    /// Bytes of three axes, and numbers of four, are pictures.
    fn content(&self) -> Content {
        match self.arrays.shape(&self.train) {
            Some(([_, _, _], true) | ([_, _, _, _], _)) => Content::Pictures,
            _ => Content::Numbers,
        }
    }

    fn train(&self) -> Result<Labelled> {
        Ok((self.read(&self.train)?, self.labels.as_deref().map(|name| self.read(name)).transpose()?))
    }

    fn test(&self) -> Result<Option<Labelled>> {
        let Some(test) = &self.test else { return Ok(None) };
        // Labels of the test rows alone could not be compared.
        let labels = self.test_labels.as_deref().filter(|_| self.labels.is_some());
        Ok(Some((self.read(test)?, labels.map(|name| self.read(name)).transpose()?)))
    }

    fn read(&self, name: &str) -> Result<Array> {
        self.arrays.read(name).map_err(|error| Error::Table(error.to_string()))
    }
}

/// The rows of an array as a table, with its labels as a column, and what `config` has to say about them.
fn columns((array, labels): Labelled, config: &mut TableConfig) -> Result<Columns, String> {
    let numbers = array.numbers.into_floats();
    // Rows of the table for each row of the array.
    let mut repeat = 1;
    let width = match array.shape[..] {
        [steps] if config.window.is_none() => {
            return Err(format!(
                "expected rows along the first of two axes, found one axis of {steps} values; if this is a series, `--window 128` cuts it into windows"
            ));
        }
        [_] => 1,
        [_, width] => width,
        [_, steps, width] => {
            repeat = steps;
            config.window.get_or_insert(steps);
            width
        }
        _ => return Err(format!("expected rows, series or pictures, found shape {:?}", array.shape)),
    };
    if numbers.is_empty() || width == 0 {
        return Err(format!("expected at least one row of numbers, found shape {:?}", array.shape));
    }
    let rows = numbers.len() / width;
    if rows > u32::MAX as usize / 2 {
        return Err(format!("expected at most {} rows, found {rows}", u32::MAX / 2));
    }
    let note = format!("an array of shape {:?}", array.shape);
    let mut columns = Columns::from_numbers(&numbers, width, note);
    if repeat > 1 {
        let series = (0..rows).map(|row| (row / repeat) as f32).collect();
        columns.push(SERIES, series);
        config.split = TestRows::Groups(SERIES.into());
        config.stride.get_or_insert(repeat);
    }
    if let Some(labels) = labels {
        let labels = labels.numbers.into_floats();
        if labels.len() * repeat != rows {
            return Err(format!("expected {} labels, one for each row, found {}", rows / repeat, labels.len()));
        }
        columns.push(LABEL, labels.into_iter().flat_map(|label| std::iter::repeat_n(label, repeat)).collect());
        config.label.get_or_insert(LABEL.into());
    }
    Ok(columns)
}

fn pictures(train: Labelled, test: Option<Labelled>) -> Result<Loaded, String> {
    let mut notes = Vec::new();
    let train = picture_rows(train, &mut notes)?;
    let Some(test) = test else {
        let (train, test) =
            hold_out(&train).ok_or("expected two pictures or more, of which some are for testing, found one")?;
        notes.push(format!(
            "{} of {} pictures, drawn at random, are held out for testing",
            test.len(),
            train.len() + test.len()
        ));
        return Ok(Loaded { train, test, notes, rest: None });
    };
    let test = picture_rows(test, &mut Vec::new())?;
    if train.shape() != test.shape() {
        return Err(format!(
            "expected test pictures like those to train on, {}, found {}",
            train.shape(),
            test.shape()
        ));
    }
    Ok(Loaded { train, test, notes, rest: None })
}

fn picture_rows((array, labels): Labelled, notes: &mut Vec<String>) -> Result<Samples, String> {
    let (count, [channels, height, width], last) = match array.shape[..] {
        [count, height, width] => (count, [1, height, width], false),
        [count, height, width, channels @ (1 | 3)] => (count, [channels, height, width], true),
        [count, channels @ (1 | 3), height, width] => (count, [channels, height, width], false),
        _ => {
            return Err(format!(
                "expected pictures [images, height, width] with 1 or 3 channels behind or before height and width, found shape {:?}",
                array.shape
            ));
        }
    };
    let bytes = match array.numbers {
        Numbers::Bytes(bytes) => bytes,
        Numbers::Floats(floats) => {
            if let Some(other) = floats.iter().find(|value| !(0. ..=1.).contains(*value)) {
                return Err(format!("expected pictures of bytes, or of floats from 0 to 1, found {other}"));
            }
            notes.push("the pictures are floats; they are rounded to 256 levels".into());
            floats.into_iter().map(|value| (value * 255.).round() as u8).collect()
        }
    };
    let bytes = if last && channels > 1 { planes(&bytes, [channels, height * width]) } else { bytes };
    let labels = match labels {
        None => vec![0; count],
        Some(labels) => classes(labels.numbers.into_floats())?,
    };
    if labels.len() != count {
        return Err(format!("expected {count} labels, one for each picture, found {}", labels.len()));
    }
    Samples::images(bytes, labels, [channels, height, width], 255).map_err(|error| error.to_string())
}
/// The place of each label among the different ones; small whole numbers stay what they are.
fn classes(labels: Vec<f32>) -> Result<Vec<u8>, String> {
    if labels.iter().all(|label| label.fract() == 0. && (0. ..256.).contains(label)) {
        return Ok(labels.into_iter().map(|label| label as u8).collect());
    }
    let mut different = labels.clone();
    different.sort_by(f32::total_cmp);
    different.dedup();
    if different.len() > 256 {
        return Err(format!("expected at most 256 different labels, found {}", different.len()));
    }
    let place =
        |label: &f32| different.iter().position(|known| known.total_cmp(label).is_eq()).unwrap_or_default() as u8;
    Ok(labels.iter().map(place).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::Dataset;

    /// A `.npy` file of bytes or floats.
    fn npy(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
        let shape: String = shape.iter().map(|length| format!("{length}, ")).collect();
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let len = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
    }

    fn loaded(descr: &str, shape: &[usize], data: &[u8], config: &TableConfig) -> Result<Loaded> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.npy");
        fs::write(&path, npy(descr, shape, data)).unwrap();
        load(&path, config)
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|value| (value * 7 % 251) as u8).collect()
    }

    #[test]
    fn pictures_have_their_channels_first_wherever_they_were() {
        let plain = TableConfig::default();
        let last = loaded("|u1", &[10, 4, 5, 3], &bytes(600), &plain).unwrap();
        assert_eq!((last.train.len(), last.test.len(), last.train.image()), (9, 1, [3, 4, 5]));
        let all = bytes(600);
        let first: Vec<u8> =
            (0..3).flat_map(|channel| all[..60].iter().skip(channel).step_by(3).copied().collect::<Vec<_>>()).collect();
        let both = [last.train.pixels(), last.test.pixels()].concat();
        assert!(both.chunks(60).any(|picture| picture == first));
        let before = loaded("|u1", &[10, 3, 4, 5], &bytes(600), &plain).unwrap();
        assert_eq!(before.train.image(), [3, 4, 5]);
        let grey = loaded("|u1", &[10, 4, 5], &bytes(200), &plain).unwrap();
        assert_eq!((grey.train.image(), grey.train.schema().is_none()), ([1, 4, 5], true));
    }

    #[test]
    fn numbers_are_a_table_a_series_or_several() {
        let plain = TableConfig::default();
        let floats =
            |count: usize| (0..count).flat_map(|value| (value as f32).sin().to_le_bytes()).collect::<Vec<u8>>();
        let table = loaded("<f4", &[20, 3], &floats(60), &plain).unwrap();
        assert_eq!((table.train.len(), table.test.len(), table.train.size()), (16, 4, [1, 3]));
        let error = loaded("<f4", &[60], &floats(60), &plain).unwrap_err().to_string();
        assert!(error.contains("`--window 128` cuts it into windows"), "{error}");
        let windows = TableConfig { window: Some(4), stride: Some(2), ..plain.clone() };
        let series = loaded("<f4", &[60], &floats(60), &windows).unwrap();
        assert_eq!((series.train.size(), series.train.window()), ([4, 1], Some([4, 2])));
        // 48 steps train and 12 test; no window has some of both.
        assert_eq!((series.train.len(), series.test.len()), (23, 5));
        assert_eq!(series.train.raw_row(22)[3], 47f32.sin());
        assert_eq!(series.test.raw_row(0)[0], 48f32.sin());
        let several = loaded("<f4", &[10, 5, 2], &floats(100), &plain).unwrap();
        assert_eq!((several.train.len(), several.test.len(), several.train.size()), (8, 2, [5, 2]));
    }

    #[test]
    fn windows_that_validate_share_no_step_with_those_that_train() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.npy");
        let floats: Vec<u8> = (0..400).flat_map(|value| (value as f32).to_le_bytes()).collect();
        fs::write(&path, npy("<f4", &[400], &floats)).unwrap();
        let table = TableConfig { window: Some(16), stride: Some(3), ..TableConfig::default() };
        let preparation = crate::data::Preparation { table, ..Default::default() };
        let dataset = Dataset::load_with(&crate::data::DataSource::Path(path), &preparation).unwrap();
        let split = crate::data::Split::new(&dataset, crate::data::Validation::Fraction(0.2), 1).unwrap();
        let steps = |rows: &[u32]| -> std::collections::HashSet<u32> {
            rows.iter().flat_map(|&row| dataset.train.raw_row(row as usize)).map(|value| *value as u32).collect()
        };
        assert!(steps(&split.train).is_disjoint(&steps(&split.validation)));
        assert!(split.train.len() > 50 && split.validation.len() > 15, "{split:?}");
    }
}
