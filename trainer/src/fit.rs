//! The training loop: epochs of shuffled batches, validation, checkpoints, and a result that can be resumed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use candle_core::{DType, Device};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::{Dataset, Split};
use crate::evaluate::{EVALUATION_ROWS, evaluate, row_errors};
use crate::loss::Loss;
use crate::model::{Autoencoder, Checkpoint, NetworkConfig};
use crate::optim::Optimizer;
use crate::pca::Pca;
use crate::plot;
use crate::random::{Purpose, stream};
use crate::run::{BestEpoch, DataReport, PcaReport, Run, Summary, TestReport, Threshold, Versions};
use crate::{Error, Result};

/// The part of the validation rows that lie at or below the threshold in the summary.
const THRESHOLD_QUANTILE: f64 = 0.99;
const PROGRESS: &str = "progress";
const OPTIMIZER: &str = "optimizer.";

/// One finished epoch, as `metrics.csv` keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the training rows, each measured before the step it took part in.
    pub train_loss: f64,
    /// Mean loss of the validation rows after the epoch.
    pub val_loss: f64,
    /// The learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// The whole epoch's time, validation included.
    pub seconds: f64,
}

/// One finished step.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The step in the epoch, from 1.
    pub step: usize,
    /// Steps in an epoch.
    pub steps: usize,
    /// Mean loss of the epoch so far.
    pub train_loss: f64,
    /// Rows of this step.
    pub rows: usize,
}

/// Watches a training.
pub trait Observer: Send {
    /// Called once, before the first step; `done` epochs lie behind when a run is resumed.
    fn start(&mut self, network: &NetworkConfig, config: &Config, split: &Split, done: usize) {
        let _ = (network, config, split, done);
    }

    /// Called after each step.
    fn step(&mut self, report: &StepReport) {
        let _ = report;
    }

    /// Called after each epoch.
    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let _ = (record, best);
    }

    /// Called when the epochs are done and test rows, PCA and pictures begin.
    fn finishing(&mut self) {}
}

/// Watches without a word.
pub struct Silent;

impl Observer for Silent {}

/// How a call of [`fit`] ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All epochs are done.
    Finished(Box<Summary>),
    /// `stop` was set: everything is saved, and another [`fit`] on the same run goes on after this step.
    Interrupted {
        /// The epoch, from 1.
        epoch: usize,
        /// The last finished step in the epoch; 0 when all epochs are done and only the result is missing.
        step: usize,
    },
}

/// Where training stands; with weights and the optimiser's tensors, all that going on exactly needs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The data's, which must be the same to go on.
    fingerprint: String,
    history: Vec<EpochRecord>,
    best: Option<BestEpoch>,
    optimizer_steps: u64,
    /// Steps done in the epoch after the last of `history`.
    step: usize,
    /// Sum of the rows' losses over these steps, their number, and the time they took.
    loss_sum: f64,
    rows: usize,
    seconds: f64,
}

/// Trains `run` to its last epoch: from the start, or from where it was interrupted.
///
/// The course depends on `config` alone: a run that was interrupted ends with the same bytes as one that was not, at any
/// number of threads.
///
/// # Errors
///
/// [`Error::Diverged`] when the loss is no longer finite, [`Error::Setting`] for settings that do not fit the data, and
/// whatever reading and writing the run folder brings.
pub fn fit(
    config: &Config,
    dataset: &Dataset,
    run: &Run,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .build()
        .map_err(|error| Error::setting("threads", error.to_string()))?;
    // candle divides a product by the number of cores, not of threads, so the pool's size moves work and not results.
    pool.install(|| Trainer::new(config, dataset, run)?.train(observer, stop))
}

struct Trainer<'a> {
    config: &'a Config,
    dataset: &'a Dataset,
    run: &'a Run,
    split: Split,
    device: Device,
    model: Autoencoder,
    optimizer: Optimizer,
    progress: Progress,
}

