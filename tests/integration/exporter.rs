//! The program `exporter`: what it prints, what it advises, and what it refuses. Every advice is followed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{copy_dir, fail, fail_with, program, shared, succeed};

/// A folder with a copy of the shared run at `runs/simple`, without its bundle.
fn with_run() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("runs/simple");
    copy_dir(shared().0.dir(), &run);
    fs::remove_dir_all(run.join("onnx")).unwrap();
    dir
}

fn exporter(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = program("exporter", dir);
    command.args(arguments);
    command
}

/// Runs what a message advises, as a person would who copies it into a shell, and returns its standard output.
fn follow(dir: &Path, advice: &str, path: &str) -> String {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", advice]).current_dir(dir).env_remove("CARGO").env("PATH", path);
    succeed(&mut shell)
}

/// What stands between the first two backticks.
fn advice(message: &str) -> &str {
    message.split('`').nth(1).unwrap_or_else(|| panic!("no command in: {message}"))
}

/// The command in the last line that the exporter prints.
fn next_command(said: &str) -> &str {
    let last = said.trim_end().lines().last().unwrap();
    last.split_once(": ").unwrap_or_else(|| panic!("no command in: {said}")).1
}

/// Where the programs lie.
fn programs() -> String {
    Path::new(program("exporter", Path::new(".")).get_program()).parent().unwrap().display().to_string()
}

fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

#[test]
fn the_next_command_works_from_where_the_person_stands() {
    let dir = with_run();
    let by_path = succeed(&mut exporter(dir.path(), &["--split"]));
    assert!(by_path.contains("verified on 297 held-out rows at batch sizes 1, 2, 17, 256"), "{by_path}");
    let command = next_command(&by_path);
    assert!(command.starts_with(&programs()), "{command}");
    assert_eq!(follow(dir.path(), command, "").lines().count(), 10);

    // By its bare name, as after an installation.
    let path = format!("{}:{}", programs(), search_path());
    let bare = follow(dir.path(), "exporter --split", &path);
    let command = next_command(&bare);
    assert_eq!(command, "runtime encode runs/simple/onnx runs/simple/onnx/golden.npz");
    assert_eq!(follow(dir.path(), command, &path).lines().count(), 10);

    // Through cargo, which sets this variable for the programs that it runs.
    let in_cargo = succeed(exporter(dir.path(), &["--split"]).env("CARGO", "cargo"));
    assert!(next_command(&in_cargo).starts_with("cargo run --release --bin runtime -- encode "), "{in_cargo}");

    let whole = succeed(&mut exporter(dir.path(), &[]));
    assert!(!whole.contains("runtime encode"), "the runtime's program needs an encoder and a decoder: {whole}");
}

#[test]
fn a_program_that_the_shell_would_not_find_is_not_advised() {
    let dir = with_run();
    let alone = dir.path().join("exporter");
    // Another process copies it: a file that this one still had open for writing could not be run.
    succeed(Command::new("cp").arg(program("exporter", dir.path()).get_program()).arg(&alone));
    let said = succeed(
        Command::new(&alone).arg("--split").current_dir(dir.path()).env_remove("CARGO").env("PATH", dir.path()),
    );
    assert!(!said.contains("runtime encode"), "{said}");
    let error =
        fail(Command::new(&alone).arg("no-run").current_dir(dir.path()).env_remove("CARGO").env("PATH", dir.path()));
    assert_eq!(error, "error: no-run: no such run; the runs here are `runs/simple`");
}

#[test]
fn a_path_with_spaces_and_quotes_is_quoted_for_the_shell() {
    let dir = with_run();
    let odd = dir.path().join("it's a run");
    copy_dir(&dir.path().join("runs/simple"), &odd);
    let said = succeed(&mut exporter(dir.path(), &["--split", "it's a run"]));
    assert_eq!(follow(dir.path(), next_command(&said), "").lines().count(), 10);
}

