//! The exported files against candle and against each other.

use candle_core::{Device, Tensor};
use exporter::{ExportOptions, Layout, export};
use runtime::{Autoencoder, Decoder, Encoder};
use trainer::{Dataset, ModelConfig};

use crate::support::{largest_difference, shared, train};

/// Both compute in f32 what lies in 0..1; sums of 32 to 128 products in another order differ by a few units in the last
/// place, 6e-8 each, and the sigmoid flattens them.
const TOLERANCE: f32 = 2e-6;

#[test]
fn runtime_computes_what_candle_computes_on_held_out_digits() {
    let (run, bundle) = shared();
    let model = run.load_best(&Device::Cpu).unwrap();
    let autoencoder = Autoencoder::load(&bundle.dir).unwrap();
    let test = Dataset::load(&run.config().unwrap().data).unwrap().test;
    let rows: Vec<u32> = (0..test.len() as u32).collect();
    let input = test.batch(&rows, &Device::Cpu).unwrap();
    let expected = model.reconstruct(&input).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let input = input.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let found = autoencoder.reconstruct(&input).unwrap();
    assert_eq!((found.rows(), found.columns()), (297, 64));
    assert!(largest_difference(found.as_slice(), &expected) < TOLERANCE);
}

#[test]
fn split_models_compose_to_full_model() {
    let (run, bundle) = shared();
    let dir = tempfile::tempdir().unwrap();
    let options = ExportOptions { layout: Layout::Whole, out: Some(dir.path().join("whole")), ..Default::default() };
    let whole = export(run, &options).unwrap();
    assert_eq!(whole.parity.graphs(), ["autoencoder"]);
    let whole = Encoder::from_bytes(&std::fs::read(whole.dir.join("autoencoder.onnx")).unwrap()).unwrap();
    let split = Autoencoder::load(&bundle.dir).unwrap();
    let rows: Vec<f32> = (0..640).map(|i| (i % 17) as f32 / 16.).collect();
    let (a, b) = (whole.encode(&rows).unwrap(), split.reconstruct(&rows).unwrap());
    assert!(largest_difference(a.as_slice(), b.as_slice()) < TOLERANCE);
}

#[test]
fn deeper_networks_and_every_opset_export() {
    let dir = tempfile::tempdir().unwrap();
    let run = train(&dir.path().join("run"), ModelConfig::dense(5, [48, 24]));
    for opset in 13..=21 {
        let bundle = export(&run, &ExportOptions { opset, ..Default::default() }).unwrap();
        assert_eq!(
            bundle.parity.graphs(),
            ["encoder", "decoder", "both", "scorer", "score", "p_value", "feature_error"]
        );
        let batches: Vec<usize> = bundle.parity.results.iter().map(|row| row.batch).collect();
        assert_eq!(batches, [1, 2, 17, 256].repeat(14));
        let autoencoder = Autoencoder::load(&bundle.dir).unwrap();
        assert_eq!((autoencoder.input_len(), autoencoder.latent_dim()), (64, 5));
    }
}

#[test]
fn a_row_has_the_same_code_in_every_batch() {
    let autoencoder = Autoencoder::load(&shared().1.dir).unwrap();
    let rows: Vec<f32> = (0..64 * 100).map(|i| (i * 7 % 17) as f32 / 16.).collect();
    let all = autoencoder.encode(&rows).unwrap();
    for (index, row) in rows.chunks(64).enumerate() {
        let alone = autoencoder.encode(row).unwrap();
        assert!(largest_difference(alone.row(0), all.row(index)) < 1e-5);
    }
    assert_eq!(autoencoder.encode(&[][..]).unwrap().rows(), 0);
}

#[test]
fn threads_share_one_autoencoder() {
    let autoencoder = Autoencoder::load(&shared().1.dir).unwrap();
    let rows: Vec<f32> = (0..64 * 40).map(|i| (i % 13) as f32 / 12.).collect();
    let expected = autoencoder.reconstruct(&rows).unwrap();
    std::thread::scope(|scope| {
        let compute = || assert_eq!(autoencoder.reconstruct(&rows).unwrap(), expected);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(compute)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn golden_rows_are_what_the_files_compute() {
    let dir = &shared().1.dir;
    let golden = Tensor::read_npz(dir.join("golden.npz")).unwrap();
    let values = |name: &str| {
        let (_, tensor) = golden.iter().find(|(found, _)| found == name).unwrap();
        assert_eq!(tensor.dims()[0], 10);
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let latent = Encoder::load(dir).unwrap().encode(&values("input")).unwrap();
    assert!(largest_difference(latent.as_slice(), &values("latent")) < 1e-5);
    let reconstruction = Decoder::load(dir).unwrap().decode(&latent).unwrap();
    assert!(largest_difference(reconstruction.as_slice(), &values("reconstruction")) < TOLERANCE);
}
