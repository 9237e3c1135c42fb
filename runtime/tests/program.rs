//! The program itself: its words, exit codes and outputs. That this test exists also makes `cargo test` build it for the
//! tests that cross crates.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::process::Stdio;

use support::{Folder, pixels};

#[test]
fn program_tells_its_version() {
    let (out, _) = Folder::new().succeed(&["--version"]);
    assert_eq!(out, concat!("runtime ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn encoding_and_decoding_is_reconstructing() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(3));
    let (latent, _) = folder.succeed(&["encode", "run/onnx", "rows.csv"]);
    assert_eq!(latent.lines().map(|line| line.split(',').count()).collect::<Vec<_>>(), [4; 3]);
    folder.write("latent.csv", latent);
    let (decoded, _) = folder.succeed(&["decode", "run/onnx", "latent.csv"]);
    let (reconstructed, _) = folder.succeed(&["reconstruct", "run/onnx", "rows.csv"]);
    assert_eq!(decoded, reconstructed);
}

#[test]
fn results_are_the_same_from_and_to_every_format() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(3));
    folder.succeed(&["convert", "rows.csv", "--out", "rows.npy"]);
    let (expected, _) = folder.succeed(&["encode", "run/onnx", "rows.csv"]);
    for rows in ["rows.csv", "rows.npy"] {
        for out in ["out.csv", "out.npy"] {
            folder.succeed(&["encode", "run/onnx", rows, "--out", out]);
            assert_eq!(folder.succeed(&["convert", out]).0, expected, "{rows} to {out}");
        }
    }
}

#[test]
fn the_golden_values_of_a_bundle_are_rows_to_try() {
    let folder = Folder::new();
    let golden = "run/onnx/golden.npz";
    let (latent, note) = folder.succeed(&["encode", "run/onnx", golden]);
    assert_eq!(
        (latent.lines().count(), note.as_str()),
        (10, "run/onnx/golden.npz: 10 rows of 64 values in its array `input`\n")
    );
    let (decoded, note) = folder.succeed(&["decode", "run/onnx", golden]);
    assert!(decoded.lines().count() == 10 && note.ends_with("array `latent`\n"), "{note}");
    // So the built-in data can be had as CSV.
    folder.succeed(&["convert", golden, "--array", "input", "--out", "rows.csv"]);
    assert_eq!(folder.succeed(&["encode", "run/onnx", "rows.csv"]).0, latent);
    assert_eq!(folder.succeed(&["encode", "run/onnx", "run/onnx/golden.npz#input"]).0, latent);
}

#[test]
fn rows_may_come_from_standard_input() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(2));
    let input = fs::File::open(folder.path("rows.csv")).unwrap();
    let output = folder.command(&["encode", "run", "-"]).stdin(input).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), folder.succeed(&["encode", "run", "rows.csv"]).0);
}

#[test]
fn a_variational_network_gives_the_same_samples_for_the_same_seed() {
    let folder = Folder::new();
    folder.add_bundle("vae", "0.1.0/vae");
    let sample = |seed: &str| folder.succeed(&["sample", "vae", "-n", "3", "--seed", seed]).0;
    assert_eq!(sample("1").lines().count(), 3);
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    let error = folder.fail(&["sample", "run"]);
    assert!(
        error.contains("cannot sample: the encoder is not variational; `")
            && error.contains(" fit --preset vae` trains"),
        "{error}"
    );
    folder.write("rows.csv", pixels(1));
    let error = folder.fail(&["denoise", "run", "rows.csv"]);
    assert!(error.contains("cannot denoise: the network was not trained to remove noise"), "{error}");
}

#[test]
fn a_network_that_cannot_do_it_is_told_before_its_rows_are_looked_at() {
    let folder = Folder::new();
    folder.write("rows.csv", "1,2\n3,four\n");
    let error = folder.fail(&["denoise", "run", "rows.csv"]);
    assert!(error.contains("cannot denoise: the network was not trained to remove noise; `"), "{error}");
    let manifest = folder.read("run/onnx/model.json").replace("encoder.onnx", "autoencoder.onnx");
    folder.write("run/onnx/model.json", manifest);
    for command in ["encode", "reconstruct", "denoise"] {
        let error = folder.fail(&[command, "run", "rows.csv"]);
        assert!(error.contains("expected a bundle with encoder.onnx, found one with autoencoder.onnx"), "{error}");
        assert!(
            error.contains("this one was exported as a whole, and `") && error.contains("exporter --split run`"),
            "{error}"
        );
    }
}

