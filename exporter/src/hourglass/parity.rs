//! Verifies the files that were just written: the runtime and tract alone must compute on held-out rows what candle
//! computes.

use std::borrow::Cow;
use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use bundle::{AUTOENCODER_FILE, DECODER_FILE, ENCODER_FILE, SCORER_FILE};
use runtime::{Autoencoder, Encoder, Explained, Matrix, Scorer, ScorerOnTract};
use serde::Serialize;

use crate::hourglass::error::ExportError;
use crate::hourglass::held_out::{Expected, HeldOut};
use crate::hourglass::known::Known;
use crate::hourglass::scored::Scored;

type Result<T> = crate::error::Result<T, ExportError>;

/// One row, a pair, an odd number that fills no block, and a training batch.
const BATCHES: [usize; 4] = [1, 2, 17, 256];

/// The largest differences between the exported files' results and candle's.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parity = exporter::export(&trainer::Run::newest("runs")?, &Default::default())?.parity;
/// assert_eq!((parity.verdict, parity.graphs()), ("passed", vec!["encoder", "decoder", "both"]));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parity {
    /// The largest relative difference that was allowed.
    pub tolerance: f32,
    /// `passed`: where a result differs too much, no bundle is written.
    pub verdict: &'static str,
    /// The number of held-out rows; a larger batch repeats some of them.
    pub held_out_rows: usize,
    /// How `max_relative` is defined.
    pub relative_to: &'static str,
    /// Each graph at each batch size.
    pub results: Vec<ParityRow>,
}

/// One graph at one batch size.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parity = exporter::export(&trainer::Run::newest("runs")?, &Default::default())?.parity;
/// assert!(parity.results.iter().all(|row| row.max_relative <= parity.tolerance));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParityRow {
    /// `encoder`, `decoder`, or `both`: the decoder on the encoder's own output; `log_variance`: the second output of a
    /// variational encoder.
    pub graph: &'static str,
    /// What computed it: `runtime`, as programs embed it, or `tract` alone, which shares no kernel with the trainer.
    pub engine: &'static str,
    /// Rows in one call.
    pub batch: usize,
    /// Rows in the calls that were compared.
    pub rows: usize,
    /// Largest |engine - candle|.
    pub max_absolute: f32,
    /// Largest |engine - candle| in relation to [`Parity::relative_to`]: the tolerance is for this one.
    pub max_relative: f32,
}

impl Parity {
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a report of differences is plain numbers and text")
    }

    /// The largest differences over all rows of `graph`: absolute and relative.
    pub fn worst(&self, graph: &str) -> Option<(f32, f32)> {
        let rows = self.results.iter().filter(|row| row.graph == graph);
        rows.map(|row| (row.max_absolute, row.max_relative)).reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
    }

    /// The graphs that were compared.
    pub fn graphs(&self) -> Vec<&'static str> {
        let mut graphs = Vec::new();
        for row in &self.results {
            if !graphs.contains(&row.graph) {
                graphs.push(row.graph);
            }
        }
        graphs
    }
}

/// Verifies `encoder.onnx` and `decoder.onnx` in `dir`: each alone and one after the other, as programs embed them and on
/// tract alone.
pub(super) fn verify_split(dir: &Path, rows: &HeldOut, tolerance: f32) -> Result<Parity> {
    let (encoder, decoder) = (read(dir, ENCODER_FILE)?, read(dir, DECODER_FILE)?);
    let embedded = Autoencoder::from_bytes(&encoder, &decoder)?;
    let on_tract = Autoencoder::from_bytes_on_tract(&encoder, &decoder)?;
    let checks = [split("runtime", &embedded), split("tract", &on_tract)].into_iter().flatten().collect();
    let mut results = compare(checks, rows)?;
    if let Some(scored) = rows.scored() {
        let scorer = read(dir, SCORER_FILE)?;
        let embedded = Scorer::from_bytes(embedded, &scorer, rows.scored_rows())?;
        let on_tract = ScorerOnTract::from_bytes(&scorer)?;
        let explained = |batch: &Expected| Ok(embedded.explain(&batch.input)?);
        let explained_on_tract = |batch: &Expected| Ok(on_tract.explain(&batch.input)?);
        let checks =
            [scorer_checks("runtime", scored, &explained), scorer_checks("tract", scored, &explained_on_tract)];
        results.extend(compare(checks.into_iter().flatten().collect(), rows)?);
    }
    verdict(results, (rows.distinct(), rows.relative_to()), tolerance)
}

