//! The bundle on disk: contents, repeatability, and what a spoilt one says.

use std::fs;
use std::path::Path;

use exporter::{ExportError, ExportOptions, export};
use runtime::{Autoencoder, Encoder, Manifest};
use trainer::ModelConfig;

use crate::support::{contents, copied_bundle, shared, train};

#[test]
fn a_bundle_has_its_six_files_and_says_what_it_is() {
    let (run, bundle) = shared();
    let names: Vec<&str> = bundle.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["encoder.onnx", "decoder.onnx", "scorer.onnx", "golden.npz", "parity.json", "model.json"]);
    assert_eq!(bundle.dir, run.dir().join("onnx"));
    let manifest = Manifest::read(&bundle.dir).unwrap();
    assert_eq!(manifest.network, "64-32-64");
    assert_eq!(manifest.image_shape, [8, 8]);
    assert_eq!(manifest.input.range, Some([0., 1.]));
    assert_eq!(manifest.input.preprocessing.unwrap().max_value, 16.);
    assert_eq!((manifest.input.row_shape, manifest.latent.row_shape), (vec![64], vec![32]));
    let summary = run.summary().unwrap();
    assert_eq!(manifest.metrics["bce"], summary.test.metrics.bce.unwrap());
    assert_eq!(manifest.threshold.unwrap().value, summary.threshold.value);
    let parity = fs::read_to_string(bundle.dir.join("parity.json")).unwrap();
    let parity: serde_json::Value = serde_json::from_str(&parity).unwrap();
    assert_eq!(parity["verdict"], "passed");
    // The halves, both, and four outputs of the scorer at four batch sizes, by the runtime and by tract.
    assert_eq!(parity["results"].as_array().unwrap().len(), 56);
    assert_eq!(parity["results"].as_array().unwrap().iter().filter(|row| row["engine"] == "tract").count(), 28);
}

#[test]
fn the_same_run_exports_to_the_same_bytes() {
    let (run, bundle) = shared();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("again");
    export(run, &ExportOptions { out: Some(out.clone()), ..Default::default() }).unwrap();
    let bytes = |dir: &Path| contents(dir).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    assert!(bytes(&bundle.dir) == bytes(&out));
}

#[test]
fn beyond_the_tolerance_no_bundle_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let run = train(&dir.path().join("run"), ModelConfig::default());
    let strict = ExportOptions { tolerance: 0., ..Default::default() };
    let before = contents(run.dir());
    let error = export(&run, &strict).unwrap_err();
    assert!(matches!(error, ExportError::Parity { .. }), "{error}");
    assert!(contents(run.dir()) == before, "a failed export leaves nothing");
    // And an older bundle stays as it was.
    export(&run, &ExportOptions::default()).unwrap();
    let before = contents(run.dir());
    export(&run, &strict).unwrap_err();
    assert!(contents(run.dir()) == before, "a failed export leaves the older bundle");
}

#[test]
fn an_encoder_and_a_decoder_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = train(&dir.path().join("run"), ModelConfig::dense(16, []));
    let other = export(&run, &ExportOptions::default()).unwrap();
    let encoder = fs::read(shared().1.dir.join("encoder.onnx")).unwrap();
    let decoder = fs::read(other.dir.join("decoder.onnx")).unwrap();
    let error = Autoencoder::from_bytes(&encoder, &decoder).err().unwrap().to_string();
    let expected = "encoder and decoder do not fit: the encoder maps [batch, 64] -> [batch, 32], \
                    the decoder [batch, 16] -> [batch, 64]";
    assert_eq!(error, expected);
}

#[test]
fn a_replaced_or_damaged_file_is_found_by_its_hash() {
    let (_dir, copy) = copied_bundle();
    let path = copy.join("decoder.onnx");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = Autoencoder::load(&copy).err().unwrap().to_string();
    assert!(error.contains("decoder.onnx: damaged or replaced"), "{error}");
    Encoder::load(&copy).unwrap();
    fs::remove_file(copy.join("encoder.onnx")).unwrap();
    let error = Encoder::load(&copy).err().unwrap().to_string();
    assert!(error.contains("encoder.onnx: missing, though model.json names it"), "{error}");
    fs::remove_file(copy.join("model.json")).unwrap();
    let error = Encoder::load(&copy).err().unwrap().to_string();
    assert!(error.contains("not a bundle: it has no model.json"), "{error}");
}

#[test]
fn truncated_graphs_are_errors_and_no_panics() {
    let bytes = fs::read(shared().1.dir.join("encoder.onnx")).unwrap();
    for length in (0..bytes.len()).step_by(101) {
        let error = Encoder::from_bytes(&bytes[..length]).err();
        let error = error.unwrap_or_else(|| panic!("accepted the first {length} bytes")).to_string();
        assert!(!error.contains("the graph cannot be computed"), "tract panicked: {error}");
    }
}

#[test]
fn rows_of_another_width_name_both_shapes() {
    let autoencoder = Autoencoder::load(&shared().1.dir).unwrap();
    let error = autoencoder.encode(&[0.; 65][..]).unwrap_err().to_string();
    assert_eq!(error, "input `input`: expected shape [batch, 64], found 65 values, no whole number of rows");
    let matrix = runtime::Matrix::new(2, 32, vec![0.; 64]).unwrap();
    let error = autoencoder.encode(&matrix).unwrap_err().to_string();
    assert_eq!(error, "input `input`: expected shape [batch, 64], found [2, 32]");
    let error = autoencoder.decode(&[0.; 3][..]).unwrap_err().to_string();
    assert!(error.starts_with("input `latent`: expected shape [batch, 32]"), "{error}");
}
