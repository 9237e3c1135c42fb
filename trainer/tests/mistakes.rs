//! Mistakes that a newcomer makes, by kind: each ends in one plain line, with 2 for a command line that is not one and 1 for the rest.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use support::{fail, paths, small_run, succeed, suggestion, trainer};

/// A folder with a small run and files that are none of what is expected.
fn prepared() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    small_run(dir.path());
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("unknown.toml", b"epoch = 3\n");
    write("text.toml", b"epochs = \"5\"\n");
    write("typo.toml", b"[model]\nhiden = [3]\n");
    write("syntax.toml", b"epochs =\n");
    write("bytes.toml", b"\xff\xfe");
    write("rows.csv", b"1,2\n");
    fs::create_dir(dir.path().join("empty")).unwrap();
    dir
}

/// Tries each command line in `dir`, which it must leave as it was.
fn check(dir: &Path, code: i32, cases: &[(&str, &str)]) {
    let before = paths(dir);
    for (arguments, expected) in cases {
        // `''` is an empty argument.
        let arguments: Vec<&str> = arguments.split(' ').map(|argument| argument.trim_matches('\'')).collect();
        let error = fail(trainer(dir).args(&arguments), code);
        assert!(error.contains(expected), "{arguments:?}: expected {expected:?} in {error:?}");
        assert_eq!(paths(dir), before, "{arguments:?} left files");
    }
}

#[test]
fn words_in_the_wrong_place_are_usage_errors_that_name_the_right_one() {
    let dir = prepared();
    check(
        dir.path(),
        2,
        &[
            ("fti", "there is no command `fti`; did you mean `trainer fit`?"),
            ("train", "did you mean `trainer fit`?"),
            ("eval runs/simple-digits-1", "did you mean `trainer evaluate`?"),
            ("compar a b", "did you mean `trainer compare`?"),
            ("comp a b", "did you mean `trainer compare`?"),
            ("conv", "did you mean `trainer fit --preset conv`?"),
            ("--epochs 5 fit", "options come after the command; did you mean `trainer fit --epochs`?"),
            ("fit conv", "did you mean `--preset conv`?"),
            ("fit mnist", "did you mean `--data mnist`?"),
            ("fit readme.toml", "found `readme.toml` without an option; did you mean `--config readme.toml`?"),
            ("fit runs/simple-digits-1", "did you mean `--resume runs/simple-digits-1`?"),
            ("fit empty", "did you mean `--data empty`?"),
            ("fit epochs 5", "did you mean `--epochs`?"),
            ("compare runs", "did you mean `trainer compare runs/*`?"),
            ("fit 64", "found `64` without an option; see `trainer fit --help`"),
            ("fit --hidden 128 64", "the widths of `--hidden` stand without spaces; did you mean `--hidden 128,64`?"),
            ("fit --hidden 128, 64", "did you mean `--hidden 128,64`?"),
            ("fit --hidden 128 , 64", "did you mean `--hidden 128,64`?"),
            ("evaluate a b", "expected one run, found `b` too; `trainer compare` takes several"),
            ("compare", "expected two runs or more"),
            ("compare runs/simple-digits-1", "expected two runs or more"),
            ("completions", "expected a shell: bash"),
            ("help fot", "there is no command `fot`"),
        ],
    );
}

#[test]
fn misspelt_options_and_values_are_usage_errors_that_name_the_nearest() {
    let dir = prepared();
    check(
        dir.path(),
        2,
        &[
            ("fit --epoch 5", "there is no option `--epoch`; did you mean `--epochs`?"),
            ("fit --Data digits", "did you mean `--data`?"),
            ("fit --learning_rate 1", "did you mean `--learning-rate`?"),
            ("fit -preset conv", "there is no option `-preset`; did you mean `--preset`?"),
            ("fit —epochs 5", "did you mean `--epochs`?"),
            ("fit –-epochs 5", "begins with a long dash instead of hyphens; did you mean `--epochs`?"),
            ("evaluate −-json", "did you mean `--json`?"),
            ("fit --timing", "did you mean `--timings`?"),
            ("fit -e 5", "there is no option `-e`"),
            ("fit --preset cnv", "found `cnv`; did you mean `conv`?"),
            ("fit --preset Conv", "did you mean `conv`?"),
            ("fit --preset VAE", "did you mean `vae`?"),
            ("fit --loss BCE", "did you mean `bce`?"),
            ("fit --noise 0.3", "did you mean `--input-noise`?"),
            ("fit --gpu", "did you mean `--device cuda`?"),
            ("fit --dataset mnist", "did you mean `--data`?"),
            ("--epochs 5", "there is no option `--epochs`; did you mean `trainer fit --epochs`?"),
            ("completions /bin/bash", "did you mean `bash`?"),
            ("fit --device gpu", "expected one of cpu, cuda, metal; found `gpu`; see"),
            ("fit --optimizer adagrad", "expected one of adadelta, adam, adamw, sgd, rmsprop; found `adagrad`"),
            ("fit --loss mae", "expected one of bce, mse"),
            ("fit --schedule linear", "expected one of constant, plateau, cosine"),
            ("fit --device gpu", "expected one of cpu, cuda, metal"),
            ("fit --log-format xml", "expected one of auto, plain, json"),
            ("completions bsh", "did you mean `bash`?"),
            ("completions tcsh", "expected one of bash, elvish, fish, powershell, zsh; found `tcsh`; see"),
            ("man fot", "did you mean `fit`?"),
        ],
    );
}

