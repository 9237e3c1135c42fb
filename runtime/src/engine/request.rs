//! What an engine is asked to compute.

use onnx::ModelProto;

use crate::engine::signature::{Layout, Signature};
use crate::limits::Limits;

/// A graph, its input, and the outputs that are wanted of it.
pub(crate) struct Request<'a> {
    pub(crate) model: &'a ModelProto,
    pub(crate) input: &'a Signature,
    /// How rows lie in the input.
    pub(crate) layout: Layout,
    /// The wanted outputs' numbers among the graph's, and their names.
    pub(crate) wanted: &'a [(usize, String)],
    #[cfg_attr(not(feature = "tract"), allow(dead_code))]
    pub(crate) limits: &'a Limits,
}
