//! The commands that a training prints work from where the person stands, however the program was started.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use support::{TRAINER, quiet, succeed, text};

/// A program that writes down how it was called.
fn stand_in(path: &Path) {
    fs::write(path, "#!/bin/sh\necho \"$0 $*\" > called\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The command that stands behind `label` in what was said.
fn printed(said: &str, label: &str) -> String {
    let line = said.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("no {label} in {said}"));
    line[label.len()..].trim().to_owned()
}

/// Trains by `start` and follows both commands that are printed, in the same folder and with the same PATH; what the exporter's
/// stand-in was called by.
fn follow(dir: &Path, path: &str, start: &mut Command) -> String {
    let said = succeed(quiet(start.args(["fit", "--epochs", "2"]).current_dir(dir).env("PATH", path)));
    let shell = |command: &str| {
        let mut shell = Command::new("/bin/sh");
        quiet(shell.args(["-c", command]).current_dir(dir).env("PATH", path)).output().unwrap()
    };
    let output = shell(&printed(&said, "export to ONNX"));
    assert!(output.status.success(), "{said}\n{}", text(&output.stderr));
    let called = fs::read_to_string(dir.join("called")).unwrap();
    let longer = printed(&said, "train longer");
    assert!(longer.ends_with("--epochs 4"), "{longer}");
    if !longer.starts_with("cargo") {
        let output = shell(&longer);
        assert!(output.status.success(), "{longer}: {}", text(&output.stderr));
        let again = shell(&longer);
        assert!(text(&again.stderr).contains("is finished"), "{}", text(&again.stderr));
    }
    called.trim().to_owned()
}

/// Copies the program by another process: a file that this one writes cannot be run while a test beside it starts a program.
fn copy_program(to: &Path) {
    assert!(Command::new("cp").arg(TRAINER).arg(to).status().unwrap().success());
}

#[test]
fn started_by_its_path_the_neighbour_beside_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("some where/bin")).unwrap();
    copy_program(&dir.path().join("some where/bin/trainer"));
    stand_in(&dir.path().join("some where/bin/exporter"));
    let mut start = Command::new("some where/bin/trainer");
    assert_eq!(follow(dir.path(), "/usr/bin:/bin", &mut start), "some where/bin/exporter --split runs/simple-digits-1");
}

#[test]
fn started_by_its_name_the_neighbour_is_named_too() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    copy_program(&bin.join("trainer"));
    stand_in(&bin.join("exporter"));
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut start = Command::new("/bin/sh");
    start.args(["-c", "trainer \"$@\"", "sh"]);
    let called = follow(dir.path(), &path, &mut start);
    assert!(called.ends_with("exporter --split runs/simple-digits-1"), "{called}");
}

#[test]
fn started_by_cargo_cargo_starts_the_neighbour() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    stand_in(&bin.join("cargo"));
    let path = format!("{}:/usr/bin:/bin", bin.display());
    // `quiet` removes what cargo sets for the programs that it runs.
    let mut start = Command::new("/bin/sh");
    start.args(["-c", "CARGO=cargo exec \"$0\" \"$@\"", TRAINER]);
    let called = follow(dir.path(), &path, &mut start);
    assert!(called.ends_with("cargo run --release --bin exporter -- --split runs/simple-digits-1"), "{called}");
}
