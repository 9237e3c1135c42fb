//! Bundles that earlier versions and other programs wrote load, and compute what they computed then.

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use runtime::{Autoencoder, Manifest};

use crate::support::largest_difference;

/// The bundles in a folder of `tests/bundles`.
fn bundles(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles").join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let bundles: Vec<PathBuf> = paths.filter(|path| path.join("model.json").is_file()).collect();
    assert!(bundles.len() >= 2, "found {bundles:?}");
    bundles
}

/// Compares what the bundle in `dir` computes with its golden values.
fn check_golden(dir: &Path) {
    let golden = Tensor::read_npz(dir.join("golden.npz")).unwrap();
    let values = |name: &str| {
        let (_, tensor) = golden.iter().find(|(found, _)| found == name).unwrap();
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let autoencoder = Autoencoder::load(dir).unwrap_or_else(|error| panic!("{error}"));
    let (input, latent) = (values("input"), values("latent"));
    // As in the bundles' own parity.json.
    let equal = |found: &[f32], name: &str| {
        assert!(largest_difference(found, &values(name)) < 1e-5, "{}: {name}", dir.display());
    };
    equal(autoencoder.encode(&input).unwrap().as_slice(), "latent");
    equal(autoencoder.decode(&latent).unwrap().as_slice(), "reconstruction");
    equal(autoencoder.reconstruct(&input).unwrap().as_slice(), "reconstruction");
    assert_eq!(autoencoder.score(&input).unwrap().len(), input.len() / autoencoder.input_len());
    if golden.iter().any(|(name, _)| name == "log_variance") {
        equal(autoencoder.encode_distribution(&input).unwrap().1.as_slice(), "log_variance");
    }
    // One by one and many at a time, a row gives the same.
    let width = autoencoder.input_len();
    let many = autoencoder.encode(&input.repeat(30)).unwrap();
    let rows = input.len() / width;
    for row in [0, rows - 1, 29 * rows] {
        let alone = autoencoder.encode(&input[row % rows * width..][..width]).unwrap();
        assert!(largest_difference(alone.row(0), many.row(row)) < 1e-5, "{}: row {row}", dir.display());
    }
}

#[test]
fn a_bundle_of_an_earlier_version_computes_its_golden_values() {
    bundles("0.1.0").iter().for_each(|dir| check_golden(dir));
}

#[test]
fn a_bundle_of_another_exporter_computes_what_onnxruntime_does() {
    bundles("foreign").iter().for_each(|dir| check_golden(dir));
}

#[test]
fn the_manifest_of_an_earlier_version_is_written_as_it_was() {
    for dir in bundles("0.1.0") {
        let text = std::fs::read(dir.join("model.json")).unwrap();
        let written = Manifest::read(&dir).unwrap().to_json();
        assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(text).unwrap(), "{}", dir.display());
    }
}
