//! Trainings that failed and runs that are damaged: what is told to do works.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::{TRAINER, fail, plain_error, quiet, small_run, succeed, text, trainer};

/// Starts what `error` or a result advises in backquotes, or behind a label, in `dir`.
fn follow(dir: &Path, command: &str) -> Output {
    let program = command.split(' ').next().unwrap();
    assert!(program.ends_with("trainer"), "{command}");
    let arguments: Vec<String> =
        command.split(' ').skip(1).map(|argument| argument.trim_matches('\'').to_owned()).collect();
    trainer(dir).args(arguments).output().unwrap()
}

/// The last command of the trainer that `error` has in backquotes.
fn advised(error: &str) -> &str {
    let commands = error.split('`').skip(1).step_by(2).filter(|command| command.contains("trainer fit"));
    commands.last().unwrap_or_else(|| panic!("no command in {error}"))
}

fn succeeds(dir: &Path, command: &str) {
    let output = follow(dir, command);
    assert!(output.status.success(), "{command}: {}", text(&output.stderr));
}

#[test]
fn what_learned_nothing_is_told_what_to_try_first_and_is_not_exported() {
    for wrong in
        [&["--learning-rate", "50", "--epochs", "30"][..], &["--sparsity", "9", "--epochs", "60"], &["--epochs", "1"]]
    {
        let dir = tempfile::tempdir().unwrap();
        let output = trainer(dir.path()).arg("fit").args(wrong).output().unwrap();
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with("failed: ") && lines[1].starts_with("  try: "), "{said}");
        assert!(!said.contains("export") && !said.contains("train longer"), "{said}");
        succeeds(dir.path(), lines.last().unwrap().strip_prefix("train again").unwrap().trim());
    }
}

#[test]
fn a_run_that_learned_nothing_is_trained_anew_rather_than_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let fit = |arguments: &str| trainer(dir.path()).arg("fit").args(arguments.split(' ')).output().unwrap();
    assert_eq!(fit("--learning-rate 50 --epochs 30 --out bad").status.code(), Some(3));
    let error = plain_error(&fit("--resume bad"), 1, "resume");
    assert!(error.contains("bad is finished, and the network learned nothing; train it anew with"), "{error}");
    // A lower rate does not wake dead units, and the advice is still the right one.
    let output = fit("--resume bad --epochs 40 --learning-rate 0.001");
    let (said, result) = (text(&output.stderr), text(&output.stdout));
    assert!(said.starts_with("note: this network has learned nothing so far"), "{said}");
    assert!(
        output.status.code() == Some(3) && result.contains("try: train again with `--learning-rate 0.001`"),
        "{result}"
    );
    succeeds(dir.path(), advised(&error));
    succeeds(dir.path(), result.lines().last().unwrap().strip_prefix("train again").unwrap().trim());
}

#[test]
fn damaged_files_of_a_run_are_named_with_their_size_and_a_way_on() {
    let dir = tempfile::tempdir().unwrap();
    let run = small_run(dir.path());
    let cut = |name: &str| {
        let bytes = fs::read(run.join(name)).unwrap();
        fs::write(run.join(name), &bytes[..100]).unwrap();
        bytes
    };
    let evaluate = || fail(trainer(dir.path()).args(["evaluate", "runs/simple-digits-1"]), 1);

    cut("summary.json");
    let error = evaluate();
    assert!(
        error.contains("summary.json: incomplete: it ends after 100 bytes; delete it, and `")
            && error.contains("trainer fit --resume"),
        "{error}"
    );
    fs::remove_file(run.join("summary.json")).unwrap();
    succeeds(dir.path(), advised(&error));
    succeed(trainer(dir.path()).args(["evaluate", "runs/simple-digits-1"]));

    let whole = cut("best.safetensors");
    let error = evaluate();
    assert!(error.contains("its 100 bytes are incomplete or damaged"), "{error}");
    let again = follow(dir.path(), advised(&error));
    assert!(again.status.success());
    fs::remove_file(run.join("best.safetensors")).unwrap();
    let error = evaluate();
    assert!(error.contains("its best.safetensors is missing"), "{error}");
    succeeds(dir.path(), advised(&error));
    fs::write(run.join("best.safetensors"), whole).unwrap();

    fs::remove_file(run.join("config.toml")).unwrap();
    let error = evaluate();
    assert!(error.contains("its config.toml is missing") && error.contains("put it back"), "{error}");
    succeeds(dir.path(), advised(&error));
}

#[test]
#[cfg(unix)]
fn a_limit_on_the_size_of_files_is_told_and_training_goes_on_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = small_run(dir.path());
    let before = fs::read(run.join("summary.json")).unwrap();
    let limited = "ulimit -f 40; exec \"$0\" fit --resume runs/simple-digits-1 --epochs 20";
    let error = fail(quiet(&mut Command::new("sh")).current_dir(dir.path()).args(["-c", limited, TRAINER]), 1);
    assert!(
        error.contains("resume.safetensors: the file would be larger than this shell allows (`ulimit -f`)"),
        "{error}"
    );
    // What was there can still be exported, and nothing is left over.
    assert_eq!(fs::read(run.join("summary.json")).unwrap(), before);
    assert!(fs::read_dir(&run).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("partial")));
    succeeds(dir.path(), "trainer fit --resume runs/simple-digits-1 --epochs 20");
}

