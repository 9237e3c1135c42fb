//! Finds the bundle that a person means by a path.

use std::path::{Path, PathBuf};

use crate::advice::{listed, quoted};
use crate::error::{Error, Result};
use crate::names::{BUNDLE_FILES, LATEST_RUN, MANIFEST_FILE, RUN_BUNDLE};

/// The folder that runs are in by default.
const RUNS: &str = "runs";

/// The bundle at `path`: the folder itself, the bundle in the folder of a run, or the folder of a bundle's file.
///
/// # Errors
///
/// [`Error::NoBundle`], which says what is there instead.
pub fn locate(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    if is_bundle(path) {
        return Ok(path.into());
    }
    if path.is_file() {
        return folder_of(path).filter(|dir| is_bundle(dir)).ok_or_else(|| {
            let reason = match folder_of(path) {
                Some(_) => "a file without a model.json beside it",
                None => "a file",
            };
            let known = known(&[Path::new(RUNS), Path::new(".")]);
            Error::no_bundle(path, format!("expected the folder of a bundle, found {reason}; {known}"))
        });
    }
    if !path.exists() {
        return Err(Error::no_bundle(path, format!("no such bundle; {}", instead(path, Path::new(RUNS)))));
    }
    let of_run = path.join(RUN_BUNDLE);
    if is_bundle(&of_run) {
        return Ok(of_run);
    }
    if is_run(path) {
        let reason = format!("a run without a bundle; `exporter --split {}` makes one", quoted(path));
        return Err(Error::no_bundle(path, reason));
    }
    let runs = runs_in(path);
    if !runs.is_empty() {
        let reason = format!("a folder of runs; name one of them: {}", listed(&runs, path));
        return Err(Error::no_bundle(path, reason));
    }
    let known = known(&[Path::new(RUNS), Path::new(".")]);
    Err(Error::no_bundle(path, format!("not a bundle: it has no {MANIFEST_FILE}; {known}")))
}

/// What there is instead of `path`: a run in `runs` that is called the same, the other runs, or how to make one.
fn instead(path: &Path, runs: &Path) -> String {
    let run = runs.join(path);
    if path.is_relative() && run.is_dir() {
        return format!("did you mean `{}`?", quoted(&run));
    }
    // A run beside the one that was named, or wherever runs are by default.
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(runs);
    known(&[beside, runs, Path::new(".")])
}

/// The runs in the first of `folders` that has some, the run that the person stands in, or how to make one.
fn known(folders: &[&Path]) -> String {
    for parent in folders {
        let found = runs_in(parent);
        if !found.is_empty() {
            return format!("the runs here are {}", listed(&found, parent));
        }
    }
    // Other projects have a config.toml too.
    match [".", ".."].iter().find(|dir| Path::new(dir).join("best.safetensors").is_file()) {
        Some(run) => format!("the run that you are in is `{run}`"),
        None => "`trainer fit` trains a network, and `exporter --split` makes a bundle of it".into(),
    }
}

fn is_bundle(dir: &Path) -> bool {
    dir.join(MANIFEST_FILE).is_file()
}

fn is_run(path: &Path) -> bool {
    ["config.toml", "best.safetensors"].iter().any(|name| path.join(name).is_file())
        || is_bundle(&path.join(RUN_BUNDLE))
}

/// The runs in `path`, by name.
fn runs_in(path: &Path) -> Vec<PathBuf> {
    run_entries(path).into_iter().filter(|path| is_run(path)).collect()
}

/// What is in the folder `path`, by name, without the link that `trainer fit` leaves to the newest run.
pub fn run_entries(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| !is_latest_link(path)).collect();
    paths.sort();
    paths
}

fn is_latest_link(path: &Path) -> bool {
    path.ends_with(LATEST_RUN) && path.is_symlink()
}

/// The folder of a file with the name of one of a bundle's files.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    BUNDLE_FILES.contains(&name).then(|| parent.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_bundle_is_found_by_its_folder_its_files_and_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = dir.path().join("run/onnx");
        fs::create_dir_all(&bundle).unwrap();
        fs::write(bundle.join("encoder.onnx"), "").unwrap();
        fs::write(bundle.join("model.json"), "{}").unwrap();
        for path in ["run", "run/onnx", "run/onnx/encoder.onnx", "run/onnx/model.json"] {
            assert_eq!(locate(dir.path().join(path)).unwrap(), bundle, "{path}");
        }
    }

    #[test]
    fn what_is_there_instead_of_a_bundle_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        fs::create_dir(&run).unwrap();
        fs::write(run.join("config.toml"), "").unwrap();
        fs::create_dir(dir.path().join("other")).unwrap();
        fs::write(dir.path().join("rows.csv"), "").unwrap();
        for (path, expected) in [
            ("none", "none: no such bundle"),
            ("rows.csv", "rows.csv: expected the folder of a bundle, found a file"),
            ("run", "a run without a bundle; `exporter --split "),
            ("other", "not a bundle: it has no model.json"),
            ("", "a folder of runs; name one of them: `"),
        ] {
            let error = locate(dir.path().join(path)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_bundle_that_is_not_there_is_answered_with_the_runs_that_are() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("runs");
        assert!(instead(Path::new("nope"), &runs).starts_with("`trainer fit` trains a network"));
        for number in 1..=6 {
            let bundle = runs.join(format!("run-{number}/onnx"));
            fs::create_dir_all(&bundle).unwrap();
            fs::write(bundle.join("model.json"), "{}").unwrap();
        }
        let run = |number: usize| format!("`{}`", quoted(&runs.join(format!("run-{number}"))));
        assert_eq!(instead(Path::new("run-2"), &runs), format!("did you mean {}?", run(2)));
        let names: Vec<String> = (1..=4).map(run).collect();
        let all = format!("the runs here are {} and 2 more in {}", names.join(", "), runs.display());
        assert_eq!(instead(Path::new("nope"), &runs), all);
        assert_eq!(instead(&runs.join("run-7"), Path::new("runs")), all);
    }
}
