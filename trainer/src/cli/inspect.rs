//! `trainer inspect`: what is in a file or folder, and what training would make of it.

use std::process::ExitCode;

use anyhow::Result;
use bundle::{ColumnKind, Schema, counted, wrapped};
use clap::Args;
use toml::{Table, Value};
use trainer::{Config, Count, DataSource, Dataset, NetworkConfig, Samples, Split};

use super::columns::ColumnArguments;
use super::output::{print, result_width};
use super::table::fitted;
use super::values::{source, whole};

/// The most columns that are listed.
const MAX_COLUMNS: usize = 60;
/// The most categories that are named.
const MAX_NAMED: usize = 4;

#[derive(Args)]
#[command(after_help = "Examples:
  trainer inspect sensors.csv --label is_fault    columns, ranges, missing values
  trainer inspect photos                          how many, how large, which classes")]
pub struct InspectArguments {
    #[arg(value_name = "NAME|PATH", value_parser = source, help = "What `--data` of `trainer fit` takes")]
    pub data: DataSource,
    /// Side of the square that pictures are resized to
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true, value_parser = whole("pictures.size"))]
    pub size: Option<i64>,
    #[command(flatten)]
    pub columns: ColumnArguments,
}

pub fn run(arguments: &InspectArguments) -> Result<ExitCode> {
    let config = arguments.resolve()?;
    let dataset = Dataset::load_with(&config.data, &config.preparation())?;
    let config = config.fitted_to(&dataset.image_shape());
    let network = NetworkConfig::new(&config.model, dataset.image_shape())?;
    let test = Count::from(dataset.test.len());
    let rows = match Split::new(&dataset, config.validation, config.seed) {
        Ok(split) => {
            let train = split.train.len() + dataset.streamed_rows()?;
            let [train, validation] = [train, split.validation.len()].map(Count::from);
            format!("rows     {train} to train, {validation} to validate, {test} to test")
        }
        // Too few for the usual part.
        Err(error) => format!(
            "rows     {} to train and validate, {test} to test\nnote     {error}",
            Count::from(dataset.train.len())
        ),
    };
    let mut text = vec![config.data.to_string(), rows];
    text.push(match dataset.train.schema() {
        None => format!("each     {}", dataset.train.shape()),
        Some(schema) => format!("each     {} for the network", counted(schema.input_len(), "value")),
    });
    text.push(format!("network  {network}, preset {}", config.preset.name()));
    text.extend(dataset.notes.iter().map(|note| format!("note     {note}")));
    let text = wrapped(&text.join("\n"), result_width());
    match dataset.train.schema() {
        None => print(&text)?,
        Some(schema) => print(&format!("{text}\n\n{}", columns(schema, &dataset.train)))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl InspectArguments {
    fn resolve(&self) -> trainer::Result<Config> {
        let mut overrides = Table::from_iter([("data".to_owned(), Value::String(self.data.clone().into()))]);
        if let Some(size) = self.size {
            overrides.insert("pictures".into(), Value::Table(Table::from_iter([("size".into(), size.into())])));
        }
        let columns = self.columns.overrides();
        if !columns.is_empty() {
            overrides.insert("table".into(), Value::Table(columns));
        }
        Config::resolve(None, overrides)
    }
}

/// What the columns hold in the training rows; of windows, the channels at all steps.
fn columns(schema: &Schema, train: &Samples) -> String {
    let [steps, _] = train.size();
    let described = schema.channels(steps);
    let header = ["column", "holds", "smallest", "mean", "largest", "missing", "values"];
    let mut table = vec![header.map(str::to_owned).to_vec()];
    for (index, column) in described.iter().enumerate().take(MAX_COLUMNS) {
        let cells = || {
            let row = |row: usize| train.raw_row(row).iter().skip(index).step_by(described.len()).copied();
            (0..train.len()).flat_map(row)
        };
        let missing = cells().filter(|cell| cell.is_nan()).count();
        let missing = if missing > 0 { Count::from(missing).to_string() } else { String::new() };
        let flag = usize::from(column.flag_missing);
        let name = bundle::printable(&column.name).to_string();
        table.push(match &column.kind {
            ColumnKind::Number { .. } => {
                let present = || cells().filter(|cell| !cell.is_nan()).map(f64::from);
                let (low, high) =
                    present().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
                let mean = present().sum::<f64>() / present().count().max(1) as f64;
                let start = column.since.as_deref().and_then(bundle::seconds_of);
                let [low, mean, high] = match start {
                    Some(start) => [low, mean, high].map(|seconds| bundle::date_of(start + seconds)),
                    None => [low, mean, high].map(significant),
                };
                let holds = if start.is_some() { "dates" } else { "numbers" };
                let width = steps + 2 * column.cycles.len() + flag;
                vec![name, holds.into(), low, mean, high, missing, Count::from(width).to_string()]
            }
            ColumnKind::Category { values } => {
                let shown: Vec<String> =
                    values.iter().take(MAX_NAMED).map(|value| bundle::printable(value).to_string()).collect();
                let more = if values.len() > MAX_NAMED { ", .." } else { "" };
                let holds = format!("{}: {}{more}", counted(values.len(), "category"), shown.join(", "));
                let none = String::new();
                let width = Count::from(values.len() + 1 + flag).to_string();
                vec![name, holds, none.clone(), none.clone(), none, missing, width]
            }
        });
    }
    let more = described.len().saturating_sub(MAX_COLUMNS);
    let more = if more > 0 { format!("\nand {} more", counted(more, "column")) } else { String::new() };
    format!("{}{more}", fitted(&table, 2))
}

/// A value with six digits that count, as a person would write it.
fn significant(value: f64) -> String {
    let digits = value.abs().log10().floor().max(-9.) as i32;
    if digits > 9 {
        return format!("{value:.5e}");
    }
    let text = format!("{value:.*}", (5 - digits).clamp(0, 12) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_the_digits_that_count() {
        for (value, text) in [
            (999_997., "999997"),
            (1_000_002.6, "1000003"),
            (0.025, "0.025"),
            (-1.28199, "-1.28199"),
            (0., "0"),
            (3e12, "3.00000e12"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
