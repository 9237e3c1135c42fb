//! The training loop: epochs of shuffled batches, validation, checkpoints. It can be stopped anywhere and resumed exactly.

mod observer;
mod progress;
mod step;
mod unsaved;

use std::time::Instant;

use candle_core::Device;

pub use observer::{Observer, Outcome, Silent, StartReport, StepReport};
use progress::{Progress, Saved};
use step::{Learner, Step};
use unsaved::Unsaved;

use crate::config::Config;
use crate::data::{Batches, Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::{Measure, Measured};
use crate::fused::Categories;
use crate::model::{Autoencoder, NetworkConfig};
use crate::optimizer::Optimizer;
use crate::run::{BestEpoch, EpochRecord, Run, StopReason};
use crate::timing::{Phase, time_epoch};

/// A run in training.
pub(crate) struct Training<'a> {
    config: &'a Config,
    dataset: &'a Dataset,
    run: &'a Run,
    pub(crate) split: Split,
    pub(crate) device: Device,
    learner: Learner,
    pub(crate) progress: Progress,
    /// Of the epochs that are done, for the schedule.
    validation_losses: Vec<f64>,
    started: Instant,
    /// Seconds that were trained before this process.
    before: f64,
    unsaved: Unsaved,
}

/// How training ended.
pub(crate) enum Ended {
    /// There are enough epochs.
    Finished(StopReason),
    /// The loss was no longer finite, as the error says; nothing was saved of this epoch.
    Diverged(Error),
    /// It was asked to stop, in `epoch` after `step`, from 1; after the last epoch, the step is 0.
    Interrupted { epoch: usize, step: usize },
}

/// How the steps of an epoch ended.
enum EpochEnd {
    Whole,
    Interrupted,
    OutOfTime,
}

impl<'a> Training<'a> {
    /// Begins `run`, or resumes it where it stopped.
    pub(crate) fn new(config: &'a Config, dataset: &'a Dataset, run: &'a Run) -> Result<Self> {
        config.check()?;
        let device = config.device.open()?;
        let split = Split::new(dataset, config.validation, config.seed)?;
        let network = NetworkConfig::new(&config.model, dataset.image_shape())?;
        if device.is_cpu() {
            network.check_memory(config.batch_size)?;
        }
        let started = Instant::now();
        let (model, optimizer, progress) = if run.resume().exists() {
            let saved = Saved::read(&run.resume(), &device)?;
            check_resumable(config, dataset, &network, &saved).map_err(|reason| Error::file(&run.resume(), reason))?;
            check_epochs(config, &saved.progress)?;
            let mut optimizer = Optimizer::new(&config.optimizer, saved.model.parameters().to_vec())?;
            saved.restore(&mut optimizer)?;
            (saved.model, optimizer, saved.progress)
        } else {
            // Without a result, they are what a crash in the first epoch left.
            if run.has_summary() && (run.best().exists() || run.last().exists()) {
                let reason = "expected this file of a run that is trained already, found none; nothing is overwritten";
                return Err(Error::file(&run.resume(), reason));
            }
            let model = Autoencoder::new(&network, config.seed, &device)?;
            let optimizer = Optimizer::new(&config.optimizer, model.parameters().to_vec())?;
            (model, optimizer, Progress { fingerprint: dataset.fingerprint(), ..Progress::default() })
        };
        let learner = Learner::new(config, (model, optimizer), device.clone(), Categories::of(dataset.train.schema()));
        let validation_losses = progress.history.iter().map(|record| record.val_loss).collect();
        // Runs of earlier versions kept the time of their epochs alone.
        let before = progress.history.iter().map(|record| record.seconds).sum::<f64>().max(progress.wall);
        let unsaved = Unsaved::default();
        Ok(Self { config, dataset, run, split, device, learner, progress, validation_losses, started, before, unsaved })
    }

    /// Seconds that this run was trained, in wall-clock time, until training ended or was last saved.
    pub(crate) fn trained_seconds(&self) -> f64 {
        self.progress.wall
    }

    /// Trains until there are enough epochs, or `observer` stops it.
    pub(crate) fn train(&mut self, observer: &mut dyn Observer) -> Result<Ended> {
        let ended = self.train_epochs(observer);
        if ended.is_ok() {
            Phase::Save.wall(|| self.unsaved.write())?;
        }
        self.progress.wall = self.before + self.started.elapsed().as_secs_f64();
        ended
    }

    fn train_epochs(&mut self, observer: &mut dyn Observer) -> Result<Ended> {
        self.run.begin(self.config)?;
        observer.start(&self.start_report());
        let reason = loop {
            if let Some(reason) = self.stop_reason() {
                break reason;
            }
            match time_epoch(|| self.epoch(observer)) {
                Err(error @ Error::Diverged { .. }) => return Ok(Ended::Diverged(error)),
                end => match end? {
                    EpochEnd::Whole => {}
                    EpochEnd::OutOfTime => break StopReason::TimeBudget,
                    EpochEnd::Interrupted => {
                        let epoch = self.progress.history.len() + 1;
                        return Ok(Ended::Interrupted { epoch, step: self.progress.step });
                    }
                },
            }
        };
        if observer.should_stop() {
            return Ok(Ended::Interrupted { epoch: self.progress.history.len(), step: 0 });
        }
        Ok(Ended::Finished(reason))
    }

    fn start_report(&self) -> StartReport {
        let Config { ref optimizer, batch_size, epochs, device, .. } = *self.config;
        StartReport {
            network: self.learner.model.network().to_string(),
            optimizer: optimizer.name(),
            learning_rate: optimizer.learning_rate(),
            train_rows: self.dataset.train_rows(self.split.train.len()),
            validation_rows: self.split.validation.len(),
            batch_size,
            epochs,
            epochs_done: self.progress.history.len(),
            device,
        }
    }

