//! The options that say how a table becomes training and test rows.

use std::path::PathBuf;

use clap::Args;
use toml::{Table, Value};

const TABLES: &str = "Tables";

#[derive(Args, Default)]
pub struct ColumnArguments {
    /// The column with the class or fault of each row; it is never trained on
    #[arg(long, value_name = "COLUMN", help_heading = TABLES, hide_short_help = true)]
    pub label: Option<String>,
    /// Columns to leave out, such as an id
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',', help_heading = TABLES, hide_short_help = true)]
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
    /// The part of the rows to hold out for testing [default: 0.2]
    #[arg(long, value_name = "FRACTION", help_heading = TABLES, hide_short_help = true)]
    pub test_fraction: Option<f64>,
    /// Hold out random rows, the last ones, or whole groups of a column [default: random]
    #[arg(long, value_name = "random|time|COLUMN", help_heading = TABLES, hide_short_help = true)]
    pub split: Option<String>,
    /// What a missing number counts as, or refuse [default: mean]
    #[arg(long, value_parser = ["mean", "median", "zero", "most-frequent", "refuse"], help_heading = TABLES)]
    #[arg(hide_short_help = true, hide_possible_values = true, value_name = "mean|median|zero|most-frequent|refuse")]
    pub missing: Option<String>,
    /// How numbers are scaled, as learnt on the training rows [default: standard]
    #[arg(long, value_parser = ["standard", "robust", "min-max", "none"], help_heading = TABLES)]
    #[arg(hide_short_help = true, hide_possible_values = true, value_name = "standard|robust|min-max|none")]
    pub scaling: Option<String>,
}

impl ColumnArguments {
    /// The settings that are given, in the layout of `config.toml`.
    pub fn overrides(&self) -> Table {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let drop = self.drop.as_ref().map(|names| names.iter().cloned().map(Value::String).collect());
        let settings = [
            ("label", text(&self.label)),
            ("drop", drop.map(Value::Array)),
            ("train_on", text(&self.train_on)),
            ("normal", text(&self.normal)),
            ("test", self.test.as_ref().map(|path| Value::String(path.display().to_string()))),
            ("test_fraction", self.test_fraction.map(Value::Float)),
            ("split", text(&self.split)),
            ("missing", text(&self.missing)),
            ("scaling", text(&self.scaling)),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