impl<'a> Trainer<'a> {
    fn new(config: &'a Config, dataset: &'a Dataset, run: &'a Run) -> Result<Self> {
        config.check()?;
        let device = config.device.open()?;
        let split = Split::new(dataset, config.validation, config.seed)?;
        let network = NetworkConfig::new(&config.model, dataset.image_shape())?;
        if !run.resume().exists() {
            if run.best().exists() || run.last().exists() {
                let reason = "expected this file of a run that is trained already, found none; nothing is overwritten";
                return Err(Error::file(&run.resume(), reason));
            }
            let model = Autoencoder::new(&network, config.seed, &device)?;
            let optimizer = Optimizer::new(&config.optimizer, model.parameters().to_vec())?;
            let progress = Progress { fingerprint: dataset.fingerprint(), ..Progress::default() };
            return Ok(Self { config, dataset, run, split, device, model, optimizer, progress });
        }
        let path = run.resume();
        let mut checkpoint = Checkpoint::read(&path, &device)?;
        let progress: Progress = serde_json::from_str(checkpoint.entry(PROGRESS)?)
            .map_err(|error| Error::file(&path, format!("entry `{PROGRESS}`: {error}")))?;
        if progress.fingerprint != dataset.fingerprint() {
            let reason = format!("expected the rows this run was trained on in `{}`, found others", config.data);
            return Err(Error::file(&path, reason));
        }
        if progress.history.len() > config.epochs {
            let done = progress.history.len();
            return Err(Error::setting(
                "epochs",
                format!("expected at least the {done} that are done, found {}", config.epochs),
            ));
        }
        let state = checkpoint.take_prefixed(OPTIMIZER);
        let model = Autoencoder::from_checkpoint(&mut checkpoint)?;
        if *model.network() != network {
            let reason = format!("expected the network {network}, found {}", model.network());
            return Err(Error::file(&path, reason));
        }
        let mut optimizer = Optimizer::new(&config.optimizer, model.parameters().to_vec())?;
        optimizer.load_state(&state, progress.optimizer_steps)?;
        Ok(Self { config, dataset, run, split, device, model, optimizer, progress })
    }

