//! Calibrates a bundle on other usual rows, without training: where it was sent, what is usual may be another thing.

use std::fs;
use std::path::Path;

use bundle::{Calibration, FileEntry, MANIFEST_FILE, Manifest, SCORER_FILE};

use super::file::{self, wrong};
use super::on_kernels::Scorer;
use crate::error::Result;
use crate::matrix::MatrixView;

/// Calibrates the scorer of the bundle in `dir` on these usual rows, which should be others than those that trained, and gives their
/// number. `scorer.onnx` and `model.json` are written anew.
///
/// # Errors
///
/// As [`Scorer::load`] and [`Scorer::score`]; [`Error::Bundle`](crate::Error::Bundle) when there are no rows or one cannot be scored,
/// [`Error::Graph`](crate::Error::Graph) when a file cannot be written.
pub fn calibrate<'a>(dir: impl AsRef<Path>, rows: impl Into<MatrixView<'a>>) -> Result<usize> {
    let dir = bundle::locate(dir)?;
    let scorer = Scorer::load(&dir)?;
    let calibration = Calibration::new(scorer.score(rows)?)?;
    let mut manifest = Manifest::read(&dir)?;
    let bytes = file::with_calibration(&manifest.read_file(&dir, SCORER_FILE)?, &calibration)?;
    manifest.files.insert(SCORER_FILE.into(), FileEntry::of(&bytes));
    if let Some(info) = &mut manifest.scorer {
        info.calibration_rows = calibration.rows();
    }
    for (name, bytes) in [(SCORER_FILE, bytes), (MANIFEST_FILE, manifest.to_json())] {
        replace(&dir.join(name), &bytes)?;
    }
    Ok(calibration.rows())
}

/// Writes a file beside its place and moves it there.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension(format!("{}.partial", std::process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        wrong(format!("cannot write {}: {error}", path.display()))
    })
}