#[test]
fn numbers_that_are_none_are_usage_errors_in_plain_words() {
    let dir = prepared();
    check(
        dir.path(),
        2,
        &[
            ("fit --epochs -1", "`--epochs`: expected 1 to 1000000, found -1"),
            ("fit --epochs=-1", "`--epochs`: expected 1 to 1000000, found -1"),
            ("fit --epochs 1.5", "expected a whole number, 1 to 1000000, found `1.5`"),
            ("fit --epochs ten", "expected a whole number, 1 to 1000000, found `ten`"),
            ("fit --epochs ''", "`--epochs`: expected a value, found none"),
            ("fit --epochs", "`--epochs`: expected a value, found none"),
            ("fit --epochs 99999999999999999999", "expected 1 to 1000000"),
            ("fit --epochs 3 --epochs 4", "`--epochs` is given more than once"),
            ("fit --seed -1", "expected 0 or more, found -1"),
            ("fit --patience -3", "expected 0 or more, found -3"),
            ("fit --hidden 128,,64", "`--hidden`: expected a value, found none"),
            ("fit --hidden a", "expected a whole number, 1 to 65536, found `a`"),
            ("fit --learning-rate 0,001", "expected a decimal point, as in 0.001"),
            ("fit --time-budget 5m", "`--time-budget`: expected a number of seconds, as in 300, found `5m`"),
            ("fit --learning-rate nan", "expected a finite number"),
            ("fit --learning-rate inf", "expected a finite number"),
            ("fit --out ''", "`--out`: expected a value, found none"),
            ("fit --label x", "`--label`: only tables and series have this, and `digits` is none"),
            ("fit --data rows.csv --size 32", "`--size`: only a folder of pictures is resized"),
            (
                "fit --data rows.csv --test rows.csv --test-fraction 0.5",
                "`--test-fraction`: the test rows are those of `--test`",
            ),
            ("fit --data rows.csv --stride 3", "only windows have a stride; expected a `--window` beside `--stride 3`"),
            ("fit --window 1", "`--window`: expected 2 to"),
            ("fit --data ''", "`--data`: expected a value, found none"),
            ("fit --resume runs/simple-digits-1 --batch-size 3", "`--batch-size` cannot change with `--resume`"),
            ("fit --resume runs/simple-digits-1 --detector both", "`--detector` cannot change with `--resume`"),
            ("fit --detector both --contaminated", "`--detector` and `--contaminated` exclude each other"),
        ],
    );
}

#[test]
fn values_out_of_their_range_are_usage_errors_that_name_it() {
    let dir = prepared();
    check(
        dir.path(),
        2,
        &[
            ("fit --epochs 0", "`--epochs`: expected 1 to 1000000, found 0; see `trainer fit --help`"),
            ("fit --epochs 2000000", "`--epochs`: expected 1 to 1000000"),
            ("fit --batch-size 0", "`--batch-size`: expected 1 to"),
            ("fit --threads 0", "`--threads`: expected 1 to"),
            ("fit --latent-dim 0", "`--latent-dim`: expected 1 to 65536"),
            ("fit --latent-dim 99999999", "`--latent-dim`: expected 1 to 65536"),
            ("fit --hidden 0", "`--hidden`: expected 1 to 65536"),
            ("fit --learning-rate 0", "expected more than 0, found 0"),
            ("fit --learning-rate -1", "expected more than 0, found -1"),
            ("fit --time-budget -1", "expected 0 or more, found -1"),
            ("fit --validation 2", "expected `test` or a fraction between 0 and 1"),
            ("fit --validation tset", "expected `test` or a fraction between 0 and 1"),
            ("fit --validation -0.1", "expected `test` or a fraction between 0 and 1"),
            ("fit --validation 0.0001", "`--validation`: 0.0001 of 1500 training rows is 0; expected a part"),
            ("fit --preset conv --hidden 3", "`--hidden`: expected either widths"),
            ("fit --beta 3", "`--beta`: only a variational network"),
            ("fit --warmup 3", "`--warmup` needs `--schedule cosine`"),
            ("fit --preset conv --warmup 3000", "`--warmup`: expected at most the 500 epochs there are"),
            ("fit --resume runs/simple-digits-1 --epochs 1", "`--epochs`: runs/simple-digits-1 is finished"),
            ("fit --resume runs/simple-digits-1 --learning-rate 0", "`--learning-rate`: expected more than 0"),
            ("compare runs/simple-digits-1 runs/simple-digits-1 --out c.png", "expected a file that ends in .svg"),
            ("compare no none --out c.png", "expected a file that ends in .svg"),
        ],
    );
}

