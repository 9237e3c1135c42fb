//! The workspace's shape, held by reading the sources: which file may import which, how long a file is, how wide a function.
//!
//! `docs/architecture.md` explains the rules; a failure names the file, the line and the rule.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{Source, workspace};

/// The crates, and which of ours each may depend on.
const CRATES: [(&str, &[&str]); 8] = [
    ("kernels", &[]),
    ("onnx", &[]),
    ("bundle", &[]),
    ("rows", &["bundle"]),
    ("runtime", &["kernels", "bundle", "onnx", "rows"]),
    ("trainer", &["kernels", "bundle", "rows"]),
    ("exporter", &["trainer", "runtime", "bundle", "onnx"]),
    ("exporter/macros", &[]),
];

/// Files that are longer than 300 lines without their tests, each with its reason.
const LONG: [(&str, &str); 0] = [];

/// Where modules are public: the exporter's macros write paths that look like candle's.
const OPEN: [(&str, &str); 3] = [
    ("exporter/src/lib.rs", "pub mod twin;"),
    ("exporter/src/twin/mod.rs", "pub mod candle_"),
    ("exporter/src/twin/candle_nn.rs", "pub mod "),
];

const MAX_LINES: usize = 300;
const MAX_PARAMETERS: usize = 4;

/// Fails with one line for each fault.
fn expect_none(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}:\n  {}\n", faults.join("\n  "));
}

fn faults(look: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    workspace().iter().flat_map(look).collect()
}

#[test]
fn a_crate_imports_only_what_lies_below_it() {
    let foreign = |source: &Source| {
        let allowed = CRATES.iter().find(|(name, _)| *name == source.package).map_or(&[][..], |(_, below)| below);
        let names = CRATES.iter().map(|(name, _)| *name);
        let forbidden: Vec<&str> = names.filter(|name| *name != source.package && !allowed.contains(name)).collect();
        let candle = ["runtime", "bundle", "onnx", "kernels", "rows"].contains(&source.package.as_str());
        let is_forbidden = |root: &str| forbidden.contains(&root) || (candle && root.starts_with("candle"));
        // A program imports its own library by name, which is the crate itself.
        let roots =
            source.imports.iter().filter(|import| is_forbidden(&import.path[0]) && !source.declares(&import.path[0]));
        roots.map(|import| format!("{}:{} imports {}", source.path, import.line, import.path.join("::"))).collect()
    };
    expect_none("a crate may import only the crates below it", faults(foreign));
}

#[test]
fn no_two_files_import_each_other() {
    let sources = workspace();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        for import in &source.imports {
            let target = source::resolve(sources, source, &import.path);
            if let Some(target) = target.filter(|target| target.path != source.path) {
                arrows.entry(&source.path).or_default().insert(&target.path);
            }
        }
    }
    let reaches = |from: &str, to: &str| arrows.get(from).is_some_and(|targets| targets.contains(to));
    let pairs = arrows.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (*from, *to)));
    let mutual = pairs.filter(|(from, to)| from < to && reaches(to, from));
    expect_none("two files import each other", mutual.map(|(from, to)| format!("{from} <-> {to}")).collect());
}

#[test]
fn only_the_stairs_top_sees_the_whole_config() {
    let top = ["fit.rs", "lib.rs", "main.rs", "train/", "run/", "cli/", "config/"];
    let sees = |source: &Source| {
        let inside = source.path.strip_prefix("trainer/src/").unwrap_or_default();
        if source.package != "trainer" || source.is_test() || top.iter().any(|place| inside.starts_with(place)) {
            return Vec::new();
        }
        let named = source.imports.iter().filter(|import| import.path.last().is_some_and(|name| name == "Config"));
        let ours = named.filter(|import| import.path[0] == "crate");
        ours.map(|import| format!("{}:{} imports Config", source.path, import.line)).collect()
    };
    expect_none("the whole `Config` stops at fit.rs, train/, run/ and the command line", faults(sees));
}

#[test]
fn training_does_not_know_the_report() {
    let knows = |source: &Source| {
        let below = ["train/", "evaluate/", "run/", "objective/", "model/", "data/", "optimizer/", "ops/", "fused/"];
        let inside = source.path.strip_prefix("trainer/src/").unwrap_or_default();
        if !below.iter().any(|place| inside.starts_with(place)) {
            return Vec::new();
        }
        let report = source.imports.iter().filter(|import| import.path.starts_with(&["crate".into(), "report".into()]));
        report.map(|import| format!("{}:{} imports the report", source.path, import.line)).collect()
    };
    expect_none("the report is made from what training leaves, never the other way round", faults(knows));
}

#[test]
fn names_of_the_bundle_stand_in_the_crate_bundle_alone() {
    let names =
        ["encoder.onnx", "decoder.onnx", "scorer.onnx", "autoencoder.onnx", "model.json", "parity.json", "golden.npz"];
    let literal = |source: &Source| {
        if source.package == "bundle" || source.is_test() {
            return Vec::new();
        }
        let lines = source.code.lines().enumerate();
        let found = lines.filter(|(_, line)| names.iter().any(|name| line.contains(&format!("\"{name}\""))));
        found.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())).collect()
    };
    expect_none("a file of the bundle is named by a constant of the crate `bundle`", faults(literal));
}

#[test]
fn modules_are_private() {
    let public = |source: &Source| {
        let lines = source.code.lines().enumerate();
        let excused = |line: &str| OPEN.iter().any(|(path, start)| *path == source.path && line.starts_with(start));
        let open = lines.filter(|(_, line)| line.trim_start().starts_with("pub mod ") && !excused(line));
        open.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())).collect()
    };
    expect_none("modules are private, `lib.rs` lists the public names", faults(public));
}

#[test]
fn files_are_short_and_say_what_they_hold() {
    let long = |source: &Source| {
        let lines = source.lines_without_tests();
        let excused = LONG.iter().any(|(path, _)| *path == source.path);
        let mut found = Vec::new();
        if lines > MAX_LINES && !excused && !source.is_test() {
            found.push(format!("{}: {lines} lines, expected at most {MAX_LINES}", source.path));
        }
        if !source.text.starts_with("//!") && !source.is_test() {
            found.push(format!("{}: expected a first line `//!` that says what the file holds", source.path));
        }
        found
    };
    expect_none("a file holds one idea", faults(long));
}

#[test]
fn functions_take_at_most_four_parameters() {
    let wide = |source: &Source| {
        if source.package == "kernels" {
            return Vec::new();
        }
        // candle's traits for operators of one's own say what these take.
        let candles = ["cpu_fwd", "bwd"];
        let ours = source.functions().into_iter().filter(|function| !candles.contains(&function.name.as_str()));
        let wide = ours.filter(|function| function.parameters > MAX_PARAMETERS);
        wide.map(|function| {
            let found = function.parameters;
            format!("{}:{}: `{}` takes {found} parameters", source.path, function.line, function.name)
        })
        .collect()
    };
    expect_none("more than four parameters make a struct with names", faults(wide));
}
