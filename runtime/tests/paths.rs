//! Bundles, rows and results at places where people put them by mistake.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use support::{Folder, pixels};

#[test]
fn a_bundle_is_found_by_its_run_and_its_files() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(2));
    let (expected, _) = folder.succeed(&["encode", "run/onnx", "rows.csv"]);
    for bundle in ["run", "run/", "run/onnx/", "run/onnx/encoder.onnx", "run/onnx/model.json"] {
        assert_eq!(folder.succeed(&["encode", bundle, "rows.csv"]).0, expected, "{bundle}");
    }
}

#[test]
fn what_is_there_instead_of_a_bundle_is_said() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(1));
    folder.write("encoder.onnx", "");
    fs::create_dir_all(folder.path("unexported")).unwrap();
    folder.write("unexported/config.toml", "");
    fs::create_dir_all(folder.path("empty")).unwrap();
    fs::create_dir_all(folder.path("runs/simple-digits-1/onnx")).unwrap();
    folder.add_bundle("runs/simple-digits-1/onnx", "0.1.0/digits");
    folder.add_bundle("whole", "0.1.0/digits");
    let manifest = folder.read("whole/model.json").replace("encoder.onnx", "autoencoder.onnx");
    folder.write("whole/model.json", manifest);
    for (bundle, expected) in [
        ("nowhere", "nowhere: no such bundle; the runs here are `runs/simple-digits-1`"),
        ("runs/nope", "runs/nope: no such bundle; the runs here are `runs/simple-digits-1`"),
        ("simple-digits-1", "no such bundle; did you mean `runs/simple-digits-1`?"),
        ("rows.csv", "rows.csv: expected the folder of a bundle, found a file"),
        ("encoder.onnx", "encoder.onnx: expected the folder of a bundle, found a file without a model.json beside it"),
        ("unexported", "unexported: a run without a bundle; `"),
        ("empty", "empty: not a bundle: it has no model.json; the runs here are `runs/simple-digits-1`"),
        ("runs", "runs: a folder of runs; name one of them: `runs/simple-digits-1`"),
        ("whole", "whole: expected a bundle with encoder.onnx, found one with autoencoder.onnx"),
    ] {
        let error = folder.fail(&["encode", bundle, "rows.csv"]);
        assert!(error.contains(expected), "{error}");
    }
    // The advice works.
    folder.succeed(&["encode", "runs/simple-digits-1", "rows.csv"]);
}

#[test]
fn rows_before_the_bundle_are_noticed() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(1));
    let error = folder.fail(&["encode", "rows.csv", "run"]);
    assert!(error.contains("expected the bundle before the rows, found rows.csv and then run"), "{error}");
}

#[test]
fn a_bundle_that_is_not_whole_names_the_file() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(1));
    for (file, content, expected) in [
        ("encoder.onnx", Some(&b"no graph"[..]), "run/onnx/encoder.onnx: incomplete: expected 1"),
        ("encoder.onnx", None, "run/onnx/encoder.onnx: missing, though model.json names it; `"),
        ("model.json", Some(b"{"), "run/onnx/model.json: incomplete: it ends at byte 1; `"),
        (
            "model.json",
            Some(b"{\"format_version\": 1}"),
            "run/onnx/model.json: not the manifest of a bundle: it has no `input`; `",
        ),
        ("model.json", Some(b"\xff"), "run/onnx/model.json: "),
    ] {
        let path = folder.path("run/onnx").join(file);
        let before = fs::read(&path).unwrap();
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let error = folder.fail(&["encode", "run", "rows.csv"]);
        assert!(error.contains(expected), "{error}");
        fs::write(&path, before).unwrap();
    }
}

#[test]
fn rows_that_are_not_there_are_named() {
    let folder = Folder::new();
    folder.write("nothing.csv", "");
    for (rows, expected) in [
        ("none.csv", "none.csv: no such file"),
        ("run", "run: expected a file of rows, found a folder"),
        ("nothing.csv", "nothing.csv: expected at least one row of numbers, found none"),
        ("run/onnx/encoder.onnx", "expected rows as CSV, .npy or .npz, found an ONNX graph"),
    ] {
        let error = folder.fail(&["encode", "run", rows]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_place_for_the_result_is_checked_before_anything_is_computed() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(1));
    folder.write("file", "");
    for (out, expected) in [
        ("run", "--out run: expected a file, found a folder"),
        ("none/codes.csv", "--out none/codes.csv: expected a file in a folder, found none, which does not exist"),
        ("file/codes.csv", "--out file/codes.csv: expected a file in a folder, found file, which is no folder"),
        ("rows.csv", "--out rows.csv: expected another file than the one to read"),
        ("./rows.csv", "expected another file than the one to read"),
    ] {
        let error = folder.fail(&["encode", "run", "rows.csv", "--out", out]);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(folder.read("rows.csv"), pixels(1));
}

#[test]
fn an_older_result_is_replaced_whole_or_left_as_it_was() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(2));
    folder.write("out.csv", "older");
    folder.write("short.csv", "1,2\n");
    folder.fail(&["encode", "run", "short.csv", "--out", "out.csv"]);
    assert_eq!(folder.read("out.csv"), "older");
    folder.succeed(&["encode", "run", "rows.csv", "--out", "out.csv"]);
    assert_eq!(folder.read("out.csv").lines().count(), 2);
    assert_eq!(folder.names(), ["out.csv", "rows.csv", "run", "short.csv"]);
}

#[cfg(unix)]
#[test]
fn a_device_and_a_link_stay_what_they_are() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(2));
    let (out, _) = folder.succeed(&["encode", "run", "rows.csv", "--out", "/dev/stdout"]);
    assert_eq!(out.lines().count(), 2);
    folder.succeed(&["encode", "run", "rows.csv", "--out", "/dev/null"]);
    folder.write("real.csv", "");
    std::os::unix::fs::symlink("real.csv", folder.path("link.csv")).unwrap();
    folder.succeed(&["encode", "run", "rows.csv", "--out", "link.csv"]);
    assert!(folder.path("link.csv").is_symlink());
    assert_eq!(folder.read("real.csv"), out);
}

#[test]
fn in_a_run_or_among_runs_the_message_says_where_the_person_stands() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(1));
    folder.write("run/best.safetensors", "");
    for (below, rows, expected, bundle) in [
        ("run", "../rows.csv", "the run that you are in is `.`", "."),
        ("run/onnx", "../../rows.csv", "the run that you are in is `..`", ".."),
        (".", "rows.csv", "the runs here are `./run`", "./run"),
    ] {
        let run =
            |bundle: &str| folder.command(&["encode", bundle, rows]).current_dir(folder.path(below)).output().unwrap();
        let output = run("nope");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), error.trim_end()),
            (Some(1), format!("error: nope: no such bundle; {expected}").as_str())
        );
        assert!(run(bundle).status.success(), "{bundle}");
    }
}

#[test]
fn a_bundle_of_another_version_says_what_reads_it() {
    let folder = Folder::new();
    folder.write("rows.csv", pixels(1));
    let manifest = folder.read("run/onnx/model.json");
    for (version, expected) in [("2", "a newer version of Hourglass reads it"), ("0", "` writes the bundle again")] {
        let other = manifest.replacen("\"format_version\": 1", &format!("\"format_version\": {version}"), 1);
        folder.write("run/onnx/model.json", other);
        let error = folder.fail(&["encode", "run", "rows.csv"]);
        assert!(error.contains(&format!("model.json: expected format version 1, found {version}; ")), "{error}");
        assert!(error.ends_with(expected), "{error}");
    }
}
