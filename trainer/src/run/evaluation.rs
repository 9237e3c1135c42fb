//! Measuring a trained run again: on its own test rows, or on other data of the same size.

use candle_core::Device;

use super::Run;
use crate::data::{DataSource, Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::{Baselines, Budget, LeftOut, Measure, PcaReport, TestReport, test_report};
use crate::fused::Categories;

/// How good a run's best weights are on a set of test rows.
#[derive(Clone, Debug, PartialEq)]
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
/// weights are missing or damaged.
pub fn evaluate_run(run: &Run, data: Option<&DataSource>) -> Result<Evaluation> {
    let config = run.config()?;
    let device = Device::Cpu;
    let model = run.load_best(&device)?;
    let dataset = match data {
        None => Dataset::load_again(&config.data, &config.preparation())?,
        Some(source) => Dataset::load_with(source, &config.preparation())?,
    };
    // The columns of another table would be scaled in another way.
    let is_table = dataset.test.schema().is_some();
    if (data.is_none() || is_table)
        && let Some(summary) = run.summary_if_finished()?
        && summary.data.fingerprint != dataset.fingerprint()
    {
        let place = data.unwrap_or(&config.data);
        let reason = format!("expected the rows this run was trained on in `{place}`, found others");
        return Err(Error::file(run.dir(), reason));
    }
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
    let Baselines { neighbour_accuracy, pca, left_out, .. } =
        Baselines::compute(&measure, &dataset, &split, Budget::unlimited())?;
    test.neighbour_accuracy = neighbour_accuracy;
    Ok(Evaluation { network: model.network().to_string(), data: dataset.name, test, pca, left_out })
}
