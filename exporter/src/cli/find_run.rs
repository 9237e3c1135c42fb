//! Finds the run that a person means, or says which runs there are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use bundle::{listed, program, quoted, run_entries};
use trainer::Run;

/// Where `trainer fit` writes its runs.
pub const RUNS: &str = "runs";

/// The finished run at `path`; without a path, the newest in `runs`.
pub fn find_run(path: Option<&Path>, runs: &Path) -> Result<Run> {
    let dir = match path {
        Some(path) => named(path, runs)?,
        None => newest(runs)?,
    };
    let run = Run::open(&dir)?;
    if !is_finished(&dir) {
        let resume = format!("`{} fit --resume {}` goes on", program("trainer"), quoted(&dir));
        let finished: Vec<PathBuf> = all(runs).into_iter().filter(|dir| is_finished(dir)).collect();
        let finished =
            if finished.is_empty() { String::new() } else { format!("; finished: {}", listed(&finished, runs)) };
        bail!("{}: not finished; {resume}{finished}", dir.display());
    }
    Ok(run)
}

fn named(path: &Path, runs: &Path) -> Result<PathBuf> {
    let shown = path.display();
    if is_run(path) {
        return Ok(path.into());
    }
    // A file of the run, a folder in it, or a file there.
    let below = path.ancestors().skip(1).take(2).map(or_here).find(|dir| path.exists() && is_run(dir));
    if let Some(run) = below {
        let what = if path.is_dir() { "a folder in it" } else { "a file in it" };
        bail!("{shown}: expected a run, found {what}; did you mean `{}`?", quoted(run));
    }
    let (in_runs, in_path) = (runs.join(path), all(path));
    if is_run(&in_runs) {
        bail!("{shown}: no such run; did you mean `{}`?", quoted(&in_runs));
    }
    if !in_path.is_empty() {
        bail!("{shown}: expected a run, found a folder of runs: {}", listed(&in_path, path));
    }
    let known = all(runs);
    let known = if known.is_empty() { instead() } else { format!("the runs here are {}", listed(&known, runs)) };
    if let Some(meant) = meant(path).filter(|_| !path.exists()) {
        bail!("{shown}: no such run; did you mean `{meant}`?");
    }
    match path.exists() {
        true if path.is_dir() => bail!("{}; {known}", Run::open(path).err().map_or(String::new(), |e| e.to_string())),
        true => bail!("{shown}: expected a run, the folder that `trainer fit` wrote, found a file; {known}"),
        false => bail!("{shown}: no such run; {known}"),
    }
}

/// What a word stands for that is no path, but a command of this program or of another one.
fn meant(word: &Path) -> Option<String> {
    Some(match word.to_str()? {
        "split" => "--split".into(),
        "export" | "onnx" => format!("{} --split", program("exporter")),
        name @ ("completions" | "man" | "help") => format!("{} {name}", program("exporter")),
        "fit" | "train" => format!("{} fit", program("trainer")),
        name @ ("evaluate" | "compare") => format!("{} {name}", program("trainer")),
        name @ ("encode" | "decode" | "reconstruct" | "denoise" | "sample" | "convert") => {
            format!("{} {name}", program("runtime"))
        }
        _ => return None,
    })
}

/// The run whose weights are the newest.
fn newest(runs: &Path) -> Result<PathBuf> {
    let weights = |dir: &PathBuf| fs::metadata(dir.join("best.safetensors")).and_then(|file| file.modified()).ok();
    let all = all(runs);
    let newest = all.iter().max_by_key(|dir| weights(dir));
    match newest {
        Some(newest) => Ok(newest.clone()),
        None => bail!("{}: there is no run here; {}", runs.display(), instead()),
    }
}

/// What there is where no run is in the usual folder: those in this one, or around it; or how to make one.
fn instead() -> String {
    let here = all(Path::new("."));
    if !here.is_empty() {
        return format!("this folder has {}", listed(&here, Path::new(".")));
    }
    // Other projects have a config.toml too.
    match [".", ".."].iter().find(|dir| Path::new(dir).join("best.safetensors").is_file()) {
        Some(run) => format!("the run that you are in is `{run}`"),
        None => format!("`{} fit` makes one", program("trainer")),
    }
}

