//! The program under test, and what it says.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const TRAINER: &str = env!("CARGO_BIN_EXE_trainer");

/// `trainer` in `dir`, with no way to the hub and as if it were not started by cargo.
pub fn trainer(dir: &Path) -> Command {
    let mut command = Command::new(TRAINER);
    quiet(&mut command).current_dir(dir);
    command
}

/// Without the variables of the environment that change what the program says.
pub fn quiet(command: &mut Command) -> &mut Command {
    let variables = ["CARGO", "HOURGLASS_MNIST"];
    variables.iter().fold(command, |command, name| command.env_remove(name)).env("HF_ENDPOINT", "http://127.0.0.1:9")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs what must succeed; its standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs what must fail with `code` and one plain line at the end; that line.
pub fn fail(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    plain_error(&output, code, &format!("{command:?}"))
}

pub fn plain_error(output: &Output, code: i32, what: &str) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {said}");
    // Commands are printed with the path that the program was started by.
    let line = said.lines().last().unwrap_or_default().replace(&format!("`{TRAINER} "), "`trainer ");
    assert!(line.starts_with("error: "), "{what}: {said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("error")).count(), 1, "{what}: {said}");
    // Words that only programmers know.
    for word in ["panicked", "os error", "usize", "u64", "i64", "f64", "unwrap", "serde", "invalid type", "None"] {
        assert!(!line.contains(word), "{what}: `{word}` in {line}");
    }
    assert!(!line.ends_with('.'), "{what}: {line}");
    line
}

/// What an error suggests between backticks.
pub fn suggestion(error: &str) -> String {
    let (_, rest) = error.split_once("did you mean `").unwrap_or_else(|| panic!("no suggestion in {error}"));
    rest.split_once('`').unwrap().0.to_owned()
}

/// A run of two epochs, `runs/simple-digits-1`.
pub fn small_run(dir: &Path) -> PathBuf {
    succeed(trainer(dir).args(["fit", "--epochs", "2", "--log-format", "plain"]));
    dir.join("runs/simple-digits-1")
}

/// Every path below `dir`, to see that nothing was left.
pub fn paths(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(paths(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}