#[test]
fn without_a_run_the_advice_makes_one() {
    let dir = tempfile::tempdir().unwrap();
    let error = fail(&mut exporter(dir.path(), &["--split"]));
    assert!(error.contains("runs: there is no run here; `"), "{error}");
    follow(dir.path(), &format!("{} --epochs 5 --log-format plain", advice(&error)), "");
    succeed(&mut exporter(dir.path(), &["--split"]));
}

#[test]
fn a_run_that_is_not_finished_names_the_command_that_goes_on() {
    let dir = with_run();
    let run = dir.path().join("runs/simple");
    fs::remove_file(run.join("summary.json")).unwrap();
    let error = fail(&mut exporter(dir.path(), &["--split"]));
    assert!(error.contains("runs/simple: not finished; `"), "{error}");
    follow(dir.path(), advice(&error), "");
    succeed(&mut exporter(dir.path(), &["--split"]));

    // One that was stopped before its first epoch.
    let new = dir.path().join("runs/new");
    fs::create_dir(&new).unwrap();
    fs::copy(run.join("config.toml"), new.join("config.toml")).unwrap();
    let error = fail(&mut exporter(dir.path(), &["--split", "runs/new"]));
    assert!(error.ends_with("; finished: `runs/simple`"), "{error}");
    follow(dir.path(), advice(&error), "");
    succeed(&mut exporter(dir.path(), &["--split", "runs/new"]));
}

#[test]
fn what_lies_in_a_run_names_the_run() {
    let dir = with_run();
    copy_dir(&dir.path().join("runs/simple"), &dir.path().join("broken"));
    fs::remove_file(dir.path().join("broken/config.toml")).unwrap();
    let error = fail(&mut exporter(dir.path(), &["--split", "broken"]));
    assert!(error.starts_with("error: broken: the folder of a run, but its config.toml is missing"), "{error}");
    succeed(&mut exporter(dir.path(), &["--split", "runs/simple"]));
    for (path, what) in [
        ("runs/simple/onnx", "a folder in it"),
        ("runs/simple/best.safetensors", "a file in it"),
        ("runs/simple/onnx/encoder.onnx", "a file in it"),
    ] {
        let error = fail(&mut exporter(dir.path(), &["--split", path]));
        assert_eq!(error, format!("error: {path}: expected a run, found {what}; did you mean `runs/simple`?"));
    }
    succeed(&mut exporter(dir.path(), &["--split", "runs/simple"]));
}

#[test]
fn a_run_that_is_misspelt_lists_the_runs_there_are() {
    let dir = with_run();
    let error = fail(&mut exporter(dir.path(), &["--split", "simple"]));
    assert_eq!(error, "error: simple: no such run; did you mean `runs/simple`?");
    let error = fail(&mut exporter(dir.path(), &["--split", "runs/none"]));
    assert_eq!(error, "error: runs/none: no such run; the runs here are `runs/simple`");
    let error = fail(&mut exporter(dir.path(), &["--split", "runs"]));
    assert_eq!(error, "error: runs: expected a run, found a folder of runs: `runs/simple`");
}

#[test]
fn a_place_that_is_taken_is_left_as_it_was() {
    let dir = with_run();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    for (out, expected) in [
        ("runs/simple", "expected a new folder, an empty one or a bundle, found `best.safetensors` in it"),
        ("notes.txt", "expected a new folder, an empty one or a bundle, found a file"),
        ("notes.txt/bundle", "notes.txt: expected a folder, found a file"),
    ] {
        let error = fail(&mut exporter(dir.path(), &["--split", "--out", out]));
        assert!(error.contains(expected), "{out}: {error}");
    }
    assert_eq!(fs::read(dir.path().join("notes.txt")).unwrap(), b"mine");
    assert!(!dir.path().join("runs/simple/onnx").exists());
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let dir = with_run();
    let run = dir.path().join("runs/simple");
    let error = fail(&mut exporter(dir.path(), &["--split", "--tolerance", "0"]));
    assert!(error.contains("no bundle was written"), "{error}");
    let best = fs::read(run.join("best.safetensors")).unwrap();
    fs::write(run.join("best.safetensors"), &best[..best.len() / 2]).unwrap();
    let error = fail(&mut exporter(dir.path(), &["--split"]));
    assert!(error.contains("best.safetensors: not a whole checkpoint"), "{error}");
    assert!(!run.join("onnx").exists());
}

