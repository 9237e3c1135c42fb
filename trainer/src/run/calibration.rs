//! Calibrating a run's detector again, without training.

use std::collections::HashSet;

use bundle::{Calibration, listed_names, printable};
use candle_core::Device;

use super::Run;
use crate::data::{DataSource, Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::{Measure, detector_scores, usual_rows};
use crate::fused::Categories;

/// Ranks p-values among other usual rows from now on: those of `data`, or again the run's own test rows. Returns their number.
///
/// Where `data` is a table with the column of labels that the run was trained with, its usual rows are those with a label that training
/// rows have; where it has no such column, all are. They should be rows that did not train the network. A bundle that was exported before
/// keeps its own calibration. Rows of a table that are equal to a training row are left out.
///
/// ```no_run
/// # fn main() -> trainer::Result<()> {
/// let run = trainer::Run::newest("runs")?;
/// let rows = trainer::calibrate_run(&run, Some(&trainer::DataSource::Path("last-month.csv".into())))?;
/// println!("p-values are ranks among {rows} rows");
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`Error::File`] when the run has no detector, its own rows have changed, or rows cannot be read; [`Error::Setting`] when those of
/// `data` are of another kind, or cannot be scored.
pub fn calibrate_run(run: &Run, data: Option<&DataSource>) -> Result<usize> {
    let _lock = run.lock()?;
    let Some(mut detector) = run.detector()? else {
        let reason = "expected this run's detector, found none: it had no usual test rows, or comes from an earlier version; train it again";
        return Err(Error::file(&run.detector_path(), reason));
    };
    let config = run.config()?;
    let device = Device::Cpu;
    let model = run.load_best(&device)?;
    let dataset = Dataset::load_again(&config.data, &config.preparation())?;
    if let Some(summary) = run.summary_if_finished()?
        && summary.data.fingerprint != dataset.fingerprint()
    {
        let reason = format!("expected the rows this run was trained on in `{}`, found others", config.data);
        return Err(Error::file(run.dir(), reason));
    }
    let split = Split::new(&dataset, config.validation, config.seed)?;
    let measure =
        Measure::new(&model, config.measure(), &device).with_categories(Categories::of(dataset.train.schema()));
    let mut scores = vec![];
    match data {
        None => {
            let usual = usual_rows(&dataset, &split);
            scores.extend(detector_scores(&measure, &dataset.test, &usual, &detector)?);
        }
        Some(source) => {
            let has_labels = dataset.train.schema().is_some() || config.data.is_folder_of_pictures();
            let trained: HashSet<u64> =
                (0..dataset.train.len()).filter_map(|row| dataset.train.raw_digest(row)).collect();
            let known: HashSet<u8> = dataset.train.labels().iter().copied().collect();
            for samples in dataset.rows_of([&config.data, source], &config.preparation())? {
                let is_usual = |row: &u32| !has_labels || known.contains(&samples.labels()[*row as usize]);
                let is_new =
                    |row: &u32| samples.raw_digest(*row as usize).is_none_or(|digest| !trained.contains(&digest));
                let usual: Vec<u32> = (0..samples.len() as u32).filter(is_usual).filter(is_new).collect();
                scores.extend(detector_scores(&measure, &samples, &usual, &detector)?);
            }
        }
    }
    if let Some(label) = dataset.train.label_column.as_ref().filter(|_| scores.is_empty()) {
        let reason =
            format!("expected rows whose `{}` is {}, found none", printable(&label.name), listed_names(&label.usual));
        return Err(Error::setting("data", reason));
    }
    // A row with a value that is none has no score.
    scores.retain(|score| score.is_finite());
    let calibration = Calibration::new(scores).map_err(|error| Error::setting("data", error.to_string()))?;
    detector.calibration = calibration;
    run.write_detector(&detector)?;
    Ok(detector.calibration.rows())
}
