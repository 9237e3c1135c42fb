//! The anomaly score, on a bundle of real digits.
#![allow(clippy::unwrap_used)]

use runtime::{Autoencoder, Error};

const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bundles/0.1.0/digits");

#[test]
fn the_score_of_a_row_is_the_mean_squared_error_of_its_reconstruction() {
    let autoencoder = Autoencoder::load(BUNDLE).unwrap();
    let rows: Vec<f32> = (0..3 * 64).map(|i| (i * 7 % 17) as f32 / 16.).collect();
    let reconstructions = autoencoder.reconstruct(&rows).unwrap();
    let scores = autoencoder.score(&rows).unwrap();
    assert_eq!(scores.len(), 3);
    for (score, (row, reconstruction)) in scores.iter().zip(rows.chunks(64).zip(reconstructions.iter())) {
        let squares = row.iter().zip(reconstruction).map(|(a, b)| f64::from(a - b).powi(2));
        assert!((score - squares.sum::<f64>() / 64.).abs() < 1e-7);
    }
}

#[test]
fn a_row_is_an_anomaly_above_the_threshold_of_the_bundle() {
    let autoencoder = Autoencoder::load(BUNDLE).unwrap();
    assert_eq!(autoencoder.threshold().unwrap().quantile, 0.99);
    // Its mean digit is near grey in the middle; stripes are no digit.
    let stripes: Vec<f32> = (0..64).map(|i| (i % 2) as f32).collect();
    let grey = autoencoder.decode(&[0.; 4][..]).unwrap();
    let rows = [&stripes[..], grey.row(0)].concat();
    assert_eq!(autoencoder.is_anomaly(&rows).unwrap(), [true, false]);
}

#[test]
fn without_a_threshold_scores_have_to_be_compared_by_the_caller() {
    let read = |name: &str| std::fs::read(format!("{BUNDLE}/{name}")).unwrap();
    let autoencoder = Autoencoder::from_bytes(&read("encoder.onnx"), &read("decoder.onnx")).unwrap();
    assert_eq!(autoencoder.score(&[0.5; 64][..]).unwrap().len(), 1);
    let error = autoencoder.is_anomaly(&[0.5; 64][..]).unwrap_err();
    assert!(matches!(error, Error::NoThreshold { .. }), "{error}");
}
