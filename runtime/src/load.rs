//! A graph from a bundle on disk.

use std::fs;
use std::path::Path;

use bundle::{MANIFEST_FILE, Manifest, locate};

use crate::engine::{Graph, Tensors};
use crate::error::Result;

/// The graph in `file` of the bundle at `path`, and the bundle's manifest. `tensors` says which of the manifest's tensors the
/// graph computes.
pub(crate) fn load(path: &Path, file: &str, tensors: fn(&Manifest) -> Tensors) -> Result<(Graph, Manifest)> {
    let dir = locate(path)?;
    steady(&dir, || {
        let manifest = Manifest::read(&dir)?;
        let bytes = manifest.read_file(&dir, file)?;
        let graph = Graph::from_bytes(&dir.join(file).display().to_string(), &bytes, &tensors(&manifest))?;
        Ok((graph, manifest))
    })
}

/// What `work` loads from the bundle in `dir`; again where another export replaced the bundle meanwhile.
pub(crate) fn steady<T>(dir: &Path, work: impl Fn() -> Result<T>) -> Result<T> {
    const ATTEMPTS: usize = 8;
    let stamp = || {
        let manifest = fs::metadata(dir.join(MANIFEST_FILE)).ok()?;
        Some((manifest.modified().ok()?, manifest.len()))
    };
    for _ in 1..ATTEMPTS {
        let before = stamp();
        let loaded = work();
        if stamp() == before {
            return loaded;
        }
    }
    work()
}
