//! What a person can say about a file of rows.

use serde::{Deserialize, Serialize};

/// How to read a file, as far as the person says it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether the first line of a CSV file is a header.
    pub header: Header,
    /// What separates the values of a line.
    pub separator: Option<Separator>,
    /// The columns to leave out at the start and at the end of each row.
    pub skip: [usize; 2],
    /// The array of an `.npz` file.
    pub array: Option<String>,
    /// The rows that the network takes.
    pub expected: Option<Expected>,
    /// Whether values may be missing, which then are NaN.
    pub missing: bool,
    /// Columns of a table that hold words, even where all of them look like numbers.
    pub words: Vec<String>,
}

/// The rows that the network takes.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The tensor's name.
    pub name: String,
    /// Values in a row.
    pub columns: usize,
    /// The length of the rows that another command takes, and that command.
    pub other: Option<(usize, &'static str)>,
}

/// Whether the first line of a CSV file is a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Header {
    /// The first line is left out
    Yes,
    /// The first line is a row
    No,
    /// The first line is a header if it holds no numbers, counts the columns, or has whole numbers in equal steps
    #[default]
    Auto,
}

/// What separates the values of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[allow(missing_docs)]
pub enum Separator {
    Comma,
    Semicolon,
    Tab,
    Pipe,
    Space,
}