fn is_run(dir: &Path) -> bool {
    dir.join("config.toml").is_file()
}

fn is_finished(dir: &Path) -> bool {
    is_run(dir) && dir.join("summary.json").is_file()
}

/// The folder of a path without one is the current folder.
fn or_here(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// The runs in `parent`, by name.
fn all(parent: &Path) -> Vec<PathBuf> {
    run_entries(parent).into_iter().filter(|dir| is_run(dir)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs called `names` in a folder `runs`; the ones that end in `!` are not finished.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let run = dir.path().join("runs").join(name.trim_end_matches('!'));
            fs::create_dir_all(run.join("onnx")).unwrap();
            for file in ["config.toml", "best.safetensors", "onnx/encoder.onnx"] {
                fs::write(run.join(file), "").unwrap();
            }
            if !name.ends_with('!') {
                fs::write(run.join("summary.json"), "").unwrap();
            }
        }
        dir
    }

    fn error(dir: &tempfile::TempDir, path: Option<&str>) -> String {
        let path = path.map(|path| dir.path().join(path));
        let error = find_run(path.as_deref(), &dir.path().join("runs")).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    }

    #[test]
    fn a_run_is_found_by_its_folder_and_the_newest_without_one() {
        let dir = folder(&["a", "b"]);
        let runs = dir.path().join("runs");
        assert_eq!(find_run(Some(&runs.join("a")), &runs).unwrap().dir(), runs.join("a"));
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
        fs::File::open(runs.join("a/best.safetensors")).unwrap().set_modified(later).unwrap();
        assert_eq!(find_run(None, &runs).unwrap().dir(), runs.join("a"));
    }

    #[test]
    fn files_and_folders_of_a_run_name_the_run() {
        let dir = folder(&["a"]);
        assert_eq!(
            error(&dir, Some("runs/a/onnx")),
            "runs/a/onnx: expected a run, found a folder in it; did you mean `runs/a`?"
        );
        for file in ["best.safetensors", "onnx/encoder.onnx", "config.toml"] {
            let error = error(&dir, Some(&format!("runs/a/{file}")));
            assert!(error.ends_with("expected a run, found a file in it; did you mean `runs/a`?"), "{error}");
        }
    }

    #[test]
    fn what_is_no_run_lists_the_runs_there_are() {
        let dir = folder(&["a", "b!"]);
        assert_eq!(error(&dir, Some("c")), "c: no such run; the runs here are `runs/a`, `runs/b`");
        assert_eq!(error(&dir, Some("runs")), "runs: expected a run, found a folder of runs: `runs/a`, `runs/b`");
        let error = error(&dir, Some(""));
        assert!(error.ends_with(": not a run: it has no config.toml; the runs here are `runs/a`, `runs/b`"), "{error}");
        let many: Vec<String> = (0..9).map(|number| format!("run-{number}")).collect();
        let dir = folder(&many.iter().map(String::as_str).collect::<Vec<_>>());
        let error = self::error(&dir, Some("c"));
        assert!(error.ends_with("`runs/run-3` and 5 more in runs"), "{error}");
    }

    #[test]
    fn a_run_without_its_folder_is_recognised() {
        let dir = folder(&["a"]);
        let runs = dir.path().join("runs");
        let error = find_run(Some(Path::new("a")), &runs).unwrap_err().to_string();
        assert_eq!(error, format!("a: no such run; did you mean `{}`?", runs.join("a").display()));
    }

    #[test]
    fn a_run_that_is_not_finished_is_refused_and_finished_ones_are_listed() {
        let dir = folder(&["a", "b!"]);
        let error = error(&dir, Some("runs/b"));
        assert!(error.starts_with("runs/b: not finished; `"), "{error}");
        assert!(error.ends_with("; finished: `runs/a`"), "{error}");
        let none = folder(&[]);
        assert!(self::error(&none, None).starts_with("runs: there is no run here"));
    }
}
