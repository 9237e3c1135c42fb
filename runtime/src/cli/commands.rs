//! What each command does.

use std::cell::OnceCell;
use std::io::{ErrorKind, IsTerminal, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail};
use bundle::{Manifest, counted, locate};
use clap::CommandFactory;
use runtime::{Autoencoder, Decoder, Encoder, Limits, Matrix, Schema, Scorer};

use super::arguments::{Arguments, Command, ConvertArguments, NetworkArguments, SampleArguments, ScoreArguments};
use super::explain;
use super::output::{Output, STDOUT, Writer};
use super::progress::ProgressBar;
use super::range::Preparation;
use super::say::say;
use super::scores;
use super::source::{self, Prepared, Source};

/// Runs the command; `--help` and `--version` are printed.
pub fn execute(arguments: Result<Arguments, clap::Error>) -> Result<()> {
    let written = match arguments {
        Ok(Arguments { command, limits }) => run(command, &limits.limits()),
        Err(help) => {
            let width = bundle::columns(std::io::stdout().is_terminal());
            print((bundle::wrapped(help.render().to_string().trim_end(), width) + "\n").as_bytes())
        }
    };
    match written {
        // A reader that has read enough is no reason to fail.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        written => written,
    }
}

fn run(command: Command, limits: &Limits) -> Result<()> {
    match command {
        Command::Sample(arguments) => sample(&arguments, limits),
        Command::Convert(arguments) => convert(&arguments),
        Command::Completions { shell } => {
            let mut script = vec![];
            clap_complete::generate(shell, &mut Arguments::command(), "runtime", &mut script);
            print(&script)
        }
        Command::Man { command } => man(command.as_deref()),
        Command::Encode(ref arguments)
        | Command::Decode(ref arguments)
        | Command::Reconstruct(ref arguments)
        | Command::Denoise(ref arguments)
        | Command::Score(ScoreArguments { network: ref arguments, .. }) => network(&command, arguments, limits),
        Command::Explain(ref arguments) => {
            let dir = find(&arguments.bundle, &arguments.rows.rows)?;
            let manifest = Manifest::read(&dir)?;
            let scorer = Scorer::load_within(&dir, limits)?;
            let source = Source::new(&command, &manifest, &arguments.rows)?;
            let pictures = source.pictures().unwrap_or_default();
            let rows = source.read(Preparation::default())?;
            let (scorer, manifest, rows) = (&scorer, &manifest, &rows);
            let rows = explain::Rows { scorer, manifest, rows, pictures, source: &source, written: OnceCell::new() };
            print(rows.explained(arguments.row)?.as_bytes())
        }
        Command::Calibrate(ref arguments) => {
            let dir = find(&arguments.bundle, &arguments.rows.rows)?;
            let manifest = Manifest::read(&dir)?;
            let rows = Source::new(&command, &manifest, &arguments.rows)?.read(Preparation::default())?;
            let count = runtime::calibrate(&dir, &rows)?;
            say(&format!("{}: p-values are ranks among {} now", dir.display(), counted(count, "usual row")));
            Ok(())
        }
    }
}

/// The manual page of a command, or of the program itself.
fn man(command: Option<&str>) -> Result<()> {
    let mut described = Arguments::command();
    described.build();
    if let Some(name) = command {
        let known = described.find_subcommand(name).context("the command is one of those that are listed")?;
        described = known.clone().version(env!("CARGO_PKG_VERSION"));
    }
    let mut page = vec![];
    clap_mangen::Man::new(described).render(&mut page)?;
    print(&page)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

fn print(text: &[u8]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text).and_then(|()| output.flush()).context(STDOUT)
}

fn sample(arguments: &SampleArguments, limits: &Limits) -> Result<()> {
    let output = Output::new(arguments.out.out.as_deref())?;
    let rows = Autoencoder::load_within(&arguments.bundle, limits)?.sample(arguments.count, arguments.seed)?;
    let manifest = Manifest::read(locate(&arguments.bundle)?)?;
    output.write(&rows, manifest.schema.as_ref())
}

fn convert(arguments: &ConvertArguments) -> Result<()> {
    let output = output(arguments.out.out.as_deref(), &arguments.rows.rows)?;
    let (path, options) = (&arguments.rows.rows, arguments.rows.options());
    let rows = if path.is_dir() { source::folder(path, &options)? } else { rows::read(path, &options)? };
    rows.note.iter().for_each(|note| say(note));
    output.write(&Matrix::new(rows.values.len() / rows.columns, rows.columns, rows.values)?, None)
}

