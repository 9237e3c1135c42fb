//! A graph from a bundle on disk.

use std::path::Path;

use bundle::{Manifest, locate};

use crate::engine::Graph;
use crate::error::Result;

/// The graph in `file` of the bundle at `path`, and what the bundle says about itself.
pub(crate) fn load(path: &Path, file: &str) -> Result<(Graph, Manifest)> {
    let dir = locate(path)?;
    let manifest = Manifest::read(&dir)?;
    let bytes = manifest.read_file(&dir, file)?;
    Ok((Graph::from_bytes(&dir.join(file).display().to_string(), &bytes)?, manifest))
}
