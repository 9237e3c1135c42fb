//! A small trained run to export from, and the programs under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use exporter::{Bundle, ExportOptions, export};
use tempfile::TempDir;
use trainer::{Config, Dataset, ModelConfig, Run, Silent, fit};

/// A run of a few epochs on the embedded digits.
pub fn train(dir: &Path, model: ModelConfig) -> Run {
    let config = Config { epochs: 4, model, ..Config::default() };
    let dataset = Dataset::load(&config.data).unwrap();
    let run = Run::create(dir, &config).unwrap();
    fit(&config, &dataset, &run, &mut Silent).unwrap();
    run
}

/// A run and its bundle, made once for all tests that only read them.
pub fn shared() -> &'static (Run, Bundle) {
    static SHARED: OnceLock<(TempDir, (Run, Bundle))> = OnceLock::new();
    let (_, shared) = SHARED.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let run = train(&dir.path().join("run"), ModelConfig::dense(32, []));
        let bundle = export(&run, &ExportOptions::default()).unwrap();
        (dir, (run, bundle))
    });
    shared
}

/// A copy of the shared bundle that a test may spoil.
pub fn copied_bundle() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("bundle");
    copy_dir(&shared().1.dir, &copy);
    (dir, copy)
}

pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// One of our programs, in `dir`, with no way to the hub.
pub fn program(name: &str, dir: &Path) -> Command {
    // Integration tests lie in target/PROFILE/deps, the workspace's programs one folder up.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is missing: run `cargo test --release --workspace`, which builds it", path.display());
    let mut command = Command::new(path);
    command.current_dir(dir).env_remove("CARGO").env("HF_ENDPOINT", "http://127.0.0.1:9").env("HF_HOME", dir);
    command
}

/// Runs a program that must succeed and returns its standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What a program that must succeed says on both of its streams.
pub fn everything(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stderr, output.stdout].concat()).unwrap();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Runs a program that must fail with exit code 1 and one line, without a panic; returns the line.
pub fn fail(command: &mut Command) -> String {
    fail_with(command, 1)
}

/// The same with another exit `code`.
pub fn fail_with(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {text}");
    assert!(!text.contains("panicked"), "{command:?}: {text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(lines.len(), 1, "{command:?}: {text}");
    assert!(text.trim_end().ends_with(lines[0]), "the error is the last line: {text}");
    lines[0].to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The largest |a - b|; infinite where one is not a number.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.map(|difference| if difference.is_nan() { f32::INFINITY } else { difference }).fold(0., f32::max)
}

/// Every file below `dir` with its content, to see that nothing was changed.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path))
        } else {
            files.push((path.clone(), std::fs::read(&path).unwrap()))
        }
    }
    files.sort();
    files
}