    fn train(mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome> {
        self.run.begin(self.config)?;
        observer.start(self.model.network(), self.config, &self.split, self.progress.history.len());
        while self.progress.history.len() < self.config.epochs {
            let epoch = self.progress.history.len() + 1;
            let started = Instant::now();
            if !self.train_epoch(epoch, observer, stop)? {
                self.progress.seconds += started.elapsed().as_secs_f64();
                self.save()?;
                return Ok(Outcome::Interrupted { epoch, step: self.progress.step });
            }
            let val_loss = self.validate()?;
            if !val_loss.is_finite() {
                return Err(Error::Diverged { epoch, step: self.progress.step, loss: val_loss });
            }
            let record = EpochRecord {
                epoch,
                train_loss: self.progress.loss_sum / self.progress.rows as f64,
                val_loss,
                learning_rate: self.optimizer.learning_rate(),
                seconds: self.progress.seconds + started.elapsed().as_secs_f64(),
            };
            let best = self.progress.best.is_none_or(|best| val_loss < best.val_loss);
            if best {
                self.model.save(self.run.best())?;
                self.progress.best = Some(BestEpoch { epoch, val_loss });
            }
            let Progress { fingerprint, history, best: best_epoch, .. } = std::mem::take(&mut self.progress);
            self.progress = Progress { fingerprint, history, best: best_epoch, ..Progress::default() };
            self.progress.history.push(record);
            self.save()?;
            observer.epoch(&record, best);
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(Outcome::Interrupted { epoch: self.progress.history.len(), step: 0 });
        }
        observer.finishing();
        Ok(Outcome::Finished(Box::new(self.finish()?)))
    }

    /// Trains the steps of an epoch that are left; false when `stop` was set.
    fn train_epoch(&mut self, epoch: usize, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool> {
        let mut order = self.split.train.clone();
        order.shuffle(&mut stream(self.config.seed, Purpose::Shuffle, epoch as u32));
        let batches = order.chunks(self.config.batch_size);
        let steps = batches.len();
        for indices in batches.skip(self.progress.step) {
            let input = self.dataset.train.batch(indices, &self.device)?;
            let logits = self.model.decode_logits(&self.model.encode(&input)?)?;
            let loss = self.config.loss.compute(&logits, &input)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            let step = self.progress.step + 1;
            if !value.is_finite() {
                return Err(Error::Diverged { epoch, step, loss: value });
            }
            self.optimizer.step(&loss.backward()?)?;
            self.progress.step = step;
            self.progress.loss_sum += value * indices.len() as f64;
            self.progress.rows += indices.len();
            let train_loss = self.progress.loss_sum / self.progress.rows as f64;
            observer.step(&StepReport { epoch, step, steps, train_loss, rows: indices.len() });
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn validate(&self) -> Result<f64> {
        let images = self.split.validation_images(self.dataset);
        let metrics = evaluate(&self.model, images, &self.split.validation, &self.device)?;
        Ok(match self.config.loss {
            Loss::Bce => metrics.bce,
            Loss::Mse => metrics.mse,
        })
    }

    /// The resume file is written last and holds everything: a crash before it repeats the epoch, to the same bytes.
    fn save(&mut self) -> Result<()> {
        self.progress.optimizer_steps = self.optimizer.steps();
        self.run.write_metrics(&self.progress.history)?;
        self.model.save(self.run.last())?;
        let mut checkpoint = Checkpoint::new(&self.model);
        for (name, tensor) in self.optimizer.state() {
            checkpoint.insert(format!("{OPTIMIZER}{name}"), tensor);
        }
        let progress = serde_json::to_string(&self.progress).expect("progress is plain numbers");
        checkpoint.insert_entry(PROGRESS, progress);
        checkpoint.write(&self.run.resume())
    }

    fn finish(&self) -> Result<Summary> {
        let missing = || Error::file(&self.run.resume(), "no epoch is finished");
        let best = self.progress.best.ok_or_else(missing)?;
        let model = self.run.load_best(&self.device)?;
        let test = &self.dataset.test;
        let all: Vec<u32> = (0..test.len() as u32).collect();
        let pca = Pca::fit(&self.dataset.train, &self.split.train, self.config.model.latent_dim)?;
        let summary = Summary {
            preset: self.config.preset.name().into(),
            network: model.network().to_string(),
            parameters: model.parameter_count(),
            epochs: self.progress.history.len(),
            best,
            weights: self.run.best_fingerprint()?,
            test: TestReport {
                rows: test.len(),
                metrics: evaluate(&model, test, &all, &self.device)?,
                mean_code: self.mean_code(&model, &all)?,
            },
            pca: PcaReport {
                components: self.config.model.latent_dim.min(test.width()),
                metrics: pca.evaluate(test)?,
                explained_variance: pca.explained_variance(),
            },
            threshold: self.threshold(&model)?,
            data: DataReport {
                name: self.dataset.name.clone(),
                fingerprint: self.progress.fingerprint.clone(),
                image_shape: self.dataset.image_shape(),
                white: test.white(),
                train_rows: self.split.train.len(),
                validation_rows: self.split.validation.len(),
                test_rows: test.len(),
            },
            device: self.config.device.to_string(),
            seconds: self.progress.history.iter().map(|record| record.seconds).sum(),
            versions: Versions::default(),
        };
        self.run.write_summary(&summary)?;
        plot::draw_all(&self.run.plots(), &model, test, &self.progress.history, &summary, self.config.loss)?;
        Ok(summary)
    }

    fn mean_code(&self, model: &Autoencoder, rows: &[u32]) -> Result<f64> {
        let mut sum = 0.;
        for indices in rows.chunks(EVALUATION_ROWS) {
            let code = model.encode(&self.dataset.test.batch(indices, &self.device)?)?;
            sum += code.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        }
        Ok(sum / (rows.len() * self.config.model.latent_dim) as f64)
    }

    fn threshold(&self, model: &Autoencoder) -> Result<Threshold> {
        let images = self.split.validation_images(self.dataset);
        let mut errors = row_errors(model, images, &self.split.validation, &self.device)?;
        errors.sort_by(f32::total_cmp);
        let rank = (errors.len() as f64 * THRESHOLD_QUANTILE).ceil() as usize;
        let value = f64::from(errors[rank.clamp(1, errors.len()) - 1]);
        Ok(Threshold { metric: "mse".into(), quantile: THRESHOLD_QUANTILE, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataSource;
    use crate::optim::OptimizerConfig;

    /// Sets `stop` after a number of steps.
    struct StopAfter<'a>(usize, &'a AtomicBool);

    impl Observer for StopAfter<'_> {
        fn step(&mut self, _: &StepReport) {
            self.0 -= 1;
            if self.0 == 0 {
                self.1.store(true, Ordering::Relaxed);
            }
        }
    }

    fn config() -> Config {
        Config { epochs: 3, batch_size: 200, ..Config::default() }
    }

    fn train(config: &Config, dir: &std::path::Path) -> Result<(Run, Outcome)> {
        let dataset = Dataset::load(&config.data)?;
        let run = Run::create(dir, config)?;
        let outcome = fit(config, &dataset, &run, &mut Silent, &AtomicBool::new(false))?;
        Ok((run, outcome))
    }

    #[test]
    fn training_fills_the_run_folder_and_lowers_the_loss() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { epochs: 20, batch_size: 32, ..config() };
        let (run, outcome) = train(&config, &dir.path().join("run")).unwrap();
        let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
        assert_eq!(run.summary().unwrap(), *summary);
        // Well below the cross-entropy of the mean training image, which is 0.43.
        assert!(summary.test.metrics.bce < 0.38, "{summary:?}");
        assert_eq!(summary.data.validation_rows, 150);
        for name in [
            "config.toml",
            "metrics.csv",
            "summary.json",
            "best.safetensors",
            "last.safetensors",
            "plots/loss.svg",
            "plots/reconstructions.png",
            "plots/latent.svg",
        ] {
            assert!(run.dir().join(name).is_file(), "{name}");
        }
        let metrics = std::fs::read_to_string(run.dir().join("metrics.csv")).unwrap();
        assert_eq!(metrics.lines().count(), 21);
        assert!(metrics.starts_with("epoch,train_loss,val_loss,learning_rate,seconds\n1,"));
    }

    #[test]
    fn weights_do_not_depend_on_the_number_of_threads() {
        let dir = tempfile::tempdir().unwrap();
        let weights = |threads: usize, name: &str| {
            let config = Config { threads, ..config() };
            let (run, _) = train(&config, &dir.path().join(name)).unwrap();
            std::fs::read(run.last()).unwrap()
        };
        let one = weights(1, "one");
        assert!(one == weights(2, "two"));
        assert!(one == weights(3, "three"));
    }

    #[test]
    fn another_seed_gives_other_weights() {
        let dir = tempfile::tempdir().unwrap();
        let weights = |seed, name: &str| {
            let (run, _) = train(&Config { seed, ..config() }, &dir.path().join(name)).unwrap();
            std::fs::read(run.last()).unwrap()
        };
        assert!(weights(1, "one") != weights(2, "two"));
    }

    #[test]
    fn an_interrupted_run_ends_with_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for (name, optimizer) in [("adam", "adam"), ("adadelta", "adadelta")] {
            let config = Config { optimizer: OptimizerConfig::named(optimizer).unwrap(), ..config() };
            let dataset = Dataset::load(&DataSource::Digits).unwrap();
            let (whole, _) = train(&config, &dir.path().join(name)).unwrap();
            let run = Run::create(dir.path().join(format!("{name}-interrupted")), &config).unwrap();
            // Seven steps an epoch: stops inside the first, at the end of the first, and inside the third.
            for steps in [3, 4, 9] {
                let stop = AtomicBool::new(false);
                let outcome = fit(&config, &dataset, &run, &mut StopAfter(steps, &stop), &stop).unwrap();
                assert!(matches!(outcome, Outcome::Interrupted { .. }), "{outcome:?}");
            }
            let stop = AtomicBool::new(false);
            let outcome = fit(&config, &dataset, &run, &mut Silent, &stop).unwrap();
            assert!(matches!(outcome, Outcome::Finished(_)));
            for file in [Run::best, Run::last] {
                assert!(std::fs::read(file(&whole)).unwrap() == std::fs::read(file(&run)).unwrap());
            }
            let losses = |run: &Run| -> Vec<String> {
                let text = std::fs::read_to_string(run.dir().join("metrics.csv")).unwrap();
                text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
            };
            assert_eq!(losses(&whole), losses(&run));
        }
    }

    #[test]
    fn every_optimizer_and_loss_lowers_the_loss_and_resumes_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        for name in OptimizerConfig::NAMES {
            for loss in [Loss::Bce, Loss::Mse] {
                let optimizer = OptimizerConfig::named(name).unwrap();
                let config = Config { optimizer, loss, epochs: 6, batch_size: 64, ..Config::default() };
                let place = |kind: &str| dir.path().join(format!("{name}-{}-{kind}", loss.name()));
                let (whole, _) = train(&config, &place("whole")).unwrap();
                let run = Run::create(place("interrupted"), &config).unwrap();
                let stop = AtomicBool::new(false);
                fit(&config, &dataset, &run, &mut StopAfter(50, &stop), &stop).unwrap();
                fit(&config, &dataset, &run, &mut Silent, &AtomicBool::new(false)).unwrap();
                assert!(std::fs::read(whole.last()).unwrap() == std::fs::read(run.last()).unwrap(), "{name}");
                let metrics = std::fs::read_to_string(run.dir().join("metrics.csv")).unwrap();
                let losses: Vec<f64> =
                    metrics.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect();
                assert!(losses[5] < losses[0], "{name}, {loss:?}: {losses:?}");
            }
        }
    }

    #[test]
    fn a_trained_run_without_its_resume_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
        std::fs::remove_file(run.resume()).unwrap();
        let best = std::fs::read(run.best()).unwrap();
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let longer = Config { epochs: 9, ..config() };
        let error = fit(&longer, &dataset, &run, &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("nothing is overwritten"), "{error}");
        assert!(best == std::fs::read(run.best()).unwrap());
        assert_eq!(run.config().unwrap(), config());
        run.summary().unwrap();
    }

    #[test]
    fn a_run_goes_on_only_with_its_own_data_and_not_backwards() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let fewer = Config { epochs: 2, ..config() };
        let error = fit(&fewer, &dataset, &run, &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("expected at least the 3 that are done, found 2"), "{error}");
        let other = Dataset { train: dataset.test.clone(), ..dataset };
        let longer = Config { epochs: 4, batch_size: 50, ..config() };
        let error = fit(&longer, &other, &run, &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("found others"), "{error}");
        run.summary().unwrap();
    }

