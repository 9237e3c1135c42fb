//! The run that an argument means, or which runs there are instead.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, bail};
use bundle::{listed, program, quoted, run_entries};
use trainer::Run;

use super::RUNS;

const CONFIG: &str = "config.toml";

/// The run in `dir`.
///
/// # Errors
///
/// When there is none; the error names the run that is probably meant, or those that there are.
pub fn open(dir: &Path) -> Result<Run> {
    let error = match Run::open(dir) {
        Ok(run) => return Ok(run),
        Err(error) => error,
    };
    if let Some(run) = meant(dir) {
        bail!("{error}; did you mean `{}`?", quoted(&run));
    }
    if !is_run(dir) && dir.join("metrics.csv").is_file() {
        bail!("{error}; put it back, or train a new one with `{} fit`", program("trainer"));
    }
    let parent = if dir.is_dir() { dir } else { Path::new(RUNS) };
    let runs = below(parent);
    if runs.is_empty() {
        bail!("{error}; {}", none_in(Path::new(RUNS)));
    }
    bail!("{error}; the runs here are {}", listed(&runs, parent))
}

/// The newest run that is trained.
///
/// # Errors
///
/// When there is none; the error says what there is instead.
pub fn newest() -> Result<Run> {
    let runs = Path::new(RUNS);
    match Run::newest(runs) {
        Ok(run) => Ok(run),
        Err(_) if runs.is_dir() => bail!("{RUNS}: expected a trained run; {}", none_in(runs)),
        Err(_) => {
            bail!("there is no folder `{RUNS}` here, which holds the runs; `{} fit` makes one", program("trainer"))
        }
    }
}

/// Why there is no run to take in `parent`, and what makes one.
fn none_in(parent: &Path) -> String {
    let (name, fit) = (parent.display(), format!("`{} fit` makes one", program("trainer")));
    if let [newest, ..] = &below(parent)[..] {
        let trained = Run::open(newest).and_then(|run| run.check_trained());
        return trained.err().map_or(fit, |error| error.to_string());
    }
    let folders: Vec<PathBuf> = run_entries(parent).into_iter().filter(|path| path.is_dir()).collect();
    match folders.len() {
        0 => format!("there are none in {name}; {fit}"),
        1 => format!("{} has no {CONFIG}, without which it is no run; {fit}", listed(&folders, parent)),
        _ => format!("{} have no {CONFIG}, without which they are no runs; {fit}", listed(&folders, parent)),
    }
}

fn is_run(dir: &Path) -> bool {
    dir.join(CONFIG).is_file()
}

/// A run that goes by another path: in `runs/`, around this folder, or around this file.
fn meant(dir: &Path) -> Option<PathBuf> {
    let around = dir.ancestors().skip(1).take(2).filter(|_| dir.exists()).map(Path::to_owned);
    let similar = |run: &PathBuf| {
        let name = |path: &Path| path.file_name().map(OsStr::to_ascii_lowercase);
        name(run) == name(dir)
    };
    [Path::new(RUNS).join(dir)]
        .into_iter()
        .chain(around)
        .filter(|run| is_run(run))
        .chain(below(Path::new(RUNS)).into_iter().filter(similar))
        .next()
}

/// The runs in `parent`, the newest first.
fn below(parent: &Path) -> Vec<PathBuf> {
    let changed = |dir: PathBuf| {
        let time = fs::metadata(dir.join(CONFIG)).and_then(|metadata| metadata.modified()).ok()?;
        Some((time, dir))
    };
    let mut runs: Vec<(SystemTime, PathBuf)> = run_entries(parent).into_iter().filter_map(changed).collect();
    runs.sort();
    runs.into_iter().rev().map(|(_, dir)| dir).collect()
}
