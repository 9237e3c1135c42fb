//! A run from its settings to its result: train, then evaluate, then report.

use std::cell::RefCell;
use std::path::Path;

use crate::config::Config;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::{
    Baselines, Budget, DetectorWish, Measure, Metrics, Stage, Symptoms, TestScores, anomaly_report, findings,
    fit_detector, test_report, threshold,
};
use crate::fused::Categories;
use crate::model::Autoencoder;
use crate::report;
use crate::run::{DataReport, Run, StopReason, Summary, Versions, fingerprint};
use crate::train::{Ended, Observer, Outcome, Training};

/// The baselines may take at least this many seconds.
const MIN_BASELINE_SECONDS: f64 = 10.;

/// Trains `run` to its last epoch: from the start, or from where it was interrupted.
///
/// Unless a time budget ends it, the result depends on `config` alone: an interrupted run ends with the same bytes as an
/// uninterrupted one, with any number of threads.
///
/// # Errors
///
/// [`Error::Diverged`] when the loss is no longer finite, [`Error::Setting`] for settings that do not fit the data, and
/// the errors of reading and writing the run folder.
pub fn fit(config: &Config, dataset: &Dataset, run: &Run, observer: &mut dyn Observer) -> Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()
        .map_err(|error| Error::setting("threads", error.to_string()))?;
    let _lock = run.lock()?;
    dataset.store(run.dir())?;
    let rows = dataset.train_rows(Split::new(dataset, config.validation, config.seed)?.train.len());
    let config = &Config { epochs: config.epochs_for(rows), ..config.clone() };
    let job = Job { config, dataset, run };
    // candle divides a product by the number of cores, not of threads, so the pool's size moves work and not results.
    pool.install(|| {
        let mut training = Training::new(config, dataset, run)?;
        match training.train(observer)? {
            Ended::Interrupted { epoch, step } => Ok(Outcome::Interrupted { epoch, step }),
            Ended::Finished(reason) => Ok(Outcome::Finished(Box::new(job.finish(&training, reason, observer)?))),
            // The best epoch's weights become the run's result before the error is returned.
            Ended::Diverged(error) if training.progress.best.is_some() => {
                Err(job.finish(&training, StopReason::Divergence, observer).err().unwrap_or(error))
            }
            Ended::Diverged(error) => Err(error),
        }
    })
}

/// What a run is made of.
struct Job<'a> {
    config: &'a Config,
    dataset: &'a Dataset,
    run: &'a Run,
}

impl Job<'_> {
    /// Evaluates the best weights and writes pictures, report and result. The result comes last: what has one is whole.
    fn finish(&self, training: &Training, reason: StopReason, observer: &mut dyn Observer) -> Result<Summary> {
        let Self { config, dataset, run } = self;
        let Training { split, device, progress, .. } = training;
        let best = run.best_of_training(progress.best)?;
        let model = Autoencoder::load(&best, device)?;
        let measure =
            Measure::new(&model, config.measure(), device).with_categories(Categories::of(dataset.train.schema()));
        observer.finishing(Stage::Measure, 0.);
        let mut summary = self.measure((training, &best), &measure, reason)?;
        let symptoms = Symptoms::examine(&measure, dataset, split)?;
        let rates = progress.history.iter().map(|record| record.learning_rate);
        let recipe = config.recipe(reason == StopReason::TimeBudget, rates);
        summary.findings = findings(&symptoms, &summary.test, None, &recipe);
        let wish = DetectorWish { kind: config.detector, trains_anomalies: config.table.trains_anomalies() };
        let detector = fit_detector(&measure, dataset, split, wish)?;
        let scored = |detector| TestScores::new(&measure, dataset, split, detector);
        let scores = detector.clone().map(scored).transpose()?;
        summary.anomalies = scores.as_ref().and_then(anomaly_report);

        let seconds = config.baseline_seconds.unwrap_or(summary.seconds.max(MIN_BASELINE_SECONDS));
        let watcher = RefCell::new(&mut *observer);
        let watch = |stage, part| {
            let mut watcher = watcher.borrow_mut();
            watcher.finishing(stage, part);
            !watcher.should_stop()
        };
        let budget = Budget::new(seconds, &watch);
        let mut baselines = Baselines::compute(&measure, dataset, split, budget)?;
        if let (Some(report), Some(scores)) = (&mut summary.anomalies, &scores) {
            baselines.compute_anomalies(dataset, split, &scores.is_unusual, budget)?;
            report.baselines = baselines.anomalies;
        }
        summary.test.neighbour_accuracy = baselines.neighbour_accuracy;
        summary.pca = baselines.pca;
        summary.left_out = baselines.left_out;
        summary.findings = findings(&symptoms, &summary.test, summary.pca.as_ref(), &recipe);

        observer.finishing(Stage::Report, 0.);
        let (history, test) = (&progress.history[..], &dataset.test);
        report::write(&report::Finished {
            run,
            summary: &summary,
            history,
            measure: &measure,
            test,
            scores: scores.as_ref(),
        })?;
        run.publish(&best, detector.as_ref(), &summary)?;
        Ok(summary)
    }

    /// The result without the baselines.
    fn measure(
        &self,
        (training, best): (&Training, &Path),
        measure: &Measure,
        stop_reason: StopReason,
    ) -> Result<Summary> {
        let Self { config, dataset, run } = self;
        let Training { split, progress, .. } = training;
        let (model, test) = (measure.model, &dataset.test);
        let summary = Summary {
            preset: config.preset.name().into(),
            network: model.network().to_string(),
            parameters: model.parameter_count(),
            latent_dim: model.network().latent_dim(),
            epochs: progress.history.len(),
            stop_reason,
            best: progress.best.ok_or_else(|| Error::file(&run.resume(), "no epoch is finished"))?,
            weights: fingerprint(best)?,
            test: test_report(measure, dataset, split)?,
            pca: None,
            left_out: Vec::new(),
            findings: Vec::new(),
            threshold: threshold(measure, dataset, split)?,
            anomalies: None,
            data: DataReport {
                name: dataset.name.clone(),
                fingerprint: progress.fingerprint.clone(),
                image_shape: dataset.image_shape(),
                max_value: test.max_value(),
                train_rows: dataset.train_rows(split.train.len()),
                validation_rows: split.validation.len(),
                test_rows: test.len(),
            },
            device: config.device.to_string(),
            seconds: training.trained_seconds(),
            versions: Versions::default(),
        };
        let Metrics { bce, mse, .. } = summary.test.metrics;
        let figures = [mse, summary.test.latent_mean, summary.threshold.value];
        if figures.into_iter().chain(bce).any(|figure| !figure.is_finite()) {
            let bce = bce.map_or(String::new(), |bce| format!("BCE is {bce} and "));
            let reason = format!("on the test rows {bce}MSE is {mse}; a lower `--learning-rate` may help");
            return Err(Error::file(best, reason));
        }
        Ok(summary)
    }
}

#[cfg(test)]
mod tests;
