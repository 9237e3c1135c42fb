//! The scorer as programs embed it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bundle::{Detector, Drift, Manifest, NEIGHBOURS, RowForm, SCORER_FILE, Schema, Scores};
use kernels::Neighbours;

use super::file;
use crate::autoencoder::Autoencoder;
use crate::error::Result;
use crate::limits::Limits;
use crate::load::steady;
use crate::matrix::{Matrix, MatrixView};
use crate::threads::{Pool, Threads};

/// Rows that a thread scores at once.
const BLOCK_ROWS: usize = 256;

/// Says how unusual rows are.
///
/// It takes raw rows, as the encoder does. The network runs on our kernels or on tract, and what follows from its reconstruction is
/// computed here; `scorer.onnx` is the same as a graph, for other runtimes.
///
/// ```no_run
/// # fn main() -> runtime::Result<()> {
/// let scorer = runtime::Scorer::load("runs/table-sensors-1/onnx")?;
/// let rows = vec![0.5; 2 * scorer.input_len()];
/// let alarms = scorer.p_value(&rows)?.into_iter().map(|p_value| runtime::is_anomaly(p_value, 0.01));
/// let explained = scorer.explain(&rows)?;
/// println!("{:?}: off by {:?} standard deviations", alarms.collect::<Vec<_>>(), explained.feature_errors.row(0));
/// # Ok(()) }
/// ```
pub struct Scorer {
    autoencoder: Autoencoder,
    detector: Detector,
    known: Option<Neighbours>,
    schema: Option<Schema>,
    /// What becomes 1.0 in rows that are no table.
    white: f32,
    pool: Arc<dyn Pool>,
}

/// All that is known of how unusual some rows are.
#[derive(Clone, Debug)]
pub struct Explained {
    /// How unusual each row is, from 0. Not a number where the row has a value that is none.
    pub scores: Vec<f32>,
    /// The part of usual rows that are as unusual, in 0.0..=1.0; not a number where the score is none.
    pub p_values: Vec<f32>,
    /// `[batch, input_len]`: how many standard deviations of its error on usual rows each value is off.
    pub feature_errors: Matrix,
    /// `[batch, input_len]`: what the network makes of the rows.
    pub reconstructions: Matrix,
}

/// What rows are, for a scorer that comes from bytes.
#[derive(Clone, Debug)]
pub enum ScoredRows {
    /// Raw rows of a table.
    Table(Schema),
    /// Values of which this one becomes 1.0: 1 for pixels as floats, 255 for bytes.
    Plain(f32),
}

