//! What the program prints, and where: results that cannot be written, logs of many epochs, runs on different data.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::process::Stdio;

use support::{small_run, succeed, text, trainer};

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    small_run(dir.path());
    for arguments in [
        &["fit", "--epochs", "1"][..],
        &["fit", "--epochs", "1", "--log-format", "json"],
        &["evaluate"],
        &["fit", "--help"],
        &["completions", "bash"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = trainer(dir.path()).args(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let error = support::plain_error(&output, 1, &format!("{arguments:?}"));
        assert_eq!(error, "error: cannot write to standard output: the disk is full");
    }
    // The runs themselves are whole.
    assert!(dir.path().join("runs/simple-digits-3/report.html").is_file());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    small_run(dir.path());
    for arguments in [&["evaluate"][..], &["fit", "--epochs", "20"], &["man", "fit"]] {
        let mut command = trainer(dir.path());
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    }
}

#[test]
fn many_epochs_have_about_fifty_lines_and_json_has_all() {
    let dir = tempfile::tempdir().unwrap();
    let log = |format: &str| {
        let mut command = trainer(dir.path());
        command.args(["fit", "--epochs", "500", "--batch-size", "2000", "--log-format", format]).output().unwrap()
    };
    let said = text(&log("plain").stderr);
    let epochs: Vec<&str> = said.lines().filter(|line| line.starts_with("epoch ")).collect();
    assert!((40..=55).contains(&epochs.len()), "{said}");
    assert!(epochs[0].starts_with("epoch 1/500 ") && epochs.last().unwrap().starts_with("epoch 500/500 "), "{said}");
    let said = text(&log("json").stdout);
    assert_eq!(said.lines().filter(|line| line.contains(r#""event":"epoch""#)).count(), 500);
}

#[test]
fn the_last_epoch_has_a_line_however_training_ends() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["fit", "--epochs", "100000", "--patience", "7", "--learning-rate", "0.3", "--log-format", "plain"];
    let output = trainer(dir.path()).args(arguments).output().unwrap();
    let (said, result) = (text(&output.stderr), text(&output.stdout));
    let last = said.lines().rfind(|line| line.starts_with("epoch ")).unwrap();
    let epoch = last.strip_prefix("epoch ").unwrap().split_once('/').unwrap().0;
    assert!(result.contains(&format!("stopped after epoch {epoch}: 7 epochs without a lower")), "{said}\n{result}");
}

#[test]
fn runs_on_different_data_are_compared_with_a_note_and_no_chart_is_left() {
    let dir = tempfile::tempdir().unwrap();
    small_run(dir.path());
    small_run(dir.path());
    let series = ["fit", "--data", "series", "--epochs", "1", "--out", "other"];
    succeed(trainer(dir.path()).args(series));
    let compare = |runs: [&str; 2]| succeed(trainer(dir.path()).arg("compare").args(runs));
    let same = compare(["runs/simple-digits-1", "runs/simple-digits-2"]);
    assert!(same.lines().next().unwrap().contains(" data ") && !same.contains("note"), "{same}");
    let different = compare(["runs/simple-digits-1", "other"]);
    assert!(different.contains(" digits ") && different.contains(" series "), "{different}");
    assert!(different.contains("note: these runs were measured on different data"), "{different}");
    assert!(!dir.path().join("compare.svg").exists());
    let chart = |other: &str| {
        let arguments = ["compare", "runs/simple-digits-1", other, "--out", "chart.svg"];
        assert!(succeed(trainer(dir.path()).args(arguments)).contains("chart.svg"));
        fs::read_to_string(dir.path().join("chart.svg")).unwrap()
    };
    let title = ">Validation rows of different data, whose errors cannot be compared</text>";
    assert!(chart("other").contains(title) && !chart("runs/simple-digits-2").contains("cannot be compared"));
}

#[test]
fn a_run_is_named_after_the_network_that_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let said = succeed(trainer(dir.path()).args(["fit", "--hidden", "16,12", "--epochs", "20"]));
    assert!(said.contains("runs/dense-16-12-32-digits-1"), "{said}");
    let report = fs::read_to_string(dir.path().join("runs/dense-16-12-32-digits-1/report.html")).unwrap();
    assert!(report.contains("<h1>dense-16-12-32 on digits</h1>"));
}

#[test]
fn numbers_have_units_and_their_digits() {
    let dir = tempfile::tempdir().unwrap();
    let run = small_run(dir.path());
    let said = succeed(trainer(dir.path()).arg("evaluate"));
    assert!(said.contains(" dB ") && said.contains(" %"), "{said}");
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["per epoch", "1,350 rows", "\u{a0}dB", "\u{a0}values"] {
        assert!(report.contains(part), "{part}");
    }
    let timings = trainer(dir.path()).args(["fit", "--epochs", "1", "--timings"]).output().unwrap();
    let timings = text(&timings.stderr);
    let epoch = timings.lines().find(|line| line.starts_with("epoch  ")).unwrap();
    assert!(epoch.contains("s  ") && epoch.ends_with("100 %"), "{timings}");
    assert!(!timings.contains(" 0.0 ms") && !timings.contains(" 0 s"), "{timings}");
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(succeed(trainer(dir.path()).args(["completions", shell])).contains("baseline-seconds"), "{shell}");
    }
    assert!(succeed(trainer(dir.path()).arg("man")).starts_with(".ie"));
    let page = succeed(trainer(dir.path()).args(["man", "fit"]));
    assert!(page.contains(r"\-\-latent\-dim"));
    let title = page.lines().find(|line| line.starts_with(".TH")).unwrap();
    assert!(title.contains(env!("CARGO_PKG_VERSION")), "{title}");
}
