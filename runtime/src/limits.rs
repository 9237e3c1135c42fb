//! What a file from a stranger may ask for.

use onnx::Outline;

/// Bytes of names, settings and shapes that a node may have on average.
const NODE_BYTES: usize = 4096;
/// How many times the bytes of its file weights may take in memory, beyond the first 64 MiB.
const GROWTH: usize = 8;
const FREE_WEIGHTS: usize = 64 << 20;

/// What a graph may ask for; one that asks for more is refused before it is prepared.
///
/// The defaults hold every bundle of `exporter --split` but the largest, and keep a file that was made to do harm below 256 MiB and one
/// second. To raise one:
///
/// ```
/// let mut limits = runtime::Limits::default();
/// limits.row_work *= 10;
/// let error = runtime::Encoder::from_bytes_within(b"no graph", &limits).err().unwrap();
/// assert!(error.to_string().starts_with("encoder: not an ONNX file"));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file: 1 GiB.
    pub bytes: usize,
    /// Nodes of a graph: 10,000, and a quarter of it where tract computes it. A node may have 4 KiB of names and settings on average.
    pub nodes: usize,
    /// Bytes of the weights in memory, counted again for each node that reads them: 1 GiB. A small file has less: 64 MiB and eight times
    /// its own bytes.
    pub weights: usize,
    /// Values of a row and of all tensors that are computed for it: 16,777,216.
    pub row_values: usize,
    /// Multiplications for a row, by and large: 2,147,483,648, twice what the preset `image` takes for the largest pictures that are trained.
    pub row_work: usize,
    /// Layers with weights: 1,000.
    pub layers: usize,
    /// Whether a graph may have operators of which the runtime cannot say beforehand what they take, such as loops: no.
    pub any_operator: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            nodes: 10_000,
            weights: 1 << 30,
            row_values: 1 << 24,
            row_work: 1 << 31,
            layers: 1_000,
            any_operator: false,
        }
    }
}

impl Limits {
    /// Fails where a file asks for too much before it is decoded.
    pub(crate) fn check_file(&self, bytes: &[u8]) -> Result<(), String> {
        within("bytes", "bytes", self.bytes, bytes.len())?;
        let outline = Outline::of(bytes).map_err(|error| error.to_string())?;
        within("nodes", "nodes", self.nodes, outline.nodes)?;
        self.check_weights(bytes.len(), outline.weights)?;
        within("nodes", "bytes of names and settings", self.nodes.saturating_mul(NODE_BYTES), outline.rest)
    }

    /// Fails where weights take too much memory for a file of `file_len` bytes.
    pub(crate) fn check_weights(&self, file_len: usize, found: usize) -> Result<(), String> {
        within(
            "weights",
            "bytes of weights",
            self.weights.min(FREE_WEIGHTS.saturating_add(file_len.saturating_mul(GROWTH))),
            found,
        )
    }
}

/// Fails where there is more of something than the limit of this name allows.
pub(crate) fn within(limit: &str, what: &str, most: usize, found: usize) -> Result<(), String> {
    let reason = || format!("expected at most {most} {what}, found {found}; the limit `{limit}` can be raised");
    if found <= most { Ok(()) } else { Err(reason()) }
}

#[cfg(test)]
mod tests {
    use onnx::{GraphProto, ModelProto, NodeProto, TensorProto};

    use super::*;

    #[test]
    fn what_a_file_asks_for_is_refused_before_it_is_decoded() {
        let limits = Limits { bytes: 1 << 20, nodes: 100, ..Limits::default() };
        let refused = |graph| {
            let bytes = ModelProto { graph: Some(graph), ..Default::default() }.to_bytes();
            limits.check_file(&bytes).unwrap_err()
        };
        let node = vec![NodeProto::default(); 101];
        assert_eq!(
            refused(GraphProto { node, ..Default::default() }),
            "expected at most 100 nodes, found 101; the limit `nodes` can be raised"
        );
        let long = NodeProto { name: "x".repeat(100 * NODE_BYTES), ..Default::default() };
        let error = refused(GraphProto { node: vec![long], ..Default::default() });
        assert!(error.starts_with("expected at most 409600 bytes of names and settings, found "), "{error}");
        let initializer = vec![TensorProto { raw_data: vec![0; 1 << 20], ..Default::default() }];
        let error = refused(GraphProto { initializer, ..Default::default() });
        assert!(error.starts_with("expected at most 1048576 bytes, found "), "{error}");
        let error = limits.check_weights(1000, 1 << 27).unwrap_err();
        assert_eq!(
            error,
            "expected at most 67116864 bytes of weights, found 134217728; the limit `weights` can be raised"
        );
    }
}
