//! Pictures as bytes: what decoders give goes into the encoder as it is.

use std::fs;

use exporter::{ExportError, ExportOptions, InputType, export};
use runtime::{Autoencoder, Matrix};
use trainer::Dataset;

use crate::support::{program, shared, succeed};

#[test]
fn an_encoder_of_bytes_computes_what_one_of_floats_does() {
    let (run, floats) = shared();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("bytes");
    let bundle = export(run, &ExportOptions { input: InputType::U8, out: Some(out), ..Default::default() }).unwrap();
    let [bytes, floats] = [&bundle.dir, &floats.dir].map(|dir| Autoencoder::load(dir).unwrap());
    let manifest = bytes.manifest().unwrap();
    assert_eq!((manifest.input.dtype.as_str(), &manifest.input.row_shape[..]), ("uint8", &[8, 8, 1][..]));
    assert_eq!(manifest.input.range, Some([0., 16.]));

    let test = Dataset::load(&run.config().unwrap().data).unwrap().test;
    let raw = Matrix::from_bytes(test.len(), test.width(), test.pixels()).unwrap();
    let prepared: Vec<f32> = raw.as_slice().iter().map(|byte| byte / 16.).collect();
    assert_eq!(bytes.encode(&raw).unwrap(), floats.encode(&prepared).unwrap());
    let pairs = bytes.score(&raw).unwrap().into_iter().zip(floats.score(&prepared).unwrap());
    pairs.for_each(|(found, expected)| assert!((found - expected).abs() < 1e-6, "{found}, {expected}"));
    assert!(bytes.is_anomaly(&raw).unwrap().iter().filter(|is_anomaly| **is_anomaly).count() < test.len() / 10);

    let mut none = raw.row(0).to_vec();
    none[7] = 0.5;
    let error = bytes.encode(&none).unwrap_err().to_string();
    assert_eq!(error, "input `input`: expected bytes, whole numbers from 0 to 255, found 0.5 in row 1");
}

#[test]
fn a_table_has_no_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (0..60).map(|i| format!("{},{}\n", i % 7, i % 11)).collect();
    fs::write(dir.path().join("rows.csv"), format!("a,b\n{rows}")).unwrap();
    let fit = ["fit", "--data", "rows.csv", "--epochs", "20", "--log-format", "plain"];
    succeed(program("trainer", dir.path()).args(fit));
    let run = trainer::Run::newest(dir.path().join("runs")).unwrap();
    let config = run.config().unwrap();
    let data = Some(trainer::DataSource::Path(dir.path().join(config.data.to_string())));
    let error = export(&run, &ExportOptions { input: InputType::U8, data, ..Default::default() }).unwrap_err();
    assert!(matches!(error, ExportError::Input), "{error}");
}
