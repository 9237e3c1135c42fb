//! Shapes as the layers' rules use them: what flows between layers, less the batch.

/// The shape of a row, less the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Shape {
    Row(usize),
    Image { channels: usize, height: usize, width: usize },
    Sequence { steps: usize, features: usize },
}

impl Shape {
    /// Values in one row; nothing when they cannot be counted.
    pub(in crate::model) fn len(self) -> Option<usize> {
        match self {
            Self::Row(width) => Some(width),
            Self::Image { channels, height, width } => channels.checked_mul(height)?.checked_mul(width),
            Self::Sequence { steps, features } => steps.checked_mul(features),
        }
    }

    /// The dimensions after the batch.
    pub(in crate::model) fn dims(self) -> Vec<usize> {
        match self {
            Self::Row(width) => vec![width],
            Self::Image { channels, height, width } => vec![channels, height, width],
            Self::Sequence { steps, features } => vec![steps, features],
        }
    }

    /// The rows of a greyscale image as steps.
    pub(in crate::model) fn as_sequence(self) -> Option<(usize, usize)> {
        match self {
            Self::Sequence { steps, features } => Some((steps, features)),
            Self::Image { channels: 1, height, width } => Some((height, width)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row(width) => write!(f, "{width} values"),
            Self::Image { channels, height, width } => {
                write!(f, "an image of {height} x {width} with {channels} channels")
            }
            Self::Sequence { steps, features } => write!(f, "{steps} steps of {features} values"),
        }
    }
}

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

/// The length of a shape that the network's check let pass.
pub(in crate::model) fn checked_len(shape: Shape) -> usize {
    shape.dims().iter().product()
}

/// Layers that enlarge an image: the mirror image of a layer that made it smaller.
pub(super) trait Enlarge: Sized {
    /// The layers that multiply the image `small` by `factor` and cut it to `to`, height and width, where it comes out larger.
    fn enlarge(small: Shape, factor: usize, to: [usize; 2]) -> Result<Vec<Self>, String>;
}
