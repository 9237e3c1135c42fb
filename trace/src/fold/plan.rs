//! The ways to write a node.

use crate::recording::Id;

/// The weights of a layer, as leaves, each with its name inside the layer.
pub(crate) type Weights = Vec<(&'static str, Id)>;

/// How a node is written.
#[derive(Debug)]
pub(crate) enum Plan {
    /// An input, a weight or a constant.
    Leaf,
    /// As it was recorded, on these nodes; broadcasts before it are left to ONNX.
    Operator(Vec<Id>),
    Linear {
        x: Id,
        layer: Weights,
    },
    /// `conv` is one of the recorded convolutions, whose settings hold for all groups.
    Conv {
        x: Id,
        conv: Id,
        layer: ConvLayer,
    },
    LayerNorm {
        x: Id,
        layer: Weights,
        epsilon: f64,
    },
    RmsNorm {
        x: Id,
        layer: Weights,
        epsilon: f64,
    },
    BatchNorm {
        x: Id,
        layer: Weights,
        epsilon: f64,
    },
    Softmax {
        x: Id,
        axis: usize,
    },
    Embedding {
        weight: Id,
        indices: Id,
    },
    Mean {
        x: Id,
        axes: Vec<usize>,
    },
    /// With zeros, or with the edges.
    Pad {
        x: Id,
        axis: usize,
        pads: [usize; 2],
        edge: bool,
    },
}

/// A convolution's weight and bias, and its groups.
#[derive(Debug)]
pub(crate) struct ConvLayer {
    pub(crate) weight: Id,
    /// A leaf of one dimension.
    pub(crate) bias: Option<Id>,
    pub(crate) groups: usize,
}

impl Plan {
    /// The nodes that must be written before.
    pub(crate) fn needs(&self) -> Vec<Id> {
        match self {
            Self::Leaf => vec![],
            Self::Operator(args) => args.clone(),
            Self::Linear { x, .. } | Self::BatchNorm { x, .. } | Self::LayerNorm { x, .. } => vec![*x],
            Self::RmsNorm { x, .. } | Self::Softmax { x, .. } | Self::Mean { x, .. } | Self::Pad { x, .. } => vec![*x],
            Self::Embedding { weight, indices } => vec![*weight, *indices],
            Self::Conv { x, layer, .. } => [*x, layer.weight].into_iter().chain(layer.bias).collect(),
        }
    }
}
