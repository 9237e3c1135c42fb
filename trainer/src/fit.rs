//! The training loop: epochs of shuffled batches, validation, checkpoints, and a result that can be resumed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use candle_core::Device;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::awake::awake;
use crate::config::Config;
use crate::data::{Dataset, Split};
use crate::evaluate::{Measure, Measured, Metrics};
use crate::model::{Autoencoder, Checkpoint, NetworkConfig};
use crate::noise::Noise;
use crate::objective::Objective;
use crate::observer::{EpochRecord, Observer, Outcome, StepReport};
use crate::ops::{Batch, Pass};
use crate::optim::Optimizer;
use crate::phase::{Phase, time_epoch};
use crate::random::{Purpose, normal, stream, stream_at};
use crate::report;
use crate::run::Run;
use crate::summary::{BestEpoch, DataReport, EndedBy, Summary, Threshold, Versions};
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
/// Unless a time budget ends it, the course depends on `config` alone: a run that was interrupted ends with the same
/// bytes as one that was not, at any number of threads.
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
    objective: Objective,
    /// Instead of candle's graph, where there are kernels for the whole network.
    pass: Option<Pass>,
    progress: Progress,
    started: Instant,
}

/// How the steps of an epoch ended.
enum EpochEnd {
    Whole,
    Interrupted,
    OutOfTime,
}