#[test]
fn a_training_that_failed_is_exported_with_a_warning_whose_advice_works() {
    let dir = tempfile::tempdir().unwrap();
    let fit = ["fit", "--learning-rate", "1e9", "--epochs", "2", "--out", "my run"];
    let failed = program("trainer", dir.path()).args(fit).output().unwrap();
    assert_eq!(failed.status.code(), Some(3));
    let output = exporter(dir.path(), &["--split", "my run"]).output().unwrap();
    let (said, result) = (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(output.status.success() && result.contains("passed"), "{said}{result}");
    assert!(said.starts_with("warning: this training failed: the network reconstructs no better than"), "{said}");
    assert!(advice(&said).contains(" fit --config 'my run/config.toml' --learning-rate "), "{said}");
    follow(dir.path(), &format!("{} --epochs 5 --log-format plain", advice(&said)), "");
    let output = exporter(dir.path(), &["--split"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_difference_of_nothing_is_0() {
    let dir = with_run();
    let said = succeed(&mut exporter(dir.path(), &["--split", "--tolerance", "0.5"]));
    assert!(!said.contains("0.00e0") && said.contains("5e-1   passed"), "{said}");
    for line in said.lines().filter(|line| line.starts_with("encoder ") || line.starts_with("decoder ")) {
        let numbers: Vec<f64> = line.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
        assert!(numbers.len() == 2 && numbers.iter().all(|number| *number < 1e-4), "{line}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_is_said_in_plain_words() {
    let dir = with_run();
    let full = |arguments: &[&str]| {
        let mut command = exporter(dir.path(), arguments);
        command.stdout(fs::File::options().write(true).open("/dev/full").unwrap());
        fail(&mut command)
    };
    let error = full(&["--split"]);
    assert!(error.starts_with("error: the bundle is there, but") && error.ends_with(": the disk is full"), "{error}");
    assert_eq!(full(&["man"]), "error: cannot write to standard output: the disk is full");
    for (out, expected) in [
        ("/dev/full", "/dev/full: expected a new folder, an empty one or a bundle, found a file"),
        ("/dev/full/bundle", "/dev/full: expected a folder, found a file"),
        ("/proc/bundle", "cannot create /proc: "),
    ] {
        let error = fail(&mut exporter(dir.path(), &["--split", "--out", out]));
        assert!(error.contains(expected) && !error.contains("os error"), "{out}: {error}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_help_with_0() {
    let dir = with_run();
    for (arguments, expected) in [
        (&["--opset", "9"][..], "`--opset`: expected 13 to 21, found `9`; see `"),
        (&["--opset", "-1"], "`--opset`: expected 13 to 21, found `-1`"),
        (&["--opset"], "`--opset`: expected a value, found none"),
        (&["--opset", "13", "--opset", "14"], "`--opset` is given more than once"),
        (&["--tolerance", "nan"], "`--tolerance`: expected a finite number, 0 or more, found `nan`"),
        (&["--tolerance", "inf"], "expected a finite number, 0 or more"),
        (&["--tolerance", "-1"], "expected a finite number, 0 or more"),
        (&["--splot"], "there is no option `--splot`; did you mean `--split`?"),
        (&["-split"], "there is no option `-split`; did you mean `--split`?"),
        (&["—split"], "did you mean `--split`?"),
        (
            &["--split", "--out", "x.onnx"],
            "`--out`: expected a folder, in which the files get names of their own, found `x.onnx`",
        ),
        (&["man", "fit"], "found `fit` too; `"),
        (&["completions", "bash", "zsh"], "found `zsh` too; `"),
        (&["-1"], "there is no option `-1`; see `"),
        (&["--split", "runs/simple", "runs/simple"], "found `runs/simple` too; `"),
        (&["--split", "runs/simple", "bundle"], "found `bundle` without an option; did you mean `--out bundle`?"),
        (
            &["completions", "bsh"],
            "shell: expected one of bash, elvish, fish, powershell, zsh; found `bsh`; did you mean `bash`?",
        ),
        (&["completions", "tcsh"], "found `tcsh`; see `"),
        (&["completions"], "expected a shell: bash"),
    ] {
        let error = fail_with(&mut exporter(dir.path(), arguments), 2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!dir.path().join("runs/simple/onnx").exists());
    for (arguments, expected) in [
        (&["-h"][..], "Usage: exporter"),
        (&["--help"], "completions"),
        (&["--version"], "exporter "),
        (&["completions", "bash"], "complete -F _exporter"),
        (&["man"], ".TH exporter"),
    ] {
        let said = succeed(&mut exporter(dir.path(), arguments));
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn words_and_options_in_the_wrong_form_name_the_right_one() {
    let dir = with_run();
    for (arguments, expected) in [
        (&["--split=yes"][..], "`--split` takes no value, found `yes`; see `"),
        (&["--split", "--run", "runs/simple"], "there is no option `--run`; the run stands without one, as in `"),
        (&["--dir", "bundle"], "there is no option `--dir`; did you mean `--out`?"),
        (&["--whole"], "there is no option `--whole`; without `--split` there is one graph; see `"),
        (&["-v"], "there is no option `-v`; did you mean `--version`?"),
        (&["export", "runs/simple"], "there is no command `export`; did you mean `"),
        (&["--completions", "bash"], "`completions` is a command, not an option; did you mean `"),
        (&["--man"], "`man` is a command, not an option; did you mean `"),
    ] {
        let error = fail_with(&mut exporter(dir.path(), arguments), 2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    for (word, expected) in
        [("split", "--split"), ("man", " man"), ("fit", "trainer fit"), ("encode", "runtime encode")]
    {
        let error = fail(&mut exporter(dir.path(), &["--split", word]));
        let meant = error.split_once(": no such run; did you mean `").unwrap_or_else(|| panic!("{error}")).1;
        assert!(meant.ends_with(&format!("{expected}`?")), "{error}");
    }
    assert!(succeed(&mut exporter(dir.path(), &["help"])).contains("Usage: exporter"));
    succeed(&mut exporter(dir.path(), &["--split", "-o", "bundle"]));
    assert!(dir.path().join("bundle/encoder.onnx").is_file());
}

#[test]
fn data_that_is_not_the_runs_own_is_refused_with_what_to_do() {
    let dir = with_run();
    let error = fail(&mut exporter(dir.path(), &["--split", "--data", "series"]));
    assert!(error.contains("expected the rows that the run was trained on"), "{error}");
    assert!(error.ends_with("; the run's own data is `digits`"), "{error}");
    succeed(&mut exporter(dir.path(), &["--split", "--data", "digits"]));

    // The data has changed since the training.
    let summary = dir.path().join("runs/simple/summary.json");
    let text = fs::read_to_string(&summary).unwrap().replace("\"fingerprint\": \"", "\"fingerprint\": \"0");
    fs::write(&summary, text).unwrap();
    let error = fail(&mut exporter(dir.path(), &["--split"]));
    assert!(error.contains("`--data` says where those are now, and `"), "{error}");
    let train = error.split('`').find(|part| part.contains(" fit --config ")).unwrap();
    follow(dir.path(), &format!("{train} --epochs 5 --log-format plain"), "");
    succeed(&mut exporter(dir.path(), &["--split"]));
}

#[test]
fn in_a_run_or_among_runs_the_message_says_where_the_person_stands() {
    let dir = with_run();
    succeed(&mut exporter(dir.path(), &["--split"]));
    for (below, expected, run) in [
        ("runs/simple", "the run that you are in is `.`", "."),
        ("runs/simple/onnx", "the run that you are in is `..`", ".."),
        ("runs", "this folder has `./simple`", "./simple"),
    ] {
        let below = dir.path().join(below);
        let error = fail(&mut exporter(&below, &["--split"]));
        assert_eq!(error, format!("error: runs: there is no run here; {expected}"));
        succeed(&mut exporter(&below, &["--split", run]));
    }
}
