//! MNIST's test images.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;

/// The number of images.
pub const ROWS: usize = 10_000;

/// All test images, `[10000, 784]`, pixels in 0.0..=1.0.
pub fn test_rows(dir: &Path) -> Result<Vec<f32>> {
    let path = dir.join("t10k-images-idx3-ubyte.gz");
    let file = fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = Vec::new();
    MultiGzDecoder::new(file).read_to_end(&mut bytes)?;
    ensure!(bytes.len() == 16 + ROWS * 784, "{}: expected 10,000 images of 28 x 28", path.display());
    Ok(bytes[16..].iter().map(|&byte| f32::from(byte) / 255.).collect())
}
