//! A graph from a bundle on disk.

use std::fs;
use std::path::Path;

use bundle::{MANIFEST_FILE, Manifest, Tensor, locate, printable};

use crate::engine::{Graph, GraphFile, Signature, Tensors};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// What a manifest says about one of its graphs.
pub(crate) struct Half<'a> {
    pub(crate) file: &'a str,
    pub(crate) input: &'a Tensor,
    /// Whether the graph has the input's name; a decoder may have another for what the encoder calls its mean.
    pub(crate) is_named: bool,
    pub(crate) output: &'a Tensor,
    /// A second output, if the graph has one of this name.
    pub(crate) second: Option<&'a str>,
}

/// The graph of the bundle at `path` that `half` names, and the bundle's manifest.
pub(crate) fn load(path: &Path, limits: &Limits, half: fn(&Manifest) -> Half) -> Result<(Graph, Manifest)> {
    let dir = locate(path)?;
    steady(&dir, || {
        let manifest = Manifest::read(&dir)?;
        let half = half(&manifest);
        let bytes = manifest.read_file(&dir, half.file, limits.bytes)?;
        let tensors = Tensors {
            row_shape: Some(half.input.row_shape.clone()),
            output: Some(half.output.name.clone()),
            second: half.second.map(str::to_owned),
            opset: Some(manifest.opset).filter(|&opset| opset != 0),
        };
        let name = dir.join(half.file).display().to_string();
        let graph = Graph::read(GraphFile { name: &name, bytes: &bytes, limits }, &tensors)?;
        let misfit =
            misfit(half.input, graph.input(), half.is_named).or_else(|| misfit(half.output, graph.output(), true));
        let claimed = manifest.log_variance.as_ref().filter(|_| half.second.is_some() && !graph.has_second_output());
        let missing = claimed
            .map(|tensor| format!("{MANIFEST_FILE} names an output `{}`, the graph has none", printable(&tensor.name)));
        match misfit.or(missing) {
            Some(reason) => Err(Error::graph(&name, reason)),
            None => Ok((graph, manifest.clone())),
        }
    })
}

/// What a graph has otherwise than the manifest says.
fn misfit(claimed: &Tensor, found: &Signature, is_named: bool) -> Option<String> {
    let differs = |what: &str, expected: String, found: String| {
        let name = printable(&claimed.name);
        Some(format!("{MANIFEST_FILE} says that {what} of `{name}` is {expected}, the graph has {found}"))
    };
    if is_named && claimed.name != found.name {
        return differs("the name", "this".into(), format!("`{}`", printable(&found.name)));
    }
    if claimed.row_len() != Some(found.row_len()) {
        return differs("a row", format!("{:?}", claimed.row_shape), format!("{:?}", found.row_shape));
    }
    if (claimed.dtype == "uint8") != found.is_bytes {
        let kind = if found.is_bytes { "uint8" } else { "float32" };
        return differs("the type", printable(&claimed.dtype), kind.into());
    }
    None
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
