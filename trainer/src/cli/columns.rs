//! The options that say how a table becomes training and test rows.

use std::path::PathBuf;

use clap::Args;
use toml::{Table, Value};
use trainer::TableConfig;

use super::defaults::with_default;
use super::values::whole;

const TABLES: &str = "Tables";

#[derive(Args, Default)]
pub struct ColumnArguments {
    /// The column with the class or fault of each row; it is never trained on
    #[arg(long, value_name = "COLUMN", help_heading = TABLES, hide_short_help = true)]
    pub label: Option<String>,
    /// Columns to leave out, such as an id; a name with a comma within quotes: '"a,b"'
    #[arg(long, value_name = "COLUMN,..", help_heading = TABLES, hide_short_help = true)]
    pub drop: Option<Vec<String>>,
    /// Whether only normal rows train [default: normal, where the label says which rows are]
    #[arg(long, value_parser = ["normal", "all"], help_heading = TABLES, hide_short_help = true)]
    #[arg(hide_possible_values = true, value_name = "normal|all")]
    pub train_on: Option<String>,
    /// The label of normal rows [default: 0, false, no, normal, ok, good or healthy]
    #[arg(long, value_name = "LABEL", help_heading = TABLES, hide_short_help = true)]
    pub normal: Option<String>,
    /// A file with the test rows [default: some rows are held out]
    #[arg(long, value_name = "FILE", help_heading = TABLES, hide_short_help = true)]
    pub test: Option<PathBuf>,
    #[arg(long, value_name = "FRACTION", help_heading = TABLES, hide_short_help = true,
        long_help = with_default("The part of the rows to hold out for testing", &default("test_fraction")))]
    pub test_fraction: Option<f64>,
    #[arg(long, value_name = "random|time|COLUMN", help_heading = TABLES, hide_short_help = true,
        long_help = with_default("Hold out random rows, the last ones, or whole groups of a column", &default("split")))]
    pub split: Option<String>,
    /// Take this many rows that follow each other at once, as a window of a series
    #[arg(long, value_name = "ROWS", value_parser = whole("table.window"), allow_negative_numbers = true, help_heading = TABLES, hide_short_help = true)]
    pub window: Option<i64>,
    /// Rows from a window's start to the next one's [default: an eighth of the window]
    #[arg(long, value_name = "ROWS", value_parser = whole("table.stride"), allow_negative_numbers = true, help_heading = TABLES, hide_short_help = true)]
    pub stride: Option<i64>,
    /// Read a table in constant memory, since it is larger than the machine's
    #[arg(long, help_heading = TABLES, hide_short_help = true)]
    pub stream: bool,
    /// Whether the first line of CSV is a header [default: found out]
    #[arg(long, value_parser = ["yes", "no"], help_heading = TABLES, hide_short_help = true)]
    #[arg(hide_possible_values = true, value_name = "yes|no")]
    pub header: Option<String>,
    /// What separates the values of a line of CSV [default: found out]
    #[arg(long, value_parser = ["comma", "semicolon", "tab", "pipe", "space"], help_heading = TABLES)]
    #[arg(hide_short_help = true, hide_possible_values = true, value_name = "comma|semicolon|tab|pipe|space")]
    pub separator: Option<String>,
    #[arg(long, value_parser = ["seconds", "cycles", "drop"], help_heading = TABLES,
        long_help = with_default("Dates as seconds, with their place in day, week and year too, or left out", &default("dates")))]
    #[arg(hide_short_help = true, hide_possible_values = true, value_name = "seconds|cycles|drop")]
    pub dates: Option<String>,
    #[arg(long, value_parser = ["mean", "median", "zero", "most-frequent", "refuse"], help_heading = TABLES,
        long_help = with_default("What a missing number counts as, or `refuse`", &default("missing")))]
    #[arg(hide_short_help = true, hide_possible_values = true, value_name = "mean|median|zero|most-frequent|refuse")]
    pub missing: Option<String>,
    #[arg(long, value_parser = ["standard", "robust", "min-max", "none"], help_heading = TABLES,
        long_help = with_default("How numbers are scaled, as learnt on the training rows", &default("scaling")))]
    #[arg(hide_short_help = true, hide_possible_values = true, value_name = "standard|robust|min-max|none")]
    pub scaling: Option<String>,
}

/// The default of a setting of tables, as it would be typed.
fn default(setting: &str) -> String {
    let TableConfig { test_fraction, split, dates, missing, scaling, .. } = TableConfig::default();
    let value = match setting {
        "test_fraction" => Value::Float(test_fraction),
        "split" => Value::String(split.into()),
        "dates" => Value::try_from(dates).expect("it is written as a word"),
        "missing" => Value::try_from(missing).expect("it is written as a word"),
        _ => Value::try_from(scaling).expect("it is written as a word"),
    };
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl ColumnArguments {
    /// The settings that are given, in the layout of `config.toml`.
    pub fn overrides(&self) -> Table {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let drop =
            self.drop.as_ref().map(|lists| lists.iter().flat_map(|list| names(list)).map(Value::String).collect());
        let settings = [
            ("label", text(&self.label)),
            ("drop", drop.map(Value::Array)),
            ("train_on", text(&self.train_on)),
            ("normal", text(&self.normal)),
            ("test", self.test.as_ref().map(|path| Value::String(path.display().to_string()))),
            ("test_fraction", self.test_fraction.map(Value::Float)),
            ("split", text(&self.split)),
            ("header", text(&self.header)),
            ("separator", text(&self.separator)),
            ("window", self.window.map(Value::Integer)),
            ("stride", self.stride.map(Value::Integer)),
            ("stream", self.stream.then_some(Value::Boolean(true))),
            ("dates", text(&self.dates)),
            ("missing", text(&self.missing)),
            ("scaling", text(&self.scaling)),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// The names in a list with commas between them; within quotes, a comma is part of a name.
fn names(list: &str) -> Vec<String> {
    let mut is_quoted = false;
    let between = |char: char| {
        is_quoted ^= char == '"';
        char == ',' && !is_quoted
    };
    list.split(between)
        .map(|name| name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name).into())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_within_quotes_may_have_a_comma() {
        assert_eq!(names("id,time"), ["id", "time"]);
        assert_eq!(names("id,\"a,b\",\"c\""), ["id", "a,b", "c"]);
        assert_eq!(names("5\" pipe"), ["5\" pipe"]);
    }
}
