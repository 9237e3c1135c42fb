//! Measuring a trained run again: on its own test rows, or on other data of the same size.

use candle_core::Device;
use serde::Serialize;

use super::Run;
use crate::config::Config;
use crate::data::{DataSource, Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::{
    AnomalyReport, Baselines, Budget, FalseAlarms, LeftOut, Measure, PcaReport, TestReport, TestScores, anomaly_report,
    false_alarms, test_report,
};
use crate::fused::Categories;

/// How good a run's best weights are on a set of test rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// What the layers give: `784-32-784`.
    pub network: String,
    /// The name of the data.
    pub data: String,
    /// The network.
    pub test: TestReport,
    /// PCA of the same width, fitted to the training rows of the same data; nothing when it was left out.
    pub pca: Option<PcaReport>,
    /// The baselines that were left out, and why.
    pub left_out: Vec<LeftOut>,
    /// How well unusual test rows are told from usual ones; nothing where none is known, or the run has no detector.
    pub anomalies: Option<AnomalyReport>,
    /// The alarms among usual test rows; nothing where the run has no detector.
    pub false_alarms: Option<FalseAlarms>,
}

/// Measures the best weights of `run` on its own test rows, or on those of `data`, with the noise that the run was trained for.
///
/// ```no_run
/// # fn main() -> trainer::Result<()> {
/// let evaluation = trainer::evaluate_run(&trainer::Run::newest("runs")?, None)?;
/// println!("{:?} against {:?}", evaluation.test.metrics, evaluation.pca.map(|pca| pca.metrics));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`Error::Setting`] when the images of `data` have another size; [`Error::File`] when the run's own data has changed, or its
/// weights are missing or damaged; [`Error::Table`] when another table cannot be read as the run's.
pub fn evaluate_run(run: &Run, data: Option<&DataSource>) -> Result<Evaluation> {
    let config = run.config()?;
    let device = Device::Cpu;
    let model = run.load_best(&device)?;
    let dataset = dataset(run, &config, data)?;
    let (expected, found) = (&model.network().image_shape, dataset.image_shape());
    if *expected != found {
        let text = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        let (expected, found) = (text(expected), text(&found));
        let reason = format!("expected images of {expected}, as the run was trained on; found {found}");
        return Err(Error::setting("data", reason));
    }
    let split = Split::new(&dataset, config.validation, config.seed)?;
    let measure =
        Measure::new(&model, config.measure(), &device).with_categories(Categories::of(dataset.train.schema()));
    let mut test = test_report(&measure, &dataset, &split)?;
    let mut baselines = Baselines::compute(&measure, &dataset, &split, Budget::unlimited())?;
    test.neighbour_accuracy = baselines.neighbour_accuracy;
    let score = |detector| TestScores::new(&measure, &dataset, &split, detector);
    let scores = run.detector()?.map(score).transpose()?;
    let mut anomalies = scores.as_ref().and_then(anomaly_report);
    if let (Some(report), Some(scores)) = (&mut anomalies, &scores) {
        baselines.compute_anomalies(&dataset, &split, &scores.is_unusual, Budget::unlimited())?;
        report.baselines = baselines.anomalies;
    }
    let Baselines { pca, left_out, .. } = baselines;
    let network = model.network().to_string();
    let false_alarms = scores.as_ref().map(false_alarms);
    Ok(Evaluation { network, data: dataset.name, test, pca, left_out, anomalies, false_alarms })
}

/// The run's own rows, or those of `data`. Another table has no training rows: its test rows are all its rows, as the run's network takes them.
fn dataset(run: &Run, config: &Config, data: Option<&DataSource>) -> Result<Dataset> {
    let preparation = config.preparation();
    let trained_on = run.summary_if_finished()?.map(|summary| summary.data.fingerprint);
    let check = |dataset: Dataset, place: &DataSource| match &trained_on {
        Some(fingerprint) if *fingerprint != dataset.fingerprint() => {
            let reason = format!("expected the rows this run was trained on in `{place}`, found others");
            Err(Error::file(run.dir(), reason))
        }
        _ => Ok(dataset),
    };
    let Some(source) = data else {
        return check(Dataset::load_again(&config.data, &preparation)?, &config.data);
    };
    let has_kind = config.data.is_table() || config.data.is_folder_of_pictures() && source.is_folder_of_pictures();
    if !has_kind || *source == config.data {
        let dataset = Dataset::load_with(source, &preparation)?;
        // Where the run's own table is gone, this must be a copy of it.
        return if dataset.test.schema().is_some() { check(dataset, source) } else { Ok(dataset) };
    }
    let own = check(Dataset::load_with(&config.data, &preparation)?, &config.data)?;
    let copy = Dataset::load_with(source, &preparation);
    if let Some(copy) = copy.ok().filter(|copy| copy.fingerprint() == own.fingerprint()) {
        return Ok(copy);
    }
    let test = own.rows_of([&config.data, source], &preparation)?.swap_remove(0);
    Ok(Dataset { name: source.name(), test, ..own })
}
