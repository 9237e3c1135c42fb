//! The programs as a person runs them: the main road, the ten mistakes of a newcomer, Ctrl-C.

use std::fs;
use std::path::Path;

use crate::support::{contents, copied_bundle, fail, fail_with, program, succeed};

fn quick_fit(dir: &Path) -> String {
    succeed(program("trainer", dir).args(["fit", "--epochs", "3", "--log-format", "plain"]))
}

#[test]
fn weights_are_the_same_with_vectors_of_eight_and_of_sixteen() {
    let dir = tempfile::tempdir().unwrap();
    for preset in ["simple", "deep", "vae", "sequence"] {
        let weights = ["widest", "avx2"].map(|vectors| {
            let name = format!("{preset}-{vectors}");
            let mut fit = program("trainer", dir.path());
            fit.args(["fit", "--epochs", "2", "--preset", preset, "--baseline-seconds", "0", "--out", &name]);
            if vectors == "avx2" {
                fit.env("HOURGLASS_SIMD", vectors);
            }
            // 3: a network of two epochs may have learned nothing.
            assert!(matches!(fit.output().unwrap().status.code(), Some(0 | 3)), "{name}");
            fs::read(dir.path().join(name).join("best.safetensors")).unwrap()
        });
        assert!(weights[0] == weights[1], "{preset}");
    }
}

#[test]
fn fit_export_and_run_is_one_road() {
    let dir = tempfile::tempdir().unwrap();
    let said = quick_fit(dir.path());
    assert!(said.contains("exporter --split runs/simple-digits-1"), "{said}");
    assert!(said.contains("PCA, 32 components"), "{said}");
    let said = succeed(program("exporter", dir.path()).arg("--split"));
    assert!(said.contains("passed") && said.contains("both"), "{said}");

    let rows = [vec!["0"; 64].join(","), vec!["0.5"; 64].join(",")].join("\n");
    fs::write(dir.path().join("rows.csv"), rows).unwrap();
    let bundle = "runs/simple-digits-1/onnx";
    let latents = succeed(program("runtime", dir.path()).args(["encode", bundle, "rows.csv"]));
    assert_eq!(latents.lines().count(), 2);
    assert_eq!(latents.lines().next().unwrap().split(',').count(), 32);
    // `latest` is the newest run, by a name that other programs know too, and no run of its own.
    #[cfg(unix)]
    {
        for latest in ["runs/latest", "runs/latest/onnx"] {
            assert_eq!(succeed(program("runtime", dir.path()).args(["encode", latest, "rows.csv"])), latents);
        }
        let said = fail(program("runtime", dir.path()).args(["encode", "none", "rows.csv"]));
        assert!(said.contains("the runs here are") && !said.contains("latest"), "{said}");
    }
    succeed(program("runtime", dir.path()).args(["encode", bundle, "rows.csv", "--out", "latents.npy"]));
    let decoded = succeed(program("runtime", dir.path()).args(["decode", bundle, "latents.npy"]));
    let reconstructed = succeed(program("runtime", dir.path()).args(["reconstruct", bundle, "rows.csv"]));
    assert_eq!(decoded, reconstructed);
}

