//! Tables, arrays, pictures, settings and checkpoints.

use std::fs;
use std::path::Path;

use image::ImageFormat;
use rows::Options;
use trainer::{Config, DataSource, Dataset, Preparation, Run, Silent, fit};

use crate::count;
use crate::mutate::{Mutator, peak_mib, survives};

/// Mutants of each kind of file.
const MUTANTS: usize = 1_000;

/// Tries damaged copies of a file at `path`, which `read` reads from there.
fn damage(path: &Path, seed: u8, read: impl Fn(&Path)) {
    let whole = fs::read(path).unwrap();
    survives("the file itself", &whole, || read(path));
    let mut mutator = Mutator::new(seed);
    for _ in 0..count(MUTANTS) {
        let mutant = mutator.mutant(&whole);
        fs::write(path, &mutant).unwrap();
        survives(&path.display().to_string(), &mutant, || read(path));
    }
    fs::write(path, whole).unwrap();
}

fn options() -> Options {
    Options::default()
}

#[test]
fn a_damaged_table_or_array_is_read_or_refused() {
    std::panic::set_hook(Box::new(|_| ()));
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("rows.csv");
    let line = |row: usize| {
        format!("{row},{},{},2026-01-{:02},word{}\n", row * 7 % 13, row as f32 / 3., row % 28 + 1, row % 3)
    };
    fs::write(&csv, "a,b,c,date,kind\n".to_owned() + &(0..60).map(line).collect::<String>()).unwrap();
    let as_table = |path: &Path| {
        let _ = rows::read(path, &options());
        let _ = Dataset::load_with(&DataSource::Path(path.into()), &Preparation::default());
    };
    damage(&csv, 2, as_table);

    let plain = dir.path().join("plain.csv");
    fs::write(&plain, (0..60).map(|row| format!("{row},{},{}\n", row * 7 % 13, row as f32 / 3.)).collect::<String>())
        .unwrap();
    for (seed, name) in [(3, "rows.npy"), (4, "rows.parquet")] {
        let path = dir.path().join(name);
        let runtime = program("runtime");
        let done =
            std::process::Command::new(runtime).arg("convert").arg(&plain).arg("--out").arg(&path).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        damage(&path, seed, as_table);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/0.1.0/digits/golden.npz");
    let npz = dir.path().join("rows.npz");
    fs::copy(golden, &npz).unwrap();
    damage(&npz, 5, as_table);
    assert!(peak_mib().is_none_or(|mib| mib < 2048), "{:?} MiB", peak_mib());
}

/// One of our programs.
fn program(name: &str) -> std::path::PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

#[test]
fn a_damaged_picture_or_idx_file_is_read_or_refused() {
    std::panic::set_hook(Box::new(|_| ()));
    let dir = tempfile::tempdir().unwrap();
    for (seed, name, format) in [(6, "png", ImageFormat::Png), (7, "jpg", ImageFormat::Jpeg)] {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        for number in 0..3u8 {
            let pixel = |x, y| image::Luma([(x * 7 + y * 13) as u8 ^ number]);
            let picture = image::GrayImage::from_fn(12, 12, pixel);
            picture.save_with_format(folder.join(format!("{number}.{name}")), format).unwrap();
        }
        let source = DataSource::Path(folder.clone());
        damage(&folder.join(format!("1.{name}")), seed, |_| {
            let _ = Dataset::load_with(&source, &Preparation::default());
        });
    }
    let folder = dir.path().join("idx");
    fs::create_dir(&folder).unwrap();
    for (images, labels, count) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 20u8),
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10),
    ] {
        let pixels: Vec<u8> = (0..usize::from(count) * 784).map(|index| (index * 31 % 251) as u8).collect();
        fs::write(folder.join(images), [&[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28], &pixels[..]].concat())
            .unwrap();
        let digits: Vec<u8> = (0..count).map(|index| index % 10).collect();
        fs::write(folder.join(labels), [&[0, 0, 8, 1, 0, 0, 0, count], &digits[..]].concat()).unwrap();
    }
    let source = DataSource::Path(folder.clone());
    damage(&folder.join("train-images-idx3-ubyte"), 8, |_| {
        let _ = Dataset::load_with(&source, &Preparation::default());
    });
}

#[test]
fn damaged_settings_and_weights_are_read_or_refused() {
    std::panic::set_hook(Box::new(|_| ()));
    let dir = tempfile::tempdir().unwrap();
    let config = Config { epochs: 2, ..Config::default() };
    let dataset = Dataset::load(&config.data).unwrap();
    let folder = dir.path().join("run");
    let run = Run::create(&folder, &config).unwrap();
    fit(&config, &dataset, &run, &mut Silent).unwrap();
    drop(run);
    for (seed, name) in [(9, "config.toml"), (10, "best.safetensors"), (11, "summary.json"), (12, "metrics.csv")] {
        damage(&folder.join(name), seed, |_| {
            let Ok(run) = Run::open(&folder) else { return };
            let _ = run.config();
            let _ = run.load_best(&candle_core::Device::Cpu);
            let _ = run.summary();
            let _ = run.metrics();
        });
    }
}