impl<'a> Trainer<'a> {
    fn new(config: &'a Config, dataset: &'a Dataset, run: &'a Run) -> Result<Self> {
        config.check()?;
        let device = config.device.open()?;
        let split = Split::new(dataset, config.validation, config.seed)?;
        let network = NetworkConfig::new(&config.model, dataset.image_shape())?;
        let objective = Objective::new(config, &network);
        let started = Instant::now();
        if !run.resume().exists() {
            if run.best().exists() || run.last().exists() {
                let reason = "expected this file of a run that is trained already, found none; nothing is overwritten";
                return Err(Error::file(&run.resume(), reason));
            }
            let model = Autoencoder::new(&network, config.seed, &device)?;
            let optimizer = Optimizer::new(&config.optimizer, model.parameters().to_vec())?;
            let progress = Progress { fingerprint: dataset.fingerprint(), ..Progress::default() };
            let pass = model.pass(objective.terms());
            return Ok(Self {
                config,
                dataset,
                run,
                split,
                device,
                model,
                optimizer,
                objective,
                pass,
                progress,
                started,
            });
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
        let pass = model.pass(objective.terms());
        Ok(Self { config, dataset, run, split, device, model, optimizer, objective, pass, progress, started })
    }

    fn train(mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome> {
        self.run.begin(self.config)?;
        observer.start(self.model.network(), self.config, &self.split, self.progress.history.len());
        let ended_by = loop {
            if let Some(ended_by) = self.ended_by() {
                break ended_by;
            }
            match time_epoch(|| self.epoch(observer, stop)) {
                Err(error @ Error::Diverged { .. }) => return Err(self.diverged(error)),
                end => match end? {
                    EpochEnd::Whole => {}
                    EpochEnd::OutOfTime => break EndedBy::TimeBudget,
                    EpochEnd::Interrupted => {
                        let epoch = self.progress.history.len() + 1;
                        return Ok(Outcome::Interrupted { epoch, step: self.progress.step });
                    }
                },
            }
        };
        if stop.load(Ordering::Relaxed) {
            return Ok(Outcome::Interrupted { epoch: self.progress.history.len(), step: 0 });
        }
        observer.finishing();
        Ok(Outcome::Finished(Box::new(self.finish(ended_by)?)))
    }

    /// Trains what is left of the next epoch, measures it and saves.
    fn epoch(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<EpochEnd> {
        let epoch = self.progress.history.len() + 1;
        let started = Instant::now();
        let on_cpu = self.device.is_cpu();
        let mut steps = || self.train_epoch(epoch, observer, stop);
        let end = if on_cpu { awake(steps) } else { steps() }?;
        if matches!(end, EpochEnd::Interrupted) {
            self.progress.seconds += started.elapsed().as_secs_f64();
            self.save()?;
            return Ok(end);
        }
        let (val_loss, measured) = Phase::Validation.wall(|| self.validate())?;
        if !val_loss.is_finite() {
            return Err(Error::Diverged { epoch, step: self.progress.step, loss: val_loss });
        }
        let record = EpochRecord {
            epoch,
            train_loss: self.progress.loss_sum / self.progress.rows as f64,
            val_loss,
            learning_rate: self.learning_rate(epoch, self.progress.step),
            seconds: self.progress.seconds + started.elapsed().as_secs_f64(),
            val_bce: measured.metrics.bce,
            val_mse: measured.metrics.mse,
            val_penalty: measured.penalty,
        };
        let best = self.progress.best.is_none_or(|best| val_loss < best.val_loss);
        if best {
            self.progress.best = Some(BestEpoch { epoch, val_loss });
        }
        let Progress { fingerprint, history, best: best_epoch, .. } = std::mem::take(&mut self.progress);
        self.progress = Progress { fingerprint, history, best: best_epoch, ..Progress::default() };
        self.progress.history.push(record);
        Phase::Save.wall(|| {
            if best {
                self.model.save(self.run.best())?;
            }
            self.save()
        })?;
        observer.epoch(&record, best);
        Ok(end)
    }

    /// What there is of good weights becomes the run's result, before the error is told.
    fn diverged(&self, error: Error) -> Error {
        if self.progress.best.is_none() {
            return error;
        }
        self.finish(EndedBy::Divergence).err().unwrap_or(error)
    }

    /// Whether there are enough epochs.
    fn ended_by(&self) -> Option<EndedBy> {
        let done = self.progress.history.len();
        let waited = self.progress.best.map_or(0, |best| done - best.epoch);
        if done >= self.config.epochs {
            Some(EndedBy::Epochs)
        } else if self.config.patience > 0 && waited >= self.config.patience {
            Some(EndedBy::Patience)
        } else {
            None
        }
    }

    /// Trains the steps of an epoch that are left.
    fn train_epoch(&mut self, epoch: usize, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<EpochEnd> {
        let Config { seed, batch_size, time_budget, .. } = *self.config;
        let mut order = self.split.train.clone();
        order.shuffle(&mut stream(seed, Purpose::Shuffle, epoch as u32));
        let batches = order.chunks(batch_size);
        let steps = batches.len();
        for indices in batches.skip(self.progress.step) {
            let step = self.progress.step + 1;
            self.optimizer.set_learning_rate(self.learning_rate(epoch, step));

            let value = self.step(indices, epoch, step)?;
            if !value.is_finite() {
                return Err(Error::Diverged { epoch, step, loss: value });
            }
            self.progress.step = step;
            self.progress.loss_sum += value * indices.len() as f64;
            self.progress.rows += indices.len();
            let train_loss = self.progress.loss_sum / self.progress.rows as f64;
            observer.step(&StepReport { epoch, step, steps, train_loss, rows: indices.len() });
            if stop.load(Ordering::Relaxed) {
                return Ok(EpochEnd::Interrupted);
            }
            if time_budget > 0. && self.started.elapsed().as_secs_f64() >= time_budget {
                return Ok(EpochEnd::OutOfTime);
            }
        }
        Ok(EpochEnd::Whole)
    }

    /// Trains one step on the rows `indices`, unless the loss, which it returns, is not finite.
    fn step(&mut self, indices: &[u32], epoch: usize, step: usize) -> Result<f64> {
        let Config { seed, input_noise, clip_norm, .. } = *self.config;
        let most = if clip_norm > 0. { clip_norm } else { f64::INFINITY };
        let images = &self.dataset.train;
        let noise = Noise::new(input_noise, stream_at(seed, Purpose::InputNoise, epoch as u32, step));
        let mut rng = stream_at(seed, Purpose::Dropout, epoch as u32, step);

        if let Some(pass) = &mut self.pass {
            let drawn = if self.model.log_variance().is_some() { self.model.network().latent_dim() } else { 0 };
            let add_noise = |first: usize, rows: &mut [f32]| noise.add(first, images.width(), rows);
            let sample = Phase::Batch.wall(|| normal(&mut rng, indices.len() * drawn));
            let batch = Batch {
                rows: indices.len(),
                clean: &|first, rows| images.fill(&indices[first..], rows),
                noise: (input_noise > 0.).then_some(&add_noise),
                sample: &sample,
            };
            let (loss, gradients) = pass.run(&batch)?;
            if loss.is_finite() {
                self.optimizer.step_values(gradients, most)?;
            }
            return Ok(loss);
        }

        let (input, target) = Phase::Batch.wall(|| -> Result<_> {
            let target = images.batch(indices, &self.device)?;
            Ok((if input_noise > 0. { noise.on(&target)? } else { target.clone() }, target))
        })?;
        let pass = Phase::Forward.wall(|| self.model.forward_training(&input, &mut rng))?;
        let (loss, value) = Phase::Loss.wall(|| -> Result<_> {
            let loss = self.objective.compute(&pass.code, &pass.logits, &target)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            Ok((loss, value))
        })?;
        if value.is_finite() {
            let gradients = Phase::Backward.wall(|| loss.backward())?;
            self.optimizer.step_clipped(&gradients, most)?;
        }
        Ok(value)
    }

    /// The schedule's rate for step `step` of `epoch`, both from 1, taken in the middle of the step: a wave that ends at zero
    /// leaves none without effect.
    fn learning_rate(&self, epoch: usize, step: usize) -> f64 {
        let Config { epochs, batch_size, ref optimizer, ref schedule, .. } = *self.config;
        let steps = self.split.train.len().div_ceil(batch_size) as f64;
        let epochs_done = (epoch - 1) as f64 + (step as f64 - 0.5) / steps;
        schedule.learning_rate(optimizer.learning_rate(), epochs_done, epochs, &self.progress.history)
    }

    fn measure<'m>(&'m self, model: &'m Autoencoder) -> Measure<'m> {
        Measure { model, config: self.config, device: &self.device }
    }

    fn validate(&self) -> Result<(f64, Measured)> {
        let measure = self.measure(&self.model);
        let measured = measure.rows(self.split.validation_images(self.dataset), &self.split.validation)?;
        Ok((measure.loss(&measured), measured))
    }

    /// The resume file is written last and holds everything: a crash before it repeats the epoch, to the same bytes.
    fn save(&mut self) -> Result<()> {
        self.progress.optimizer_steps = self.optimizer.steps();
        self.run.write_metrics(&self.progress.history)?;
        self.model.save(self.run.last())?;
        let mut checkpoint = Checkpoint::new(&self.model);
        for (name, tensor) in self.optimizer.slots() {
            checkpoint.insert(format!("{OPTIMIZER}{name}"), tensor.clone());
        }
        let progress = serde_json::to_string(&self.progress).expect("progress is plain numbers");
        checkpoint.insert_entry(PROGRESS, progress);
        checkpoint.write(&self.run.resume())
    }

    fn finish(&self, ended_by: EndedBy) -> Result<Summary> {
        let missing = || Error::file(&self.run.resume(), "no epoch is finished");
        let best = self.progress.best.ok_or_else(missing)?;
        let model = self.run.load_best(&self.device)?;
        let test = &self.dataset.test;
        let (test_report, pca) = self.measure(&model).report(self.dataset, &self.split)?;
        let summary = Summary {
            preset: self.config.preset.name().into(),
            network: model.network().to_string(),
            parameters: model.parameter_count(),
            latent_dim: model.network().latent_dim(),
            epochs: self.progress.history.len(),
            ended_by,
            best,
            weights: self.run.best_fingerprint()?,
            test: test_report,
            pca,
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
        report::write(&report::Finished {
            run: self.run,
            summary: &summary,
            history: &self.progress.history,
            measure: self.measure(&model),
            test,
        })?;
        Ok(summary)
    }

    fn threshold(&self, model: &Autoencoder) -> Result<Threshold> {
        let images = self.split.validation_images(self.dataset);
        let mut errors = self.measure(model).row_errors(images, &self.split.validation)?;
        errors.sort_by(f32::total_cmp);
        let rank = (errors.len() as f64 * THRESHOLD_QUANTILE).ceil() as usize;
        let value = f64::from(errors[rank.clamp(1, errors.len()) - 1]);
        Ok(Threshold { metric: "mse".into(), quantile: THRESHOLD_QUANTILE, value })
    }
}

#[cfg(test)]
mod tests;