impl Scorer {
    /// Loads the bundle in `dir`.
    ///
    /// # Errors
    ///
    /// As [`Autoencoder::load`]; [`Error::Bundle`](crate::Error::Bundle) too when the bundle has no scorer.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self> {
        Self::load_within(dir, &Limits::default())
    }

    /// As [`Scorer::load`], for a bundle of which each file keeps to these limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn load_within(dir: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        let dir = bundle::locate(dir)?;
        steady(&dir, || {
            let autoencoder = Autoencoder::load_within(&dir, limits)?;
            let manifest = Manifest::read(&dir)?;
            let detector = file::detector(&manifest.read_file(&dir, SCORER_FILE, limits.bytes)?, limits)?;
            let white = manifest.input.range.map_or(1., |[low, high]| high - low);
            let rows = manifest.schema.map_or(ScoredRows::Plain(white), ScoredRows::Table);
            Self::new(autoencoder, detector, rows)
        })
    }

    /// Takes an autoencoder, the bytes of `scorer.onnx`, and what rows are.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) when the bytes hold no detector, [`Error::Bundle`](crate::Error::Bundle) when it does not fit the rows.
    pub fn from_bytes(autoencoder: Autoencoder, scorer: &[u8], rows: ScoredRows) -> Result<Self> {
        Self::new(autoencoder, file::detector(scorer, &Limits::default())?, rows)
    }

    fn new(autoencoder: Autoencoder, detector: Detector, rows: ScoredRows) -> Result<Self> {
        let known = detector.known.as_ref().map(|known| Neighbours::new(&known.rows(), known.width()));
        let (schema, white) = match rows {
            ScoredRows::Table(schema) => (Some(schema), 1.),
            ScoredRows::Plain(white) => (None, white),
        };
        let scorer = Self { autoencoder, detector, known, schema, white, pool: Threads::all() };
        scorer.detector.check(scorer.form(), scorer.input_len())?;
        Ok(scorer)
    }

    /// Computes on the threads of `pool` from now on instead of on [`Threads::all`]. The results are the same bytes.
    pub fn with_pool(mut self, pool: Arc<dyn Pool>) -> Self {
        self.autoencoder = self.autoencoder.with_pool(pool.clone());
        self.pool = pool;
        self
    }

    /// Values in one row.
    pub fn input_len(&self) -> usize {
        self.autoencoder.input_len()
    }

    /// The usual rows that p-values are ranks among.
    pub fn calibration_rows(&self) -> usize {
        self.detector.calibration.rows()
    }

    /// The smallest rate of false alarms that so many usual rows can keep, 1 / (n + 1): no p-value is smaller.
    pub fn min_alpha(&self) -> f32 {
        self.detector.calibration.min_alpha()
    }

    /// Watches the p-values of a stream for a change of the world, with at most one false alarm in `rows_per_alarm` rows on average.
    pub fn drift(&self, rows_per_alarm: f64) -> Drift {
        Drift::new(&self.detector.calibration, rows_per_alarm)
    }

    /// How unusual each row is, from 0.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when the rows have another length.
    pub fn score<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Vec<f32>> {
        Ok(self.scored(rows.into())?.0.scores)
    }

    /// The part of usual rows that are at least as unusual as each row, in 0.0..=1.0. An alarm at p-values of at most `alpha` is false
    /// for at most the part `alpha` of usual rows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when the rows have another length.
    pub fn p_value<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Vec<f32>> {
        Ok(self.p_values(&self.score(rows)?))
    }

    /// Scores, p-values and reasons.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when the rows have another length.
    pub fn explain<'a>(&self, rows: impl Into<MatrixView<'a>>) -> Result<Explained> {
        let (Scores { scores, feature_errors }, reconstructions) = self.scored(rows.into())?;
        let feature_errors = Matrix::new(scores.len(), self.input_len(), feature_errors)?;
        Ok(Explained { p_values: self.p_values(&scores), scores, feature_errors, reconstructions })
    }

    fn p_values(&self, scores: &[f32]) -> Vec<f32> {
        scores.iter().map(|&score| self.detector.calibration.p_value(score)).collect()
    }

    fn form(&self) -> RowForm<'_> {
        self.schema.as_ref().map_or(RowForm::Plain { white: self.white }, RowForm::Table)
    }

    fn scored(&self, rows: MatrixView) -> Result<(Scores, Matrix)> {
        let reconstructions = self.autoencoder.reconstruct(rows)?;
        let block = BLOCK_ROWS * self.input_len().max(1);
        let distances = |rows: &[f32], out: &mut [f32]| {
            if let Some(known) = &self.known {
                known.mean_distances(rows, NEIGHBOURS, out);
            }
        };
        let blocks: Vec<_> = rows.values.chunks(block).zip(reconstructions.as_slice().chunks(block)).collect();
        let score = |(raw, restored)| self.detector.score(self.form(), [raw, restored], distances);
        if let [only] = blocks[..] {
            return Ok((score(only), reconstructions));
        }
        let (next, found) = (Mutex::new(blocks.iter().enumerate()), Mutex::new(vec![Scores::default(); blocks.len()]));
        let work = || {
            let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((index, block)) = take() {
                let scores = score(*block);
                found.lock().unwrap_or_else(PoisonError::into_inner)[index] = scores;
            }
        };
        self.pool.run(blocks.len(), &work);
        // Blocks that the pool left undone, one that is being shut down for instance.
        work();
        let mut all = Scores::default();
        for Scores { scores, feature_errors } in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            all.scores.extend(scores);
            all.feature_errors.extend(feature_errors);
        }
        Ok((all, reconstructions))
    }
}
