//! Graphs of every preset and of other exporters, through both engines, with the right hashes.

use std::fs;
use std::path::Path;

use bundle::{FileEntry, MANIFEST_FILE, Manifest};
use exporter::{ExportOptions, export};
use runtime::{Autoencoder, Encoder, Scorer};
use trainer::{Config, Dataset, Preset, Run, Silent, fit};

use crate::count;
use crate::mutate::{Mutator, peak_mib, survives};

/// All mutants of graphs together.
const MUTANTS: usize = 10_000;

/// A bundle of each preset, trained for an epoch, and those in `tests/bundles`.
fn bundles(dir: &Path) -> Vec<std::path::PathBuf> {
    let train = |name: &&str| {
        let settings = format!("preset = {name:?}\ndata = \"digits\"\nepochs = 1\nbatch_size = 500");
        let config = Config::resolve(None, settings.parse().unwrap()).unwrap();
        let dataset = Dataset::load(&config.data).unwrap();
        let run = Run::create(dir.join(name), &config).unwrap();
        fit(&config, &dataset, &run, &mut Silent).unwrap();
        export(&run, &ExportOptions::default()).unwrap().dir
    };
    let mut found: Vec<_> = Preset::NAMES.iter().map(train).collect();
    let others = Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/foreign");
    let others = fs::read_dir(others).unwrap().map(|entry| entry.unwrap().path());
    found.extend(others.filter(|path| path.join(MANIFEST_FILE).is_file()));
    found.sort();
    found
}

/// Loads and runs a spoilt encoder by each way in.
fn load_and_run(bundle: &Path, file: &str, mutant: &[u8]) -> bool {
    let what = format!("{} of {}", file, bundle.display());
    let loaded = survives(&what, mutant, || match file {
        "scorer.onnx" => Scorer::load(bundle).and_then(|scorer| {
            let rows = vec![0.5; 2 * scorer.input_len()];
            scorer.explain(&rows).map(|_| ())
        }),
        _ => Autoencoder::load(bundle).and_then(|autoencoder| {
            let rows = vec![0.5; 3 * autoencoder.input_len()];
            autoencoder.reconstruct(&rows).map(|_| ())
        }),
    });
    if file == "encoder.onnx" {
        survives(&format!("{what}, on tract"), mutant, || {
            let Ok(encoder) = Encoder::from_bytes_on_tract(mutant) else { return };
            let rows = vec![0.5; 3 * encoder.input_len()];
            let _ = encoder.encode(&rows);
        });
    }
    match loaded {
        Ok(()) => true,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.chars().any(char::is_control) && text.len() < 2500, "{what}: {text}");
            false
        }
    }
}

#[test]
fn a_damaged_graph_with_the_right_hash_is_computed_or_refused() {
    std::panic::set_hook(Box::new(|_| ()));
    let dir = tempfile::tempdir().unwrap();
    let bundles = bundles(dir.path());
    let mut mutator = Mutator::new(1);
    let (mut tried, mut loaded) = (0, 0);
    for (number, source) in bundles.iter().enumerate() {
        let copy = dir.path().join(format!("copy-{number}"));
        fs::create_dir(&copy).unwrap();
        let manifest = Manifest::read(source).unwrap();
        let names = ["encoder.onnx", "decoder.onnx", "scorer.onnx"];
        let names: Vec<&str> = names.into_iter().filter(|name| manifest.files.contains_key(*name)).collect();
        for name in manifest.files.keys() {
            fs::copy(source.join(name), copy.join(name)).unwrap();
        }
        for name in &names {
            let whole = fs::read(source.join(name)).unwrap();
            for _ in 0..count(MUTANTS).div_ceil(bundles.len() * names.len()) {
                let mutant = mutator.mutant(&whole);
                let mut manifest = manifest.clone();
                manifest.files.insert((*name).into(), FileEntry::of(&mutant));
                fs::write(copy.join(name), &mutant).unwrap();
                fs::write(copy.join(MANIFEST_FILE), manifest.to_json()).unwrap();
                tried += 1;
                loaded += usize::from(load_and_run(&copy, name, &mutant));
            }
            fs::write(copy.join(name), whole).unwrap();
        }
        fs::remove_dir_all(&copy).unwrap();
    }
    println!("{tried} mutants of {} bundles, {loaded} of them computed; at most {:?} MiB", bundles.len(), peak_mib());
    assert!(loaded > 0 && loaded < tried, "{loaded} of {tried}");
    assert!(peak_mib().is_none_or(|mib| mib < 2048), "{:?} MiB", peak_mib());
}

#[test]
fn every_truncation_of_the_smallest_graph_is_refused() {
    std::panic::set_hook(Box::new(|_| ()));
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/foreign");
    let graphs =
        fs::read_dir(foreign).unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("encoder.onnx")).ok());
    let smallest = graphs.min_by_key(Vec::len).unwrap();
    for len in 0..smallest.len() {
        let cut = &smallest[..len];
        survives("a truncation", cut, || Encoder::from_bytes(cut).is_err());
        survives("a truncation on tract", cut, || Encoder::from_bytes_on_tract(cut).is_err());
    }
}
