//! Bundles that earlier versions wrote still load, and compute what they computed then.

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use runtime::{Autoencoder, Manifest};

use crate::support::largest_difference;

/// Every bundle in `tests/bundles`, by version and name.
fn bundles() -> Vec<PathBuf> {
    let folders = |dir: &Path| -> Vec<PathBuf> {
        let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_dir()).collect()
    };
    let versions = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles"));
    let bundles: Vec<PathBuf> = versions.iter().flat_map(|version| folders(version)).collect();
    assert!(bundles.len() >= 2, "found {bundles:?}");
    bundles
}

#[test]
fn a_bundle_of_an_earlier_version_computes_its_golden_values() {
    for dir in bundles() {
        let golden = Tensor::read_npz(dir.join("golden.npz")).unwrap();
        let values = |name: &str| {
            let (_, tensor) = golden.iter().find(|(found, _)| found == name).unwrap();
            tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let autoencoder = Autoencoder::load(&dir).unwrap();
        let (input, latent) = (values("input"), values("latent"));
        // As in the bundle's own proof.
        let equal = |found: &[f32], name: &str| {
            assert!(largest_difference(found, &values(name)) < 1e-5, "{}: {name}", dir.display());
        };
        equal(autoencoder.encode(&input).unwrap().as_slice(), "latent");
        equal(autoencoder.decode(&latent).unwrap().as_slice(), "reconstruction");
        equal(autoencoder.reconstruct(&input).unwrap().as_slice(), "reconstruction");
        if autoencoder.is_variational() {
            equal(autoencoder.encode_distribution(&input).unwrap().1.as_slice(), "log_variance");
        }
        assert_eq!(autoencoder.score(&input).unwrap().len(), input.len() / autoencoder.input_len());
    }
}

#[test]
fn the_manifest_of_an_earlier_version_is_written_as_it_was() {
    for dir in bundles() {
        let text = std::fs::read(dir.join("model.json")).unwrap();
        let written = Manifest::read(&dir).unwrap().to_json();
        assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(text).unwrap(), "{}", dir.display());
    }
}