fn network(command: &Command, arguments: &NetworkArguments, limits: &Limits) -> Result<()> {
    let path = &arguments.rows.rows;
    let dir = find(&arguments.bundle, path)?;
    let manifest = Manifest::read(&dir)?;
    let output = output(arguments.out.out.as_deref(), path)?;
    let source = Source::new(command, &manifest, &arguments.rows)?;
    // A network that cannot do this is refused before the rows are read.
    let work = load(command, &Bundle { dir: &dir, manifest: &manifest, limits }, &source)?;
    let rows = source.open(arguments.preparation())?;
    by_blocks(rows, &work.compute, output.start(work.columns.as_ref())?)?;
    work.scores.and_then(|scores| scores.outcome()).iter().for_each(|line| say(line));
    Ok(())
}

/// Computes a block of rows while the next one is read and the last one written, and says how far it is.
fn by_blocks(mut rows: Prepared, compute: &Compute, mut writer: Writer) -> Result<()> {
    let mut bar = ProgressBar::new();
    thread::scope(|scope| -> Result<()> {
        let (sender, computed) = mpsc::sync_channel::<Matrix>(1);
        let writing = scope.spawn(move || computed.iter().try_for_each(|block| writer.append(&block)).map(|()| writer));
        let mut compute_all = || -> Result<()> {
            while let Some(block) = rows.next()? {
                // When nobody takes the block, writing has failed.
                if sender.send(compute(&block)?).is_err() {
                    break;
                }
                bar.show(rows.rows(), rows.part());
            }
            Ok(())
        };
        let outcome = compute_all();
        drop(sender);
        let writer = writing.join().unwrap_or_else(|panic| resume_unwind(panic));
        outcome?;
        writer?.finish()
    })?;
    drop(bar);
    rows.notes().iter().for_each(|note| say(note));
    Ok(())
}

/// What a command computes of rows.
type Compute = Box<dyn Fn(&Matrix) -> runtime::Result<Matrix>>;

/// What a command does.
struct Work {
    compute: Compute,
    /// The columns of the result, where they have names.
    columns: Option<Schema>,
    /// What it does beside, where it scores rows.
    scores: Option<Rc<scores::Table>>,
}

/// A bundle that keeps to some limits.
struct Bundle<'a> {
    dir: &'a Path,
    manifest: &'a Manifest,
    limits: &'a Limits,
}

/// Loads as much of the bundle as the command needs.
fn load(command: &Command, bundle: &Bundle, source: &Source) -> Result<Work> {
    let &Bundle { dir, manifest, limits } = bundle;
    let schema = manifest.schema.clone();
    let (compute, columns): (Compute, _) = match command {
        Command::Encode(_) => {
            let encoder = Encoder::load_within(dir, limits)?;
            (Box::new(move |rows| encoder.encode(rows)), None)
        }
        Command::Decode(_) => {
            let decoder = Decoder::load_within(dir, limits)?;
            (Box::new(move |rows| decoder.decode(rows)), schema)
        }
        Command::Denoise(_) => {
            let autoencoder = Autoencoder::load_within(dir, limits)?;
            autoencoder.check_denoises()?;
            (Box::new(move |rows| autoencoder.denoise(rows)), schema)
        }
        Command::Score(ScoreArguments { alpha, watch, .. }) => {
            let scores = scores::Table::new(Scorer::load_within(dir, limits)?, manifest, *alpha);
            let scores = Rc::new(scores.of_pictures(source.pictures()).watching(*watch));
            scores.note().iter().for_each(|note| say(note));
            let columns = Some(scores.columns()?);
            let compute = scores.clone();
            return Ok(Work { compute: Box::new(move |rows| compute.of(rows)), columns, scores: Some(scores) });
        }
        _ => {
            let autoencoder = Autoencoder::load_within(dir, limits)?;
            (Box::new(move |rows| autoencoder.reconstruct(rows)), schema)
        }
    };
    Ok(Work { compute, columns, scores: None })
}

/// The bundle that is meant, which comes before the rows.
fn find(bundle: &Path, rows: &Path) -> Result<std::path::PathBuf> {
    locate(bundle).or_else(|error| match locate(rows) {
        Ok(_) if bundle.is_file() => {
            bail!("expected the bundle before the rows, found {} and then {}", bundle.display(), rows.display())
        }
        _ => Err(error.into()),
    })
}

fn output(out: Option<&Path>, rows: &Path) -> Result<Output> {
    let output = Output::new(out)?;
    if output.replaces(rows) {
        bail!("--out {}: expected another file than the one to read", rows.display());
    }
    Ok(output)
}