    #[test]
    fn a_run_that_goes_on_has_no_summary_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let stop = AtomicBool::new(false);
        let longer = Config { epochs: 9, ..config() };
        fit(&longer, &dataset, &run, &mut StopAfter(9, &stop), &stop).unwrap();
        assert!(run.summary().unwrap_err().to_string().contains("not finished"));
        assert_eq!(run.config().unwrap().epochs, 9);
    }

    #[test]
    fn codes_of_any_width_can_be_drawn() {
        let dir = tempfile::tempdir().unwrap();
        for latent_dim in [1, 2, 3, 100, 256, 296] {
            let mut config = Config { epochs: 1, ..config() };
            config.model.latent_dim = latent_dim;
            let (run, _) = train(&config, &dir.path().join(latent_dim.to_string())).unwrap();
            assert!(run.plots().join("latent.svg").is_file());
        }
    }

    #[test]
    fn a_validation_loss_that_is_no_number_is_never_the_best() {
        let dir = tempfile::tempdir().unwrap();
        let optimizer = OptimizerConfig::Sgd { learning_rate: 1e38, momentum: 0., weight_decay: 0. };
        let one_step = Config { optimizer, batch_size: 2000, ..config() };
        let error = train(&one_step, &dir.path().join("run")).unwrap_err();
        assert!(matches!(error, Error::Diverged { epoch: 1, .. }), "{error}");
        assert!(!dir.path().join("run/best.safetensors").exists());
    }

    #[test]
    fn a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_weights() {
        let dir = tempfile::tempdir().unwrap();
        let optimizer = OptimizerConfig::Sgd { learning_rate: 1e30, momentum: 0., weight_decay: 0. };
        let error = train(&Config { optimizer, ..config() }, &dir.path().join("run")).unwrap_err();
        assert!(matches!(error, Error::Diverged { epoch: 1, .. }), "{error}");
    }

    #[test]
    fn a_foreign_resume_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _) = train(&config(), &dir.path().join("run")).unwrap();
        let mut other = config();
        other.model.latent_dim = 8;
        let dataset = Dataset::load(&other.data).unwrap();
        let error = fit(&other, &dataset, &run, &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("expected the network 64-8-64, found 64-32-64"), "{error}");
        let bytes = std::fs::read(run.resume()).unwrap();
        std::fs::write(run.resume(), &bytes[..bytes.len() / 2]).unwrap();
        let error = fit(&config(), &dataset, &run, &mut Silent, &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("not a whole checkpoint"), "{error}");
    }
}
