//! `trainer fit`: trains a new run, or goes on with one.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use trainer::{
    Dataset, DeviceKind, EpochRecord, NetworkConfig, Observer, Outcome, Run, Split, Stage, StartReport, StepReport, fit,
};

use super::args::FitArguments;
use super::log::{self, Log};
use super::output::say;
use super::programs::{command, quoted};
use super::{RUNS, runs, timings};

/// What a shell expects of a program that was stopped by Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The network is no better than the mean training row.
const LEARNED_NOTHING: u8 = 3;

pub fn run(arguments: &FitArguments) -> Result<ExitCode> {
    let (config, resumed) = match &arguments.resume {
        None => (arguments.resolve()?, None),
        Some(dir) => {
            let run = runs::open(dir)?;
            (arguments.resume(run.config()?), Some(run))
        }
    };
    config.check()?;
    config.device.open()?;
    let dataset = Dataset::load(&config.data)?;
    // Whatever does not fit the data is refused before a folder is made.
    Split::new(&dataset, config.validation, config.seed)?;
    let network = NetworkConfig::new(&config.model, dataset.image_shape())?;
    if config.device == DeviceKind::Cpu {
        network.check_memory(config.batch_size)?;
    }
    let run = match (resumed, &arguments.out) {
        (Some(run), _) => {
            run.check_unfinished(&config)?;
            run
        }
        (None, Some(dir)) => Run::create(dir, &config)?,
        (None, None) => Run::create_next(RUNS, &config)?,
    };

    let stop = stop_on_interrupt()?;
    let mut log = log::of(arguments.log_format);
    log.open(&run)?;
    dataset.notes.iter().for_each(|note| say(&format!("note: {note}")));
    // Noise on the input, or a penalty on the latent, keeps a network with a wide latent from copying.
    if config.input_noise == 0. && config.sparsity == 0. {
        network.warnings().iter().for_each(|warning| say(&format!("warning: {warning}")));
    }
    if cfg!(debug_assertions) {
        say("note: this is a debug build, 10 to 50 times slower than `cargo run --release`");
    }
    if arguments.timings {
        trainer::measure_timings();
    }
    let outcome = fit(&config, &dataset, &run, &mut Interruptible { log: log.as_mut(), stop })?;
    if arguments.timings {
        say(&timings::lines(config.threads));
    }
    match outcome {
        Outcome::Finished(summary) => {
            log.finished(&run, &summary, &next_commands(&run, summary.epochs))?;
            Ok(if summary.has_failed() { ExitCode::from(LEARNED_NOTHING) } else { ExitCode::SUCCESS })
        }
        Outcome::Interrupted { epoch, step } => {
            let command = format!("{} fit --resume {}", command("trainer"), quoted(run.dir()));
            log.interrupted(epoch, step, &command)?;
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

/// A log that stops training on Ctrl-C.
struct Interruptible<'a> {
    log: &'a mut dyn Log,
    stop: Arc<AtomicBool>,
}

impl Observer for Interruptible<'_> {
    fn start(&mut self, report: &StartReport) {
        self.log.start(report);
    }

    fn step(&mut self, report: &StepReport) {
        self.log.step(report);
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        self.log.epoch(record, best);
    }

    fn finishing(&mut self, stage: Stage, part: f64) {
        self.log.finishing(stage, part);
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A flag that the first Ctrl-C sets; the second one ends the program at once.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(stop)
}

/// What to run after training, as it would be typed here.
fn next_commands(run: &Run, epochs: usize) -> Vec<(&'static str, String)> {
    let run = quoted(run.dir());
    vec![
        ("export to ONNX", format!("{} --split {run}", command("exporter"))),
        ("train longer", format!("{} fit --resume {run} --epochs {}", command("trainer"), 2 * epochs)),
    ]
}