/// A folder of IDX files with 40 and 10 images of two kinds.
fn write_rows(dir: &Path) {
    fs::create_dir(dir).unwrap();
    for (name, count) in [("train", 40u32), ("t10k", 10)] {
        let header = |magic: u32, dims: &[u32]| {
            [&[magic], dims].concat().iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>()
        };
        let pixels =
            (0..count).flat_map(|row| (0..16u32).map(move |pixel| (row * 7 + pixel * (row % 2 * 9 + 3)) as u8));
        let images = [header(2051, &[count, 4, 4]), pixels.collect()].concat();
        let labels = [header(2049, &[count]), (0..count).map(|row| (row % 2) as u8).collect()].concat();
        fs::write(dir.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        fs::write(dir.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn rows_that_have_moved_are_named_anew_with_data() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    write_rows(&old);
    let fit = trainer(dir.path()).args(["fit", "--data", "old", "--epochs", "50", "--out", "run"]).output().unwrap();
    assert!([0, 3].contains(&fit.status.code().unwrap()), "{}", text(&fit.stderr));
    fs::rename(old, new).unwrap();
    for command in [&["evaluate", "run"][..], &["fit", "--resume", "run", "--epochs", "100"]] {
        let error = fail(trainer(dir.path()).args(command), 1);
        assert!(error.contains("no longer there; if they have moved, add `--data NEWPLACE`"), "{error}");
        let output = trainer(dir.path()).args(command).args(["--data", "new"]).output().unwrap();
        assert!([0, 3].contains(&output.status.code().unwrap()), "{}", text(&output.stderr));
    }
    // A run that went on knows the new place.
    succeed(trainer(dir.path()).args(["evaluate", "run"]));
}

#[test]
fn a_variable_that_names_no_data_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    for (folder, expected) in [
        ("nowhere", "nowhere: `$HOURGLASS_MNIST` names this: expected a folder with the four IDX files of `mnist`"),
        ("empty", "missing: train-images-idx3-ubyte (`$HOURGLASS_MNIST` names the folder)"),
    ] {
        let error = fail(trainer(dir.path()).args(["fit", "--data", "mnist"]).env("HOURGLASS_MNIST", folder), 1);
        assert!(error.contains(expected), "{error}");
    }
    // With what they expect, it trains.
    write_rows(&dir.path().join("nowhere"));
    let arguments = ["fit", "--data", "mnist", "--epochs", "20", "--out", "run"];
    let output = trainer(dir.path()).args(arguments).env("HOURGLASS_MNIST", "nowhere").output().unwrap();
    assert!([0, 3].contains(&output.status.code().unwrap()), "{}", text(&output.stderr));
}

#[test]
fn a_training_is_as_long_as_the_clock_on_the_wall_says() {
    let dir = tempfile::tempdir().unwrap();
    let budget = ["fit", "--time-budget", "0.5", "--epochs", "1000000", "--baseline-seconds", "0", "--out", "run"];
    let seconds = || {
        let summary = fs::read_to_string(dir.path().join("run/summary.json")).unwrap();
        let line = summary.lines().find(|line| line.starts_with("  \"seconds\"")).unwrap().to_owned();
        line.trim_end_matches(',').rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    succeed(trainer(dir.path()).args(budget));
    let first = seconds();
    assert!((0.5..5.).contains(&first), "{first}");
    succeed(trainer(dir.path()).args(["fit", "--resume", "run"]));
    assert!(seconds() >= first + 0.49, "{first} and {}", seconds());
}

#[test]
fn a_table_of_two_rows_is_trained_as_its_error_says() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("two.csv"), "x,y,z\n1,2,3\n2,4,7\n").unwrap();
    let error = fail(trainer(dir.path()).args(["fit", "--data", "two.csv"]), 1);
    assert!(error.contains("expected `test`"), "{error}");
    let fit = ["fit", "--data", "two.csv", "--validation", "test", "--epochs", "50", "--out", "run"];
    let output = trainer(dir.path()).args(fit).output().unwrap();
    assert!([0, 3].contains(&output.status.code().unwrap()), "{}", text(&output.stderr));
    assert!(dir.path().join("run/report.html").is_file());
}

#[test]
fn a_run_is_no_data() {
    let dir = tempfile::tempdir().unwrap();
    small_run(dir.path());
    let error = fail(trainer(dir.path()).args(["fit", "--data", "runs/simple-digits-1"]), 1);
    assert!(error.contains("this is a run, not data; `trainer fit --resume"), "{error}");
}

#[test]
fn a_series_that_pca_knows_better_is_trained_with_the_network_that_is_advised() {
    let dir = tempfile::tempdir().unwrap();
    // As noisy as measurements are.
    let noise = |i: usize| 0.15 * ((i * i * 7919 % 10_007) as f32 / 10_007. - 0.5);
    let row = |i: usize| {
        let (x, y) = ((i as f32 / 9.).sin() + noise(i), (i as f32 / 23.).cos());
        format!("{x:.5},{y:.5}\n")
    };
    fs::write(dir.path().join("plant.csv"), format!("x,y\n{}", (0..1500).map(row).collect::<String>())).unwrap();
    let fit = ["fit", "--data", "plant.csv", "--window", "48"];
    let said = |more: &[&str]| {
        let output = trainer(dir.path()).args(fit).args(more).output().unwrap();
        assert!(output.status.success());
        text(&output.stdout) + &text(&output.stderr)
    };
    let first = said(&["--epochs", "100"]);
    assert!(first.contains("far better") && first.contains("train again with `--preset deep`"), "{first}");
    let second = said(&["--preset", "deep"]);
    assert!(!second.contains("far better"), "{second}");
}
