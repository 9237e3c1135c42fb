//! Calibrates a bundle on other usual rows, without training: where it was sent, what is usual may be another thing.

use std::path::Path;

use bundle::{Calibration, FileEntry, MANIFEST_FILE, Manifest, SCORER_FILE};

use super::file::{self, wrong};
use super::on_kernels::Scorer;
use crate::error::Result;
use crate::limits::Limits;
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
    let bytes = file::with_calibration(&manifest.read_file(&dir, SCORER_FILE, Limits::default().bytes)?, &calibration)?;
    let old = manifest.file(&dir, SCORER_FILE)?.sha256.clone();
    let new = FileEntry::of(&bytes);
    manifest.files.insert(SCORER_FILE.into(), FileEntry { previous_sha256: Some(old), ..new.clone() });
    if let Some(info) = &mut manifest.scorer {
        info.calibration_rows = calibration.rows();
    }
    // In between, the manifest knows both scorers: the bundle is whole at any moment.
    replace(&dir.join(MANIFEST_FILE), &manifest.to_json())?;
    replace(&dir.join(SCORER_FILE), &bytes)?;
    manifest.files.insert(SCORER_FILE.into(), new);
    replace(&dir.join(MANIFEST_FILE), &manifest.to_json())?;
    Ok(calibration.rows())
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    bundle::write_whole(path, bytes).map_err(|error| wrong(format!("cannot write {}: {error}", path.display())))
}