    /// Whether there are enough epochs, and why.
    fn stop_reason(&self) -> Option<StopReason> {
        let done = self.progress.history.len();
        let waited = self.progress.best.map_or(0, |best| done - best.epoch);
        if done >= self.config.epochs {
            Some(StopReason::Epochs)
        } else if self.config.patience > 0 && waited >= self.config.patience {
            Some(StopReason::Patience)
        } else {
            None
        }
    }

    /// Trains what is left of the next epoch, measures it and saves.
    fn epoch(&mut self, observer: &mut dyn Observer) -> Result<EpochEnd> {
        let epoch = self.progress.history.len() + 1;
        let started = Instant::now();
        let on_cpu = self.device.is_cpu();
        let mut steps = || self.steps(epoch, observer);
        let end = if on_cpu { kernels::spinning(steps) } else { steps() }?;
        if matches!(end, EpochEnd::Interrupted) {
            self.progress.seconds += started.elapsed().as_secs_f64();
            self.save(false)?;
            self.unsaved.write()?;
            return Ok(end);
        }
        let (val_loss, measured) = Phase::Validation.wall(|| self.validate())?;
        let figures = [val_loss, measured.metrics.mse, measured.penalty].into_iter().chain(measured.metrics.bce);
        if let Some(loss) = figures.into_iter().find(|figure| !figure.is_finite()) {
            return Err(Error::Diverged { epoch, step: self.progress.step, loss });
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
        self.progress.finish_epoch(record);
        self.validation_losses.push(val_loss);
        Phase::Save.wall(|| {
            self.save(best)?;
            self.unsaved.write_if_due()
        })?;
        observer.epoch(&record, best);
        Ok(end)
    }

    /// Trains the steps of an epoch that are left.
    fn steps(&mut self, epoch: usize, observer: &mut dyn Observer) -> Result<EpochEnd> {
        let Config { seed, batch_size, time_budget, .. } = *self.config;
        let mut batches = Batches::new(self.dataset, &self.split, batch_size, (seed, epoch));
        let steps = batches.count();
        for _ in 0..self.progress.step {
            if batches.next()?.is_none() {
                let (path, found) = (self.run.resume(), self.progress.step);
                return Err(Error::file(&path, format!("expected at most {steps} steps of an epoch, found {found}")));
            }
        }
        while let Some((images, indices)) = batches.next()? {
            let step = self.progress.step + 1;
            self.learner.optimizer.set_learning_rate(self.learning_rate(epoch, step));

            let loss = self.learner.train(&Step { images, indices, epoch, step })?;
            if !loss.is_finite() {
                return Err(Error::Diverged { epoch, step, loss });
            }
            self.progress.step = step;
            self.progress.loss_sum += loss * indices.len() as f64;
            self.progress.rows += indices.len();
            let train_loss = self.progress.loss_sum / self.progress.rows as f64;
            observer.step(&StepReport { epoch, step, steps, train_loss, rows: indices.len() });
            if observer.should_stop() {
                return Ok(EpochEnd::Interrupted);
            }
            if time_budget > 0. && self.started.elapsed().as_secs_f64() >= time_budget {
                return Ok(EpochEnd::OutOfTime);
            }
        }
        Ok(EpochEnd::Whole)
    }

    /// The schedule's rate for step `step` of `epoch`, both from 1, at the middle of the step: so even with a rate that falls to zero,
    /// the last step has an effect.
    fn learning_rate(&self, epoch: usize, step: usize) -> f64 {
        let Config { epochs, batch_size, ref optimizer, ref schedule, .. } = *self.config;
        let steps = self.dataset.train_rows(self.split.train.len()).div_ceil(batch_size) as f64;
        let epochs_done = (epoch - 1) as f64 + (step as f64 - 0.5) / steps;
        schedule.learning_rate(optimizer.learning_rate(), epochs_done, epochs, &self.validation_losses)
    }

    fn validate(&self) -> Result<(f64, Measured)> {
        let measure = Measure::new(&self.learner.model, self.config.measure(), &self.device)
            .with_categories(Categories::of(self.dataset.train.schema()));
        let measured = measure.rows(self.split.validation_images(self.dataset), &self.split.validation)?;
        Ok((measure.loss(&measured), measured))
    }

    /// Puts down what the run's files will hold.
    fn save(&mut self, is_best: bool) -> Result<()> {
        self.progress.wall = self.before + self.started.elapsed().as_secs_f64();
        let Self { run, learner, progress, unsaved, .. } = self;
        unsaved.put(run, (&learner.model, &learner.optimizer), progress, is_best)
    }
}

/// Fails when a saved run was trained on other rows, or is of another network.
fn check_resumable(config: &Config, dataset: &Dataset, network: &NetworkConfig, saved: &Saved) -> Result<(), String> {
    if saved.progress.fingerprint != dataset.fingerprint() {
        return Err(format!("expected the rows this run was trained on in `{}`, found others", config.data));
    }
    if saved.model.network() != network {
        return Err(format!("expected the network {network}, found {}", saved.model.network()));
    }
    Ok(())
}

/// Fails when more epochs are done than `config` asks for.
fn check_epochs(config: &Config, progress: &Progress) -> Result<()> {
    let done = progress.history.len();
    if done > config.epochs {
        let reason = format!("expected at least the {done} that are done, found {}", config.epochs);
        return Err(Error::setting("epochs", reason));
    }
    Ok(())
}