#[test]
fn a_config_file_repeats_the_run_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    quick_fit(dir.path());
    let again = ["fit", "--config", "runs/simple-digits-1/config.toml", "--threads", "1", "--out", "again"];
    succeed(program("trainer", dir.path()).args(again));
    for file in ["best.safetensors", "last.safetensors"] {
        let first = fs::read(dir.path().join("runs/simple-digits-1").join(file)).unwrap();
        assert!(first == fs::read(dir.path().join("again").join(file)).unwrap(), "{file}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_no_program() {
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    for (name, arguments) in [("trainer", &["fit", "--epochs", "3"][..]), ("exporter", &["--split"])] {
        let mut child =
            program(name, dir.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert!(child.wait().unwrap().success(), "{name}");
    }
    assert!(dir.path().join("runs/simple-digits-1/onnx/model.json").is_file());
}

#[test]
fn json_lines_are_json() {
    let dir = tempfile::tempdir().unwrap();
    let said = succeed(program("trainer", dir.path()).args(["fit", "--epochs", "2", "--log-format", "json"]));
    let lines: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["run", "start", "epoch", "epoch", "finished"]);
    assert!(lines[3]["val_loss"].as_f64().unwrap() < lines[2]["val_loss"].as_f64().unwrap());
}

#[test]
fn a_finished_run_can_be_trained_longer() {
    let dir = tempfile::tempdir().unwrap();
    quick_fit(dir.path());
    let run = "runs/simple-digits-1";
    let error = fail(program("trainer", dir.path()).args(["fit", "--resume", run]));
    assert!(error.contains("expected more than its 3 epochs"), "{error}");
    succeed(program("trainer", dir.path()).args(["fit", "--resume", run, "--epochs", "5"]));
    succeed(program("trainer", dir.path()).args(["fit", "--epochs", "5", "--out", "whole"]));
    let weights = |run: &str| fs::read(dir.path().join(run).join("last.safetensors")).unwrap();
    assert!(weights(run) == weights("whole"));
}

#[test]
#[cfg(unix)]
fn ctrl_c_saves_and_says_how_to_go_on() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let dir = tempfile::tempdir().unwrap();
    let mut child = program("trainer", dir.path())
        .args(["fit", "--epochs", "100000", "--log-format", "plain"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reached = lines.by_ref().any(|line| line.unwrap().starts_with("epoch 3/"));
    assert!(reached, "training came to its third epoch");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    // Whatever is still said must be read, or the program would wait for a reader.
    lines.for_each(drop);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("trainer fit --resume runs/simple-digits-1"), "{said}");

    let done = fs::read_to_string(dir.path().join("runs/simple-digits-1/metrics.csv")).unwrap().lines().count() - 1;
    let epochs = (done + 2).to_string();
    let resumed = ["fit", "--resume", "runs/simple-digits-1", "--epochs", &epochs];
    succeed(program("trainer", dir.path()).args(resumed));
    succeed(program("trainer", dir.path()).args(["fit", "--epochs", &epochs, "--out", "whole"]));
    for file in ["best.safetensors", "last.safetensors"] {
        let weights = |run: &str| fs::read(dir.path().join(run).join(file)).unwrap();
        assert!(weights("runs/simple-digits-1") == weights("whole"), "{file}");
    }
}

#[test]
fn trainer_mistakes_are_one_line_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::write(dir.path().join("bad.toml"), "epoch = 3\n").unwrap();
    let before = contents(dir.path());
    // A value that an option does not take is a usage error, the rest fails.
    let cases: [(i32, &[&str], &str); 11] = [
        (1, &["--data", "no/such/folder"], "no such folder or data set; `--data` takes digits, series, mnist"),
        (1, &["--data", "empty"], "missing: train-images-idx3-ubyte"),
        (2, &["--epochs", "0"], "`--epochs`: expected 1 to 1000000, found 0"),
        (2, &["--batch-size", "0"], "`--batch-size`: expected 1 to"),
        (2, &["--latent-dim", "0"], "`--latent-dim`: expected 1 to"),
        (2, &["--hidden", "0"], "`--hidden`: expected 1 to"),
        (2, &["--learning-rate", "0"], "`--learning-rate`: expected more than 0"),
        (2, &["--validation", "2"], "expected `test` or a fraction between 0 and 1, such as 0.1, found 2"),
        (1, &["--config", "no.toml"], "cannot read no.toml"),
        (1, &["--config", "bad.toml"], "bad.toml:1: `epoch`: no such setting; did you mean `epochs`?"),
        (1, &["--resume", "runs/none"], "runs/none: no such run"),
    ];
    for (code, arguments, expected) in cases {
        let error = fail_with(program("trainer", dir.path()).arg("fit").args(arguments), code);
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(contents(dir.path()) == before && !dir.path().join("runs").exists(), "{arguments:?} left files");
    }
    let used = fail(program("trainer", dir.path()).args(["fit", "--out", "."]));
    assert!(used.contains("expected a new or empty folder"), "{used}");
}

#[test]
fn a_device_that_is_not_built_in_names_its_feature() {
    let dir = tempfile::tempdir().unwrap();
    for device in ["cuda", "metal"] {
        let error = fail(program("trainer", dir.path()).args(["fit", "--device", device]));
        assert!(error.contains(&format!("--features {device}")), "{error}");
    }
}

#[test]
fn an_unreachable_hub_says_what_was_tried_and_what_needs_no_network() {
    let dir = tempfile::tempdir().unwrap();
    for (name, repository, variable) in [
        ("mnist", "ylecun/mnist", "HOURGLASS_MNIST"),
        ("fashion-mnist", "zalando-datasets/fashion_mnist", "HOURGLASS_FASHION_MNIST"),
    ] {
        let mut command = program("trainer", dir.path());
        let error = fail(command.env_remove(variable).args(["fit", "--data", name]));
        let built_without = error.contains("built without the hub's client");
        let tried = if built_without { "--features hourglass-trainer/hub" } else { repository };
        for part in [tried, variable, "--data digits"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn wrong_words_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["fit", "--optimizer", "adagrad"][..], &["fit", "--epochs", "ten"], &["train"], &[]] {
        let output = program("trainer", dir.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn runtime_mistakes_are_one_line_and_leave_nothing() {
    let (dir, _) = copied_bundle();
    let dir = dir.path();
    fs::write(dir.join("bytes.csv"), vec!["255"; 64].join(",")).unwrap();
    fs::write(dir.join("short.csv"), "0,0.5\n").unwrap();
    fs::write(dir.join("text.csv"), "1,2\n3,four\n").unwrap();
    fs::write(dir.join("rows.npy"), "no numbers").unwrap();
    fs::write(dir.join("rows.txt"), "0").unwrap();
    let before = contents(dir);
    for (arguments, expected) in [
        (["encode", "nowhere", "short.csv"], "nowhere: no such bundle"),
        (["encode", "bundle", "none.csv"], "none.csv: no such file"),
        (["encode", "bundle", "short.csv"], "short.csv: expected 64 values a row for `input`, found 2"),
        (["encode", "bundle", "bytes.csv"], "from 255 to 255; `--divide 255` brings them into the range"),
        (["encode", "bundle", "text.csv"], "text.csv: line 2, column 2: expected a number, found `four`"),
        (["reconstruct", "bundle", "rows.npy"], "rows.npy: not a .npy file"),
        (["decode", "bundle", "rows.txt"], "rows.txt: expected 32 values a row for `latent`, found 1"),
    ] {
        let error = fail(program("runtime", dir).args(arguments));
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(contents(dir) == before, "{arguments:?} changed something");
    }
}
