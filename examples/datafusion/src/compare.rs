//! Whether scores in two tables are the same, row for row, as far as rounding allows.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::prelude::SessionContext;

use crate::Result;

/// How far scores may be from those of `runtime score`, relative to 1 and to the score.
const TOLERANCE: f64 = 1e-5;

/// Fails unless the rows of the first table have the scores and the p-values of those of the second.
pub async fn tables(context: &SessionContext, found: &str, known: &str) -> Result<()> {
    for name in ["score", "p_value"] {
        values(name, &numbers(context, found, name).await?, &numbers(context, known, name).await?)?;
    }
    Ok(())
}

/// A column of a table as numbers.
async fn numbers(context: &SessionContext, table: &str, name: &str) -> Result<Vec<f64>> {
    let query = context.sql(&format!("SELECT CAST({name} AS DOUBLE) FROM {table}")).await?;
    let mut values = vec![];
    for batch in query.collect().await? {
        values.extend(batch.column(0).as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)));
    }
    Ok(values)
}

/// Fails unless the values of `name` are the known ones.
fn values(name: &str, found: &[f64], known: &[f64]) -> Result<()> {
    let rows = known.len();
    if found.len() != rows {
        return Err(format!("expected {rows} rows, found {}", found.len()).into());
    }
    let mut differences: Vec<f64> = found.iter().zip(known).map(|(a, b)| (a - b).abs() / b.abs().max(1.)).collect();
    if name == "p_value" {
        // A score within rounding of a calibration row's counts for that row in one build and not in another: one rank, very seldom.
        let mut sorted = known.to_vec();
        sorted.sort_by(f64::total_cmp);
        let steps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
        let rank = steps.filter(|step| *step > 0.).fold(1., f64::min);
        let is_rank = |difference: &f64| *difference > TOLERANCE && *difference <= rank + TOLERANCE;
        let count = differences.iter().filter(|difference| is_rank(difference)).count();
        if 0 < count && count <= rows / 1000 {
            println!("{name}: {count} of {rows} rows differ by one rank, {rank:.1e}");
            differences.retain(|difference| !is_rank(difference));
        }
    }
    // What is not a number counts as the largest.
    let difference = differences.into_iter().max_by(f64::total_cmp).unwrap_or_default();
    println!("{name}: {rows} rows, largest difference from the runtime {difference:.1e}");
    if difference <= TOLERANCE {
        Ok(())
    } else {
        Err(format!("{name}: differs by {difference:.1e}, more than {TOLERANCE}").into())
    }
}