#[test]
fn files_and_folders_that_are_something_else_are_named_as_what_they_are() {
    let dir = prepared();
    check(
        dir.path(),
        1,
        &[
            ("fit --data no/such", "no such folder"),
            ("fit --data mnits", "did you mean `mnist`?"),
            ("fit --data MNIST", "did you mean `mnist`?"),
            ("fit --data rows.csv", "expected two rows or more, of which some are held out for testing, found one"),
            ("fit --data empty", "missing: train-images-idx3-ubyte"),
            ("fit --config no.toml", "cannot read no.toml: there is no such file"),
            ("fit --config empty", "empty: expected a file of settings, found a folder"),
            ("fit --config runs/simple-digits-1", "did you mean `runs/simple-digits-1/config.toml`?"),
            ("fit --config unknown.toml", "unknown.toml:1: `epoch`: no such setting; did you mean `epochs`?"),
            ("fit --config text.toml", "text.toml:1: `epochs`: expected a whole number"),
            ("fit --config typo.toml", "typo.toml:2: `model.hiden`: no such setting; did you mean `hidden`?"),
            ("fit --config syntax.toml", "syntax.toml:1: "),
            ("fit --config bytes.toml", "bytes.toml: expected text in UTF-8"),
            ("fit --out rows.csv", "expected a new or empty folder for the run, found a file"),
            ("fit --out rows.csv/run", "rows.csv: expected a folder for the run to lie in, found a file"),
            ("fit --device cuda", "--features cuda"),
            ("fit --out runs/simple-digits-1", "found files in it"),
            ("fit --resume rows.csv", "the runs here are `runs/simple-digits-1`"),
            ("fit --resume runs/none", "the runs here are `runs/simple-digits-1`"),
            ("fit --resume runs/simple-digits-1", "expected more than its 2 epochs, as in `--epochs 4`"),
            ("evaluate simple-digits-1", "did you mean `runs/simple-digits-1`?"),
            ("evaluate Simple-Digits-1", "did you mean `runs/simple-digits-1`?"),
            ("evaluate runs", "the runs here are `runs/simple-digits-1`"),
            ("evaluate runs/simple-digits-2", "the runs here are `runs/simple-digits-1`"),
            ("evaluate runs/simple-digits-1/best.safetensors", "did you mean `runs/simple-digits-1`?"),
            (
                "evaluate runs/simple-digits-1/config.toml",
                "expected the folder of a run, found a file; did you mean `runs",
            ),
            ("evaluate runs/simple-digits-1/plots", "did you mean `runs/simple-digits-1`?"),
            ("evaluate runs/simple-digits-1 --data series", "expected images of 8 x 8"),
            ("compare runs/simple-digits-1 runs/x", "runs/x: no such run; the runs here are `runs/simple-digits-1`"),
            ("compare runs/simple-digits-1 runs/simple-digits-1 --out no/c.svg", "cannot write no/c.svg"),
        ],
    );
}

