//! How layers ask for the shape of their input, without the batch.

use bundle::Shape;

/// Channels, height and width of a layer's input, which must be an image.
pub(super) fn expect_image(input: Shape) -> Result<[usize; 3], String> {
    match input {
        Shape::Image { channels, height, width } => Ok([channels, height, width]),
        Shape::Row(width) => {
            Err(format!("expected an image, found {width} values; put a `reshape` before it, which makes one of them"))
        }
        Shape::Sequence { .. } => Err(format!("expected an image, found {input}")),
    }
}

/// Steps and features of a layer's input, which must be a sequence.
pub(super) fn expect_sequence(input: Shape) -> Result<[usize; 2], String> {
    let (steps, features) = input.as_sequence().ok_or_else(|| {
        format!("expected a sequence or an image with one channel, whose rows are steps, found {input}")
    })?;
    Ok([steps, features])
}

/// The length of a shape that has passed the network's check.
pub(in crate::model) fn checked_len(shape: Shape) -> usize {
    shape.dims().iter().product()
}

/// Layers that lengthen a sequence: the mirror image of a layer that made it shorter.
pub(super) trait EnlargeSteps: Sized {
    /// The layers that multiply the steps of the sequence `small` by `factor` and cut it to `to` steps, where it comes out longer.
    fn enlarge_steps(small: Shape, factor: usize, to: usize) -> Result<Vec<Self>, String>;
}

/// Layers that enlarge an image: the mirror image of a layer that made it smaller.
pub(super) trait Enlarge: Sized {
    /// The layers that multiply the image `small` by `factor` and cut it to `to`, height and width, where it comes out larger.
    fn enlarge(small: Shape, factor: usize, to: [usize; 2]) -> Result<Vec<Self>, String>;
}
