//! The training loop: epochs of shuffled batches, validation, checkpoints, and a result that can be resumed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use candle_core::{DType, Device};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::{Dataset, Split};
use crate::evaluate::{EVALUATION_ROWS, Metrics, evaluate, row_errors};
use crate::loss::Loss;
use crate::model::{Autoencoder, Checkpoint, NetworkConfig};
use crate::observer::{EpochRecord, Observer, Outcome, StepReport};
use crate::optim::Optimizer;
use crate::pca::Pca;
use crate::plot;
use crate::random::{Purpose, stream};
use crate::run::Run;
use crate::summary::{BestEpoch, DataReport, PcaReport, Summary, TestReport, Threshold, Versions};
use crate::{Error, Result};

/// The part of the validation rows that lie at or below the threshold in the summary.
const THRESHOLD_QUANTILE: f64 = 0.99;
const PROGRESS: &str = "progress";
const OPTIMIZER: &str = "optimizer.";

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
        let Metrics { bce, mse } = summary.test.metrics;
        let figures = [bce, mse, summary.test.mean_code, summary.threshold.value];
        if figures.iter().any(|figure| !figure.is_finite()) {
            let reason = format!("on the test rows BCE is {bce} and MSE {mse}; a lower `--learning-rate` may help");
            return Err(Error::file(&self.run.best(), reason));
        }
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
mod tests;
