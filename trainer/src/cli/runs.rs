//! The run that an argument means, or which runs there are instead.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, bail};
use trainer::Run;

use super::RUNS;
use super::programs::{command, quoted};

/// As many runs as a message lists.
const LISTED: usize = 4;

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
    let parent = if dir.is_dir() { dir } else { Path::new(RUNS) };
    let runs = below(parent);
    if runs.is_empty() {
        bail!("{error}, and there are none in {RUNS}; `{} fit` makes one", command("trainer"));
    }
    let names: Vec<String> = runs.iter().take(LISTED).map(|run| format!("`{}`", quoted(run))).collect();
    let more = runs.len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more in {}", parent.display()) };
    bail!("{error}; the runs here are {}{more}", names.join(", "))
}

fn is_run(dir: &Path) -> bool {
    dir.join("config.toml").is_file()
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
        let time = fs::metadata(dir.join("config.toml")).and_then(|metadata| metadata.modified()).ok()?;
        Some((time, dir))
    };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut runs: Vec<(SystemTime, PathBuf)> = entries.filter_map(|entry| changed(entry.path())).collect();
    runs.sort();
    runs.into_iter().rev().map(|(_, dir)| dir).collect()
}
