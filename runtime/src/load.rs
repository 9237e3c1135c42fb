//! A graph from a bundle on disk.

use std::path::Path;

use bundle::{Manifest, locate};

use crate::engine::{Graph, Tensors};
use crate::error::Result;

/// The graph in `file` of the bundle at `path`, and the bundle's manifest. `tensors` says which of the manifest's tensors the
/// graph computes.
pub(crate) fn load(path: &Path, file: &str, tensors: fn(&Manifest) -> Tensors) -> Result<(Graph, Manifest)> {
    let dir = locate(path)?;
    let manifest = Manifest::read(&dir)?;
    let bytes = manifest.read_file(&dir, file)?;
    let graph = Graph::from_bytes(&dir.join(file).display().to_string(), &bytes, &tensors(&manifest))?;
    Ok((graph, manifest))
}