/// What a scorer says about a batch.
type Explain<'a> = &'a (dyn Fn(&Expected) -> Result<Explained> + Sync);

/// The reconstruction in the scorer against candle's, and all that follows from it against the detector.
fn scorer_checks<'a>(engine: &'static str, scored: &'a Scored, explain: Explain<'a>) -> Vec<Check<'a>> {
    let check = |graph, run: Run<'a>| Check { graph, engine, run };
    let column = |values: Vec<f32>| Ok::<_, ExportError>(Matrix::new(values.len(), 1, values)?);
    let expected = |batch: &Expected, found: &Explained| {
        scored.expected(batch.first, &batch.input, found.reconstructions.as_slice()).map(Cow::Owned)
    };
    let reconstruction: Run =
        Box::new(move |batch| Ok((explain(batch)?.reconstructions, Cow::Borrowed(&batch.reconstruction))));
    let score: Run = Box::new(move |batch| {
        let found = explain(batch)?;
        let [score, _, _] = expected(batch, &found);
        Ok((column(found.scores)?, score))
    });
    let p_value: Run = Box::new(move |batch| {
        let found = explain(batch)?;
        let [_, p_value, _] = expected(batch, &found);
        Ok((column(found.p_values)?, p_value))
    });
    let feature_error: Run = Box::new(move |batch| {
        let found = explain(batch)?;
        let [_, _, feature_error] = expected(batch, &found);
        Ok((found.feature_errors, feature_error))
    });
    vec![
        check("scorer", reconstruction),
        check("score", score),
        check("p_value", p_value),
        check("feature_error", feature_error),
    ]
}

fn split<'a>(engine: &'static str, autoencoder: &'a Autoencoder) -> Vec<Check<'a>> {
    let check = |graph, run: Run<'a>| Check { graph, engine, run };
    let encoder: Run = Box::new(|batch| Ok((autoencoder.encode(&batch.input)?, Cow::Borrowed(&batch.latent))));
    let mut checks = vec![check("encoder", encoder)];
    if autoencoder.is_variational() {
        let log_variance: Run = Box::new(|batch| {
            Ok((autoencoder.encode_distribution(&batch.input)?.1, Cow::Borrowed(&batch.log_variance)))
        });
        checks.push(check("log_variance", log_variance));
    }
    let decoder: Run =
        Box::new(|batch| Ok((autoencoder.decode(&batch.latent.values)?, Cow::Borrowed(&batch.reconstruction))));
    let both: Run =
        Box::new(|batch| Ok((autoencoder.reconstruct(&batch.input)?, Cow::Borrowed(&batch.reconstruction))));
    checks.extend([check("decoder", decoder), check("both", both)]);
    checks
}

/// Verifies `autoencoder.onnx` in `dir`.
pub(super) fn verify_whole(dir: &Path, rows: &HeldOut, tolerance: f32) -> Result<Parity> {
    // The runtime's encoder is any graph from rows to rows.
    let bytes = read(dir, AUTOENCODER_FILE)?;
    let engines = [("runtime", Encoder::from_bytes(&bytes)?), ("tract", Encoder::from_bytes_on_tract(&bytes)?)];
    let mut checks = vec![];
    for (engine, whole) in &engines {
        let run: Run = Box::new(|batch| Ok((whole.encode(&batch.input)?, Cow::Borrowed(&batch.reconstruction))));
        checks.push(Check { graph: "autoencoder", engine, run });
    }
    verdict(compare(checks, rows)?, (rows.distinct(), rows.relative_to()), tolerance)
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let path = dir.join(name);
    fs::read(&path).map_err(|source| ExportError::io("read", &path, source))
}

/// One graph in one engine.
struct Check<'a> {
    graph: &'static str,
    engine: &'static str,
    run: Run<'a>,
}

