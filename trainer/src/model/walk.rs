//! A list of layers followed from shape to shape.

use bundle::Shape;

use super::layers::LayerConfig;
use crate::error::{Error, Result};

/// Follows the shape through `layers`, telling `visit` each layer's index and input, and returns the last one's output.
pub(super) fn walk(
    stack: &'static str,
    layers: &[LayerConfig],
    start: Shape,
    mut visit: impl FnMut(usize, &LayerConfig, Shape),
) -> Result<Shape> {
    layers.iter().enumerate().try_fold(start, |shape, (index, layer)| {
        visit(index, layer, shape);
        layer.output(shape).map_err(|reason| layer_error(stack, index, layer, reason))
    })
}

/// An error at layer `index` of `stack`.
pub(super) fn layer_error(stack: &'static str, index: usize, layer: &LayerConfig, reason: String) -> Error {
    Error::Layer { layer: format!("{stack}.{index}"), kind: layer.name(), reason }
}
