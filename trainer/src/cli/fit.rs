//! `trainer fit`: trains a new run, or goes on with one.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use trainer::{
    Config, Dataset, DeviceKind, EpochRecord, NetworkConfig, Observer, Outcome, Run, Split, Stage, StartReport,
    StepReport, Summary, fit,
};

use super::args::FitArguments;
use super::log::{self, Log};
use super::output::say;
use super::plain::{is_full_disk, one_line};
use super::{RUNS, next, runs, timings};

/// What a shell expects of a program that was stopped by Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The network is no better than the mean training row.
const LEARNED_NOTHING: u8 = 3;

pub fn run(arguments: &FitArguments) -> Result<ExitCode> {
    let (config, resumed) = settings(arguments).map_err(|error| arguments.blame(error))?;
    let Prepared { config, dataset, split, network } =
        prepare(arguments, config).map_err(|error| arguments.blame(error))?;
    if let Some(anew) = resumed.as_ref().and_then(anew) {
        say(&format!(
            "note: this network has learned nothing so far; if more epochs do not help, train it anew with `{anew}`"
        ));
    }
    let run = match (resumed, &arguments.out) {
        (Some(run), _) => run,
        (None, Some(dir)) => Run::create(dir, &config)?,
        (None, None) => Run::create_next(RUNS, &config)?,
    };

    let stop = stop_on_interrupt()?;
    let mut log = log::of(arguments.log_format);
    log.open(&run)?;
    dataset.notes.iter().for_each(|note| say(&format!("note: {note}")));
    if dataset.tests_unusual_rows_alone() {
        say(
            "note: no test row has a label that trained, so the run has no scorer; add usual rows to those for testing",
        );
    }
    let rows = split.train.len() + dataset.streamed_rows()?;
    let (epochs, usual) = (config.epochs_for(rows), config.epochs);
    if epochs != usual {
        let rows = if epochs > usual { "few" } else { "many" };
        say(&format!(
            "note: {epochs} epochs instead of {usual}, since the rows are {rows}; `--epochs` sets another number"
        ));
    }
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
    let outcome = fit(&config, &dataset, &run, &mut Interruptible { log: log.as_mut(), stop });
    let outcome = outcome.map_err(|error| with_way_on(error.into(), &run))?;
    if arguments.timings {
        say(&timings::lines(config.threads));
    }
    match outcome {
        Outcome::Finished(summary) => {
            if is_in_runs(run.dir()) {
                run.link_latest();
            }
            log.finished(&run, &summary, &next::commands(&run, &summary))?;
            Ok(if summary.has_failed() { ExitCode::from(LEARNED_NOTHING) } else { ExitCode::SUCCESS })
        }
        Outcome::Interrupted { epoch, step } => {
            log.interrupted(epoch, step, &next::resume(&run))?;
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

/// The settings, and the run that goes on with them if one does.
fn settings(arguments: &FitArguments) -> Result<(Config, Option<Run>)> {
    let Some(dir) = &arguments.resume else {
        let config = arguments.resolve()?;
        if let Some(dir) = &arguments.out {
            Run::check_new(dir)?;
        }
        return Ok((config, None));
    };
    let run = runs::open(dir)?;
    let config = arguments.resume(run.config()?);
    config.check()?;
    match (run.check_unfinished(&config), anew(&run)) {
        (Err(_), Some(anew)) if arguments.epochs.is_none() => {
            bail!("{} is finished, and the network learned nothing; train it anew with `{anew}`", run.dir().display())
        }
        (checked, _) => checked?,
    }
    Ok((config, Some(run)))
}

/// The command that trains `run` anew, if it learned nothing.
fn anew(run: &Run) -> Option<String> {
    let failed = run.summary().ok().filter(Summary::has_failed)?;
    next::anew(run, &failed)
}

/// The data, and the network for it.
struct Prepared {
    config: Config,
    dataset: Dataset,
    split: Split,
    network: NetworkConfig,
}

/// Loads the data. Whatever does not fit is refused before a folder is made.
fn prepare(arguments: &FitArguments, config: Config) -> Result<Prepared> {
    config.device.open()?;
    let dataset = match &arguments.resume {
        Some(_) if arguments.data.is_none() => Dataset::load_again(&config.data, &config.preparation())?,
        _ => Dataset::load_with(&config.data, &config.preparation())
            .map_err(|error| arguments.with_place_of_data(error))?,
    };
    let config = config.fitted_to(&dataset.image_shape());
    let split = Split::new(&dataset, config.validation, config.seed)?;
    let network = NetworkConfig::new(&config.model, dataset.image_shape())?;
    if config.device == DeviceKind::Cpu {
        network.check_memory(config.batch_size)?;
    }
    // Next to where the run will be: a system's folder for temporary files may lie in memory.
    let place = arguments.out.as_deref().or(arguments.resume.as_deref()).unwrap_or(Path::new(RUNS));
    dataset.store(place.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new(".")))?;
    Ok(Prepared { config, dataset, split, network })
}

/// Whether a run lies in the folder where runs are by default, however its path is written.
fn is_in_runs(run: &Path) -> bool {
    let folder = |path: &Path| path.canonicalize().ok();
    run.parent().and_then(folder).is_some_and(|parent| Some(parent) == folder(Path::new(RUNS)))
}

/// What stopped on a full disk can go on.
fn with_way_on(error: anyhow::Error, run: &Run) -> anyhow::Error {
    if !is_full_disk(&error) {
        return error;
    }
    let resume = next::resume(run);
    anyhow!("{}; make room, then go on with `{resume}`", one_line(&error))
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