#[test]
fn wrong_words_are_usage_errors_with_exit_code_2() {
    let folder = Folder::new();
    for (arguments, expected) in [
        (&["encode"][..], "expected a bundle and a file of rows, as in `"),
        (&["encode", "run"], "expected a file of rows behind the bundle, as in `"),
        (&["sample"], "expected a bundle, as in `"),
        (&["convert"], "expected a file of rows, as in `"),
        (&["encod", "run", "rows.csv"], "there is no command `encod`; did you mean `encode`?"),
        (&["run", "rows.csv"], "encode run rows.csv`?"),
        (&["--divide", "16", "encode", "run", "rows.csv"], "options come after the command; did you mean `"),
        (&["encode", "run", "rows.csv", "more"], "found `more` without an option; `"),
        (&["encode", "run", "rows.csv", "--divide", "0"], "`--divide`: expected a number above 0, found `0`"),
        (&["encode", "run", "rows.csv", "--divide", "-2"], "expected a number above 0, found `-2`"),
        (&["encode", "run", "rows.csv", "--divide", "many"], "expected a number above 0, found `many`"),
        (&["encode", "run", "rows.csv", "--divide", "inf"], "expected a number above 0"),
        (&["encode", "run", "rows.csv", "--divide"], "`--divide`: expected a value, found none"),
        (&["encode", "run", "rows.csv", "--divide", "2", "--divide", "3"], "`--divide` is given more than once"),
        (&["encode", "run", "rows.csv", "-divide", "2"], "there is no option `-divide`; did you mean `--divide`?"),
        (&["encode", "run", "rows.csv", "—clip"], "did you mean `--clip`?"),
        (
            &["encode", "run", "rows.csv", "--header", "maybe"],
            "`--header`: expected one of yes, no, auto; found `maybe`",
        ),
        (&["encode", "run", "rows.csv", "--separator", ","], "expected one of comma, semicolon, tab, pipe, space"),
        (&["encode", "run", "rows.csv", "--skip-columns", "-1"], "expected a whole number from 0, found `-1`"),
        (&["encode", "run", "rows.csv", "--hedaer", "no"], "there is no option `--hedaer`; did you mean `--header`?"),
        (
            &["encode", "run", "rows.csv", "--out", "codes"],
            "`--out`: expected a file that ends in .csv, .npy or .parquet, found `codes`",
        ),
        (
            &["encode", "run", "rows.csv", "-o", "codes.txt"],
            "expected a file that ends in .csv, .npy or .parquet, found `codes.txt`",
        ),
        (&["sample", "run", "-n", "0"], "`--count`: expected a whole number from 1 to 1000000, found `0`"),
        (&["sample", "run", "-n", "1.5"], "expected a whole number from 1"),
        (&["sample", "run", "-n", "-5"], "expected a whole number from 1"),
        (&["sample", "run", "--seed", "-1"], "`--seed`: expected a whole number from 0, found `-1`"),
        (&["completions", "tcsh"], "expected one of bash, elvish, fish, powershell, zsh; found `tcsh`; see `"),
        (&["completions"], "expected a shell: bash"),
    ] {
        let output = folder.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.starts_with("error: ") && error.lines().count() == 1, "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    assert_eq!(folder.run(&[]).status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is_one() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(3000));
    let mut child = folder.command(&["reconstruct", "run", "rows.csv"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    if let Ok(full) = fs::File::create("/dev/full") {
        let output = folder.command(&["encode", "run", "rows.csv"]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.ends_with("error: cannot write to standard output: the disk is full\n"), "{error}");
        let error = folder.fail(&["encode", "run", "rows.csv", "--out", "/dev/full"]);
        assert_eq!(error, "error: cannot write /dev/full: the disk is full");
    }
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let folder = Folder::new();
    let mut pages = vec![folder.succeed(&["man"]).0];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        pages.push(folder.succeed(&["completions", shell]).0);
    }
    for page in pages {
        for command in ["encode", "decode", "reconstruct", "denoise", "sample", "convert"] {
            assert!(page.contains(command), "{command} is not in: {page}");
        }
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = Folder::new();
    for command in ["encode", "decode", "reconstruct", "denoise", "sample", "convert", "completions", "man"] {
        let page = folder.succeed(&["man", command]).0;
        assert!(page.contains(&format!(".TH runtime-{command} ")) && page.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn words_and_options_in_the_wrong_form_name_the_right_one() {
    let folder = Folder::new();
    fs::create_dir(folder.path("my run")).unwrap();
    for (arguments, expected) in [
        (&["encode", "run", "rows.csv", "--clip=yes"][..], "`--clip` takes no value, found `yes`; see `"),
        (&["encode", "run", "--rows", "rows.csv"], "there is no option `--rows`; paths stand without one, as in `"),
        (&["encode", "--model", "run", "rows.csv"], " encode runs/simple-digits-1 rows.csv`; see `"),
        (&["sample", "--model", "run"], " sample runs/vae-digits-1`; see `"),
        (&["--encode", "run", "rows.csv"], "`encode` is a command, not an option; did you mean `"),
        (&["--man"], "`man` is a command, not an option; did you mean `"),
        (&["man", "encod"], "found `encod`; did you mean `encode`?"),
        // What other programs call it.
        (
            &["encode", "run", "rows.csv", "--delimiter", ";"],
            "there is no option `--delimiter`; did you mean `--separator`?",
        ),
        (&["encode", "run", "rows.csv", "--separator", ";"], "found `;`; did you mean `semicolon`?"),
        (&["encode", "run", "rows.csv", "--separator", "Tab"], "found `Tab`; did you mean `tab`?"),
        (&["encode", "run", "rows.csv", "--header", "true"], "found `true`; did you mean `yes`?"),
        (&["encode", "run", "rows.csv", "--no-header"], "did you mean `--header no`?"),
        (&["encode", "run", "rows.csv", "--format", "npy"], "did you mean `--out results.npy`?"),
        (&["encode", "run", "rows.csv", "out.csv"], "found `out.csv` without an option; did you mean `--out out.csv`?"),
        (&["convert", "rows.csv", "rows.npy"], "did you mean `--out rows.npy`?"),
        (&["sample", "run", "100"], "found `100` without an option; did you mean `--count 100`?"),
        (&["sample", "run", "--samples", "100"], "did you mean `--count`?"),
        (&["completions", "/bin/bash"], "found `/bin/bash`; did you mean `bash`?"),
        (&["scores", "run", "rows.csv"], "there is no command `scores`; did you mean `score`?"),
        (&["score", "run", "rows.csv", "--alpha", "1"], "expected a rate between 0 and 1, such as 0.01, found `1`"),
        (&["my run", "rows.csv", "--clip"], " encode 'my run' rows.csv --clip`?"),
        (&["version"], "there is no command `version`; did you mean `"),
        (&["-v"], "there is no option `-v`; did you mean `--version`?"),
    ] {
        let output = folder.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
}