#[test]
fn a_mistake_in_a_config_file_is_told_with_its_line_and_what_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("seed = 1\nloss = \"mes\"", "a.toml:2: `loss`: expected one of bce, mse; found `mes`; did you mean `mse`?"),
        (
            "[schedule]\nname = \"cosin\"",
            "a.toml:2: `schedule.name`: expected one of constant, plateau, cosine; found `cosin`; did you mean `cosine`?",
        ),
        ("seed = 1\ndata = \"Digits\"", "a.toml:2: `data`: Digits: no such folder or data set; did you mean `digits`?"),
        ("[model]\nhidden = [0]", "a.toml:2: `model.hidden`: expected 1 to 65536"),
        ("preset = \"conv\"\n[model]\nhidden = [3]", "a.toml:3: `model.hidden`: expected either widths"),
        ("seed = 1\nvalidation = 0.0001", "a.toml:2: `validation`: 0.0001 of 1500"),
    ] {
        fs::write(dir.path().join("a.toml"), text).unwrap();
        let error = fail(trainer(dir.path()).args(["fit", "--config", "a.toml"]), 1);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn where_two_things_are_wrong_the_one_that_was_typed_comes_first() {
    let dir = prepared();
    check(
        dir.path(),
        1,
        &[
            // A finished run has no use for its rows, wherever they are.
            ("fit --resume runs/simple-digits-1 --data none", "is finished"),
            // Nothing is loaded for a run that has no place.
            ("fit --out rows.csv --data none", "rows.csv: expected a new or empty folder"),
            ("evaluate none --data none", "none: no such run"),
        ],
    );
}

#[test]
fn what_a_mistake_suggests_works() {
    let dir = prepared();
    fs::write(dir.path().join("good.toml"), "epochs = 20\n").unwrap();
    let whole = |arguments: &str| arguments.split(' ').map(str::to_owned).collect::<Vec<_>>();
    // The wrong arguments, and those around the suggestion that takes their place.
    for (wrong, before, after) in [
        ("fit good.toml", "fit", ""),
        ("fit conv", "fit", "--epochs 20"),
        ("fit --epoch 20", "fit", "20"),
        ("fit -epochs 20", "fit", "20"),
        ("fit –-epochs 20", "fit", "20"),
        ("fit --hidden 16, 8", "fit", "--epochs 20"),
        ("fit --noise 0.1", "fit", "0.1 --epochs 60"),
        ("fit epochs 20", "fit", "20"),
        ("fit --preset cnv", "fit --preset", "--epochs 20"),
        ("fit --config runs/simple-digits-1", "fit --config", "--epochs 20"),
        ("evaluate simple-digits-1", "evaluate", ""),
        ("evaluate runs/simple-digits-1/config.toml", "evaluate", ""),
        ("fit --resume simple-digits-1 --epochs 3", "fit --resume", "--epochs 3"),
    ] {
        let output = trainer(dir.path()).args(whole(wrong)).output().unwrap();
        let meant = suggestion(&support::text(&output.stderr));
        let right = format!("{before} {meant} {after}");
        succeed(trainer(dir.path()).args(whole(right.trim())));
    }
    // A number of seconds, as the message has it.
    let error = fail(trainer(dir.path()).args(["fit", "--time-budget", "5m"]), 2);
    let (_, seconds) = error.split_once("as in ").unwrap();
    let seconds = seconds.split(',').next().unwrap();
    succeed(trainer(dir.path()).args(["fit", "--epochs", "20", "--time-budget", seconds]));
    // Runs that a shell lists.
    let error = fail(trainer(dir.path()).args(["compare", "runs"]), 2);
    let program = format!("'{}'", support::TRAINER);
    let line = suggestion(&error).replacen("trainer", &program, 1);
    succeed(std::process::Command::new("sh").arg("-c").arg(line).current_dir(dir.path()));
    // A command that was misspelt.
    let error = fail(trainer(dir.path()).arg("train"), 2);
    let right = suggestion(&error).replace("trainer ", "") + " --epochs 20";
    succeed(trainer(dir.path()).args(whole(&right)));
    // What a finished run says that it needs.
    let error = fail(trainer(dir.path()).args(["fit", "--resume", "runs/simple-digits-1"]), 1);
    let (_, advice) = error.split_once("as in `").unwrap();
    let advice = advice.split_once('`').unwrap().0;
    succeed(trainer(dir.path()).args(["fit", "--resume", "runs/simple-digits-1"]).args(whole(advice)));
    // What `--warmup` lacks.
    let warmup = ["fit", "--epochs", "20", "--warmup", "1", "--schedule", "cosine"];
    succeed(trainer(dir.path()).args(warmup));
}

#[test]
fn without_any_run_an_error_says_what_makes_one() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["evaluate", "runs/none"][..], &["evaluate"]] {
        let error = fail(trainer(dir.path()).args(arguments), 1);
        assert!(error.contains("fit` makes one"), "{error}");
    }
    // What is there is not denied.
    fs::create_dir_all(dir.path().join("runs/mine")).unwrap();
    for arguments in [&["evaluate", "runs/none"][..], &["evaluate"]] {
        let error = fail(trainer(dir.path()).args(arguments), 1);
        assert!(error.contains("`runs/mine` has no config.toml, without which it is no run; "), "{error}");
        assert!(!error.contains("there are none"), "{error}");
    }
    let none = trainer(dir.path()).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    assert!(support::text(&none.stderr).contains("Usage: trainer <COMMAND>"));
}

#[test]
#[cfg(unix)]
fn a_folder_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let dir = prepared();
    let locked = dir.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write anywhere.
    if fs::write(locked.join("probe"), "").is_ok() {
        return;
    }
    let error = fail(trainer(dir.path()).args(["fit", "--out", "locked/run"]), 1);
    assert!(error.contains("you have no permission"), "{error}");
    assert!(error.contains("cannot create locked/run"), "{error}");
    let error = fail(trainer(&locked).arg("fit"), 1);
    assert!(error.contains("cannot create runs"), "{error}");
}