/// What was computed of a batch, and what was expected.
type Run<'a> = Box<dyn for<'b> Fn(&'b Expected) -> Result<(Matrix, Cow<'b, Known>)> + Sync + 'a>;

/// Runs all checks at each batch size, side by side; the rows are in the order of the checks.
fn compare(checks: Vec<Check>, rows: &HeldOut) -> Result<Vec<ParityRow>> {
    let columns: Result<Vec<_>> = thread::scope(|scope| {
        let checks = &checks;
        let workers = BATCHES.map(|batch| scope.spawn(move || column(checks, rows, batch)));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let columns = columns?;
    Ok((0..checks.len()).flat_map(|check| columns.iter().map(move |column| column[check].clone())).collect())
}

/// The results of all checks at one batch size.
fn column(checks: &[Check], rows: &HeldOut, batch: usize) -> Result<Vec<ParityRow>> {
    let empty = |&Check { graph, engine, .. }: &Check| ParityRow {
        graph,
        engine,
        batch,
        rows: 0,
        max_absolute: 0.,
        max_relative: 0.,
    };
    let mut column: Vec<ParityRow> = checks.iter().map(empty).collect();
    for expected in rows.batches(batch) {
        let expected = expected?;
        for (row, check) in column.iter_mut().zip(checks) {
            let (found, expected) = (check.run)(&expected)?;
            let (absolute, relative) = difference(found.as_slice(), &expected);
            row.max_absolute = row.max_absolute.max(absolute);
            row.max_relative = row.max_relative.max(relative);
            row.rows += batch;
        }
    }
    Ok(column)
}

/// The largest absolute and relative difference; infinite when lengths differ or a value is no number.
fn difference(found: &[f32], Known { values, sizes }: &Known) -> (f32, f32) {
    if found.len() != values.len() {
        return (f32::INFINITY, f32::INFINITY);
    }
    let differences = found.iter().zip(values).zip(sizes).map(|((found, expected), size)| {
        let absolute = (found - expected).abs();
        if absolute.is_nan() { (f32::INFINITY, f32::INFINITY) } else { (absolute, absolute / size) }
    });
    differences.fold((0., 0.), |a: (f32, f32), b| (a.0.max(b.0), a.1.max(b.1)))
}

fn verdict(
    results: Vec<ParityRow>,
    (held_out_rows, relative_to): (usize, &'static str),
    tolerance: f32,
) -> Result<Parity> {
    let worst = results.iter().max_by(|a, b| a.max_relative.total_cmp(&b.max_relative));
    if let Some(&ParityRow { graph, engine, batch, max_relative: difference, .. }) = worst
        && difference > tolerance
    {
        return Err(ExportError::Parity { graph, engine, batch, difference, tolerance });
    }
    Ok(Parity { tolerance, verdict: "passed", held_out_rows, relative_to, results })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_measured_and_never_hidden_by_nan() {
        assert_eq!(difference(&[1., 10.5], &Known::alone(vec![1., 10.])), (0.5, 0.05));
        assert_eq!(difference(&[0.25], &Known::alone(vec![0.])), (0.25, 0.25));
        assert_eq!(difference(&[f32::NAN, 1.], &Known::alone(vec![1., 1.])).1, f32::INFINITY);
        assert_eq!(difference(&[1., f32::NAN], &Known::alone(vec![1., f32::NAN])).0, f32::INFINITY);
        assert_eq!(difference(&[1.], &Known::alone(vec![1., 2.])).0, f32::INFINITY);
    }

    #[test]
    fn the_worst_row_decides() {
        let row = |graph, max_relative| ParityRow {
            graph,
            engine: "tract",
            batch: 2,
            rows: 2,
            max_absolute: 0.,
            max_relative,
        };
        let rows = vec![row("encoder", 1e-7), row("decoder", 3e-5), row("both", 2e-6)];
        assert!(verdict(rows.clone(), (2, "size"), 1e-4).is_ok());
        let error = verdict(rows, (2, "size"), 1e-5).unwrap_err().to_string();
        assert!(
            error.starts_with("decoder: at batch size 2 tract's result differs from candle's by 3.00e-5, more"),
            "{error}"
        );
    }
}
