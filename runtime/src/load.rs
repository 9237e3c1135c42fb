//! A graph from a bundle on disk.

use std::path::Path;

use bundle::{Manifest, locate};

use crate::engine::{Graph, Tensors};
use crate::error::Result;

/// The graph in `file` of the bundle at `path`, and what the bundle says about itself, of which `tensors` tells what the
/// graph shall compute.
pub(crate) fn load(path: &Path, file: &str, tensors: fn(&Manifest) -> Tensors) -> Result<(Graph, Manifest)> {
    let dir = locate(path)?;
    let manifest = Manifest::read(&dir)?;
    let bytes = manifest.read_file(&dir, file)?;
    let graph = Graph::from_bytes(&dir.join(file).display().to_string(), &bytes, &tensors(&manifest))?;
    Ok((graph, manifest))
}
