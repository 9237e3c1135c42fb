//! Scores the rows of a Parquet file in SQL: DataFusion hands the runtime some thousand rows at a time, on all its threads.
//!
//! ```text
//! scores runs/table-sensors-1 rows.parquet               # the most unusual rows
//! scores runs/table-sensors-1 rows.parquet scored.csv    # compared with what `runtime score` wrote
//! ```
//!
//! In a query, `score(..)` and `p_value(..)` take the columns of the bundle in its order, dates and words as text.

mod compare;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float32Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::{CsvReadOptions, ParquetReadOptions, SessionConfig, SessionContext};
use runtime::{Column, ColumnKind, Manifest, Schema, Scorer};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match &arguments[..] {
        [bundle, rows] => show(bundle, rows).await,
        [bundle, rows, scored] => check(bundle, rows, scored).await,
        _ => Err("usage: scores BUNDLE rows.parquet [scored.csv]".into()),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Prints the ten most unusual rows.
async fn show(bundle: &str, rows: &str) -> Result<()> {
    let context = open(bundle, rows, SessionConfig::new()).await?;
    Ok(context.sql("SELECT * FROM scored ORDER BY score DESC LIMIT 10").await?.show().await?)
}

/// Fails unless scores and p-values are those in the file `scored`, row for row, as far as rounding allows.
async fn check(bundle: &str, rows: &str, scored: &str) -> Result<()> {
    // With more than one partition, rows come in any order. The scorer shares those of a batch out among all threads.
    let context = open(bundle, rows, SessionConfig::new().with_target_partitions(1)).await?;
    context.register_csv("known", scored, CsvReadOptions::new()).await?;
    compare::tables(&context, "scored", "known").await
}

/// A session in which the table `scored` has the rows of the file, each with its score and its p-value.
async fn open(bundle: &str, rows: &str, config: SessionConfig) -> Result<SessionContext> {
    let context = SessionContext::new_with_config(config);
    let columns = register(&context, bundle)?;
    context.register_parquet("given", rows, ParquetReadOptions::default()).await?;
    let query = format!("SELECT score({columns}) AS score, p_value({columns}) AS p_value, * FROM given");
    context.sql(&format!("CREATE VIEW scored AS {query}")).await?;
    Ok(context)
}

/// Adds the functions `score` and `p_value` to the session, and returns what they take; the bundle is loaded once.
fn register(context: &SessionContext, path: &str) -> Result<String> {
    let dir = bundle::locate(path)?;
    let schema = Manifest::read(&dir)?.schema.ok_or("expected the bundle of a table")?;
    let loaded = Arc::new((Scorer::load(&dir)?, schema.clone()));
    type Function = fn(&Scorer, &[f32]) -> runtime::Result<Vec<f32>>;
    let functions: [(_, Function); 2] =
        [("score", |scorer, rows| scorer.score(rows)), ("p_value", |scorer, rows| scorer.p_value(rows))];
    for (name, function) in functions {
        let loaded = loaded.clone();
        let compute = move |cells: &[ColumnarValue]| {
            let (scorer, schema) = &*loaded;
            let found = raw_rows(schema, &ColumnarValue::values_to_arrays(cells)?)
                .and_then(|rows| Ok(function(scorer, &rows)?))?;
            Ok(ColumnarValue::Array(Arc::new(Float32Array::from(found))))
        };
        let kinds =
            schema.columns().iter().map(|column| if is_plain(column) { DataType::Float64 } else { DataType::Utf8View });
        context.register_udf(create_udf(
            name,
            kinds.collect(),
            DataType::Float32,
            Volatility::Immutable,
            Arc::new(compute),
        ));
    }
    let argument = |column: &Column| {
        let name = column.name.replace('"', r#""""#);
        format!(r#"CAST("{name}" AS {})"#, if is_plain(column) { "DOUBLE" } else { "VARCHAR" })
    };
    Ok(schema.columns().iter().map(argument).collect::<Vec<_>>().join(", "))
}

/// Whether the column holds numbers as they are, neither words nor dates.
fn is_plain(column: &Column) -> bool {
    matches!(column.kind, ColumnKind::Number { .. }) && column.since.is_none()
}

/// The cells of each column as raw rows, `[rows, columns]`.
fn raw_rows(schema: &Schema, cells: &[ArrayRef]) -> Result<Vec<f32>> {
    let columns = schema.raw_len();
    let mut rows = vec![0.; columns * cells.first().map_or(0, |cells| cells.len())];
    for (place, (column, cells)) in schema.columns().iter().zip(cells).enumerate() {
        let targets = rows.iter_mut().skip(place).step_by(columns);
        if is_plain(column) {
            for (target, cell) in targets.zip(cells.as_primitive::<Float64Type>()) {
                let number = cell.unwrap_or(f64::NAN) as f32;
                // What is no number may be missing, or is refused.
                *target = if number.is_finite() { number } else { column.parse(&number.to_string())? };
            }
        } else {
            for (target, cell) in targets.zip(cells.as_string_view()) {
                *target = column.parse(cell.unwrap_or_default())?;
            }
        }
    }
    Ok(rows)
}
