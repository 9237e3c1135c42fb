//! Each reader of files, as a function of bytes: it gives a result or an error, and neither panics nor takes long.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use bundle::Manifest;
use candle_core::Device;
use runtime::{Autoencoder, Encoder, Limits, ScoredRows, Scorer};
use tempfile::TempDir;
use trainer::{DataSource, Dataset, Preparation, Run};

/// Takes bytes as those of one kind of file.
pub type Reader = fn(&[u8]);

/// Every reader by its name, which is that of the folders of its seeds and findings too.
pub const READERS: [(&str, Reader); 9] = [
    ("graph", graph),
    ("scorer", scorer),
    ("manifest", manifest),
    ("rows", rows),
    ("table", table),
    ("picture", picture),
    ("idx", idx),
    ("checkpoint", checkpoint),
    ("config", config),
];

/// The path of a file with these bytes; the folder is the same for each process.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    // In memory where there is such a folder.
    let memory = PathBuf::from("/dev/shm");
    let folder = FOLDER.get_or_init(|| if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap());
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// A bundle of the repository, whose files others stand beside.
fn known(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/bundles/0.1.0/digits");
    fs::read(folder.join(name)).unwrap()
}

pub fn graph(bytes: &[u8]) {
    // So little that thousands can be tried in a second.
    let mut limits = Limits::default();
    (limits.row_values, limits.row_work, limits.nodes) = (1 << 20, 1 << 24, 1000);
    let encode = |encoder: runtime::Result<Encoder>| {
        if let Ok(encoder) = encoder {
            let _ = encoder.encode(&vec![0.5; 2 * encoder.input_len()]);
        }
    };
    encode(Encoder::from_bytes_within(bytes, &limits));
}

pub fn scorer(bytes: &[u8]) {
    let autoencoder = Autoencoder::from_bytes(&known("encoder.onnx"), &known("decoder.onnx")).unwrap();
    let row = vec![0.5; autoencoder.input_len()];
    if let Ok(scorer) = Scorer::from_bytes(autoencoder, bytes, ScoredRows::Plain(1.)) {
        let _ = scorer.explain(&row);
    }
}

pub fn manifest(bytes: &[u8]) {
    let path = file("bundle/model.json", bytes);
    let _ = Manifest::read(path.parent().unwrap());
}

/// CSV, `.npy`, `.npz` or Parquet, which are told apart by how they begin.
pub fn rows(bytes: &[u8]) {
    let path = file("rows", bytes);
    let _ = rows::read(&path, &rows::Options::default());
    let blocks = rows::Blocks::open(&path, &rows::Options::default());
    let _ = blocks.map(|blocks| blocks.take(100).filter(Result::is_ok).count());
}

pub fn table(bytes: &[u8]) {
    let path = file("table.csv", bytes);
    let _ = Dataset::load_with(&DataSource::Path(path), &Preparation::default());
}

pub fn picture(bytes: &[u8]) {
    for end in ["png", "jpg", "webp"] {
        let path = file(&format!("picture.{end}"), bytes);
        let header = rows::picture_header(&path);
        if header.is_ok() {
            let size = rows::PictureSize { size: [8, 8], channels: 3, resized: true };
            let _ = rows::picture_pixels(&path, size);
        }
    }
}

pub fn idx(bytes: &[u8]) {
    let path = file("idx/train-images-idx3-ubyte", bytes);
    let source = DataSource::Path(path.parent().unwrap().into());
    let _ = Dataset::load_with(&source, &Preparation::default());
}

pub fn checkpoint(bytes: &[u8]) {
    let path = file("run/best.safetensors", bytes);
    fs::write(path.with_file_name("config.toml"), "").unwrap();
    if let Ok(run) = Run::open(path.parent().unwrap()) {
        let _ = run.load_best(&Device::Cpu);
    }
}

pub fn config(bytes: &[u8]) {
    let path = file("settings/config.toml", bytes);
    if let Ok(run) = Run::open(path.parent().unwrap()) {
        let _ = run.config();
    }
}
