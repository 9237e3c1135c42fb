//! How a table becomes training and test rows.

use std::path::PathBuf;

use rows::{Header, Options, Separator};
use serde::{Deserialize, Serialize};

/// How a table becomes training and test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableConfig {
    /// The column that says what a row is, a class or a fault; it is never trained on. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns to leave out. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// `normal` or `all`: whether only normal rows train. Default `normal` where the label has two values of which one means normal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_on: Option<TrainOn>,
    /// The label of normal rows. Default: the one of `0`, `false`, `no`, `normal`, `ok`, `good` and `healthy` that the label has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal: Option<String>,
    /// A file with the test rows. Default none: some of the rows are held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The part of the rows to hold out for testing, between 0 and 1. Default 0.2.
    pub test_fraction: f64,
    /// How test rows are chosen: `random`; `time`, which takes the last ones; or a column, whose values are never on both sides.
    /// Default `random`.
    #[serde(skip_serializing_if = "TestRows::is_random")]
    pub split: TestRows,
    /// Rows that follow each other are a series: the network takes this many of them at once, from 2. Default none: each row alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Rows from the start of a window to the start of the next, from 1. Default: an eighth of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Whether a table is read in constant memory: a sample of its rows is held, the others are read from disk as they train. Default
    /// `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Whether the first line of CSV is a header: `yes`, `no` or `auto`. Default `auto`: it is one if it holds no numbers.
    #[serde(skip_serializing_if = "is_auto")]
    pub header: Header,
    /// What separates the values of a line: `comma`, `semicolon`, `tab`, `pipe` or `space`. Default: it is found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
    /// What becomes of dates: `seconds`; `cycles`, which adds their place in the day, the week and the year; or `drop`, which leaves
    /// them out. Default `seconds`.
    #[serde(skip_serializing_if = "Dates::is_seconds")]
    pub dates: Dates,
    /// What a missing number counts as: `mean`, `median`, `zero`, `most-frequent`, or `refuse`. Default `mean`.
    pub missing: Missing,
    /// How numbers are scaled: `standard`, `robust` (median and quartiles, clipped), `min-max` or `none`. Default `standard`.
    pub scaling: Scaling,
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            label: None,
            drop: Vec::new(),
            train_on: None,
            normal: None,
            test: None,
            test_fraction: 0.2,
            split: TestRows::Random,
            window: None,
            stride: None,
            stream: false,
            header: Header::Auto,
            separator: None,
            dates: Dates::Seconds,
            missing: Missing::Mean,
            scaling: Scaling::Standard,
        }
    }
}

impl TableConfig {
    /// Whether rows train that are known to be unusual.
    pub(crate) fn trains_anomalies(&self) -> bool {
        self.label.is_some() && self.train_on == Some(TrainOn::All)
    }

    /// Rows from the start of a window to the start of the next.
    pub(crate) fn stride_of(&self, window: usize) -> usize {
        self.stride.unwrap_or(window / 8).max(1)
    }

    /// How a file of CSV is read.
    pub(crate) fn options(&self) -> Options {
        Options { header: self.header, separator: self.separator, ..Options::default() }
    }

    /// The first setting that is not its default.
    pub(crate) fn first_set(&self) -> Option<&'static str> {
        // Every field, so that a new one is not forgotten.
        let Self {
            label,
            drop,
            train_on,
            normal,
            test,
            test_fraction,
            split,
            window,
            stride,
            stream,
            header,
            separator,
            dates,
            missing,
            scaling,
        } = self;
        let usual = Self::default();
        let set = [
            ("table.label", label.is_some()),
            ("table.drop", !drop.is_empty()),
            ("table.train_on", train_on.is_some()),
            ("table.normal", normal.is_some()),
            ("table.test", test.is_some()),
            ("table.test_fraction", *test_fraction != usual.test_fraction),
            ("table.split", *split != usual.split),
            ("table.window", window.is_some()),
            ("table.stride", stride.is_some()),
            ("table.stream", *stream),
            ("table.header", *header != usual.header),
            ("table.separator", separator.is_some()),
            ("table.dates", *dates != usual.dates),
            ("table.missing", *missing != usual.missing),
            ("table.scaling", *scaling != usual.scaling),
        ];
        set.into_iter().find_map(|(setting, is_set)| is_set.then_some(setting))
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_auto(header: &Header) -> bool {
    *header == Header::Auto
}

/// Which rows train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainOn {
    /// Those whose label says that they are normal; the others are test rows.
    Normal,
    /// Those that are not held out for testing.
    All,
}

/// How test rows are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TestRows {
    /// At random, the same every time.
    #[default]
    Random,
    /// The last ones of the file.
    Time,
    /// By the values of this column, which are never on both sides.
    Groups(String),
}

impl TestRows {
    fn is_random(&self) -> bool {
        *self == Self::Random
    }
}

impl From<String> for TestRows {
    fn from(text: String) -> Self {
        match text.as_str() {
            "random" => Self::Random,
            "time" => Self::Time,
            _ => Self::Groups(text),
        }
    }
}

impl From<TestRows> for String {
    fn from(rows: TestRows) -> Self {
        match rows {
            TestRows::Random => "random".into(),
            TestRows::Time => "time".into(),
            TestRows::Groups(column) => column,
        }
    }
}

/// What becomes of a column of dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dates {
    /// A number: seconds.
    #[default]
    Seconds,
    /// The same, and its place in the day, the week and the year, as far as the rows cover two of them.
    Cycles,
    /// Nothing.
    Drop,
}

impl Dates {
    fn is_seconds(&self) -> bool {
        *self == Self::Seconds
    }
}

/// What a missing number counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The mean of the column's training rows.
    Mean,
    /// Their median.
    Median,
    /// 0.
    Zero,
    /// Their most frequent value.
    MostFrequent,
    /// Nothing: a table with missing values is refused.
    Refuse,
}

/// How numbers are scaled; what is needed is learnt on the training rows alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// To mean 0 and standard deviation 1.
    Standard,
    /// To median 0 and the distance between the quartiles 1.35, which is the normal distribution's.
    Robust,
    /// To 0.0..=1.0.
    MinMax,
    /// Not at all.
    None,
}
