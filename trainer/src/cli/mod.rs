//! The programs `trainer fit`, `evaluate` and `compare`: a thin face over the library.

mod args;
mod compare;
mod evaluate;
mod progress;

use std::io::IsTerminal;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::Parser;
use trainer::{
    Config, Dataset, EpochRecord, Finding, Level, NetworkConfig, Observer, Outcome, Run, Split, Stage, StartReport,
    StepReport, StopReason, Summary, Timings, fit,
};

use args::{Arguments, Command, FitArguments, LogFormat};
use progress::{Json, Log, Plain, Terminal};

/// What a shell expects of a program that was stopped by Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The network is no better than the mean training row.
const LEARNED_NOTHING: u8 = 3;
const RUNS: &str = "runs";

pub fn run() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Fit(arguments) => fit_command(*arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
    }
}

fn fit_command(arguments: FitArguments) -> Result<ExitCode> {
    let (config, resumed) = match &arguments.resume {
        None => (Config::resolve(arguments.config.as_deref(), arguments.overrides()?)?, None),
        Some(dir) => {
            let run = Run::open(dir)?;
            let config = run.config()?;
            let epochs = arguments.epochs.map_or(config.epochs, |epochs| epochs as usize);
            let threads = arguments.threads.map_or(config.threads, |threads| threads as usize);
            let patience = arguments.patience.map_or(config.patience, |epochs| epochs as usize);
            let time_budget = arguments.time_budget.unwrap_or(config.time_budget);
            let optimizer = match arguments.learning_rate {
                Some(rate) => config.optimizer.with_learning_rate(rate),
                None => config.optimizer,
            };
            let baseline_seconds = arguments.baseline_seconds.or(config.baseline_seconds);
            (Config { epochs, threads, patience, time_budget, baseline_seconds, optimizer, ..config }, Some(run))
        }
    };
    config.check()?;
    config.device.open()?;
    let dataset = Dataset::load(&config.data)?;
    // Whatever does not fit the data is refused before a folder is made.
    Split::new(&dataset, config.validation, config.seed)?;
    NetworkConfig::new(&config.model, dataset.image_shape())?;
    let run = match (resumed, &arguments.out) {
        (Some(run), _) => {
            run.check_unfinished(&config)?;
            run
        }
        (None, Some(dir)) => Run::create(dir, &config)?,
        (None, None) => Run::create_next(RUNS, &config)?,
    };

    let mut log = log(arguments.log_format);
    log.open(&run);
    if cfg!(debug_assertions) {
        progress::say("note: this is a debug build, 10 to 50 times slower than `cargo run --release`");
    }
    let stop = stop_on_interrupt()?;
    if arguments.timings {
        trainer::measure_timings();
    }
    let outcome = fit(&config, &dataset, &run, &mut Interruptible { log: log.as_mut(), stop })?;
    if arguments.timings {
        progress::say(&phase_lines(config.threads));
    }
    match outcome {
        Outcome::Finished(summary) => {
            log.finished(&run, &summary, &next_commands(&run));
            Ok(if summary.has_failed() { ExitCode::from(LEARNED_NOTHING) } else { ExitCode::SUCCESS })
        }
        Outcome::Interrupted { epoch, step } => {
            let command = format!("{} fit --resume {}", program("trainer"), shell_quoted(&run));
            log.interrupted(epoch, step, &command);
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

fn log(format: LogFormat) -> Box<dyn Log> {
    match format {
        LogFormat::Auto if std::io::stderr().is_terminal() => Box::new(Terminal::default()),
        LogFormat::Auto | LogFormat::Plain => Box::new(Plain::default()),
        LogFormat::Json => Box::new(Json),
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
fn next_commands(run: &Run) -> Vec<(&'static str, String)> {
    let exporter = program("exporter");
    vec![
        ("export and prove", format!("{exporter} --split {}", shell_quoted(run))),
        ("train longer", format!("{} fit --resume {} --epochs N", program("trainer"), shell_quoted(run))),
    ]
}

/// Under `cargo run`, the neighbours of this program are reached the same way.
fn program(name: &str) -> String {
    if std::env::var_os("CARGO").is_some() { format!("cargo run --release --bin {name} --") } else { name.into() }
}

fn shell_quoted(run: &Run) -> String {
    let path = run.dir().display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Where the time went, a line for each phase: the threads' mean seconds in an epoch, and the part of the whole.
fn phase_lines(threads: usize) -> String {
    let Timings { phases, epochs, wall } = trainer::timings();
    let (epochs, wall) = (epochs.max(1) as f64, wall.as_secs_f64());
    let seconds =
        phases.map(|(phase, time)| (format!("{phase:?}").to_lowercase(), time.as_secs_f64() / threads as f64));
    let waiting = (wall - seconds.iter().map(|(_, seconds)| seconds).sum::<f64>()).max(0.);
    let mut lines = vec![format!("{:<12}{:>12}{:>10}", "phase", "ms an epoch", "part")];
    for (name, seconds) in seconds.into_iter().chain([("waiting".into(), waiting), ("epoch".into(), wall)]) {
        lines.push(format!("{name:<12}{:>12.1}{:>9.1}%", seconds * 1e3 / epochs, 100. * seconds / wall));
    }
    lines.join("\n")
}

/// The last lines of a run, for people.
fn result_lines(run: &Run, summary: &Summary, next: &[(&str, String)]) -> String {
    let Summary { best, epochs, .. } = summary;
    let mut lines = vec![format!("trained {} on {} in {:.1} s", summary.network, summary.data.name, summary.seconds)];
    match summary.stop_reason {
        StopReason::Epochs => (),
        StopReason::Patience => {
            let waited = epochs - best.epoch;
            lines.push(format!("ended after epoch {epochs}: {waited} epochs without a lower validation loss"));
        }
        StopReason::Divergence => lines.push(format!("ended after epoch {epochs}: the loss was no longer finite")),
        StopReason::TimeBudget => lines.push(format!("ended in epoch {epochs}: the time was spent")),
    }
    lines.push(String::new());
    lines.extend(evaluate::lines(&format!("best, epoch {}", best.epoch), &summary.test, summary.pca.as_ref()));
    lines.extend(summary.left_out.iter().map(ToString::to_string));
    for Finding { level, message, advice, .. } in &summary.findings {
        let level = if *level == Level::Failed { "failed" } else { "warning" };
        lines.extend([String::new(), format!("{level}: {message}"), format!("  try: {advice}")]);
    }
    lines.extend([
        String::new(),
        format!("{:<18}{}", "run", run.dir().display()),
        format!("{:<18}{}", "report", run.report().display()),
    ]);
    lines.extend(next.iter().map(|(what, command)| format!("{what:<18}{command}")));
    lines.join("\n")
}
