//! Pictures as bytes: what decoders give goes into the encoder as it is.

use std::fs;

use exporter::{ExportError, ExportOptions, InputType, export};
use runtime::{Autoencoder, Matrix};
use trainer::Dataset;

use crate::support::{fail, program, shared, succeed};

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

#[test]
fn the_runtime_takes_folders_of_pictures() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    for index in 0..40u8 {
        let picture = image::RgbImage::from_fn(12, 12, |x, y| image::Rgb([6 * index, 20 * x as u8, 20 * y as u8]));
        let class = dir.join("photos").join(["cats", "dogs"][usize::from(index % 2)]);
        fs::create_dir_all(&class).unwrap();
        picture.save(class.join(format!("{index:02}.png"))).unwrap();
    }
    let fit = ["fit", "--data", "photos", "--epochs", "60", "--out", "run", "--log-format", "plain"];
    succeed(program("trainer", dir).args(fit));
    succeed(program("exporter", dir).args(["--split", "run"]));
    succeed(program("exporter", dir).args(["--split", "run", "--input", "u8", "--out", "bytes"]));

    // The same latents from the pictures as floats, as bytes, and as the trainer's own rows.
    let encode = |bundle: &str, rows: &str| {
        succeed(program("runtime", dir).args(["encode", bundle, rows, "--out", "latents.csv"]));
        fs::read_to_string(dir.join("latents.csv")).unwrap()
    };
    let (floats, bytes) = (encode("run", "photos"), encode("bytes", "photos"));
    let numbers = |text: &str| text.split([',', '\n']).flat_map(str::parse).collect::<Vec<f32>>();
    let pairs = numbers(&floats).into_iter().zip(numbers(&bytes));
    // Latents of about 1, computed from x / 255 and from x.
    pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a}, {b}"));
    let one = encode("run", "photos/cats/02.png");
    assert_eq!(floats.lines().nth(1), one.lines().next());

    let scores = succeed(program("runtime", dir).args(["score", "run", "photos"]));
    let lines: Vec<&str> = scores.lines().collect();
    assert_eq!((lines.len(), lines[0]), (41, "file,score,p_value,is_anomaly"));
    assert!(lines[1].starts_with("cats/00.png,") && lines[40].starts_with("dogs/39.png,"), "{scores}");

    fs::write(dir.join("photos/cats/00.png"), "no picture").unwrap();
    let error = fail(program("runtime", dir).args(["encode", "run", "photos"]));
    assert!(error.contains("photos/cats/00.png: it is none of PNG, JPEG and WebP"), "{error}");
    let error = fail(program("runtime", dir).args(["decode", "run", "photos"]));
    assert!(error.contains("photos: expected rows of numbers for `latent`, found pictures"), "{error}");
}
