//! The shape of a row: what flows between layers, without the batch.

use std::fmt;

/// The shape of a row, without the batch.
///
/// ```
/// let image = bundle::Shape::Image { channels: 1, height: 28, width: 28 };
/// assert_eq!((image.len(), image.dims()), (Some(784), vec![1, 28, 28]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `[batch, width]`
    Row(usize),
    /// `[batch, channels, height, width]`
    Image {
        /// Values of a pixel.
        channels: usize,
        /// Pixels from top to bottom.
        height: usize,
        /// Pixels from left to right.
        width: usize,
    },
    /// `[batch, steps, features]`
    Sequence {
        /// Points in time.
        steps: usize,
        /// Values of a step.
        features: usize,
    },
}

impl Shape {
    /// Values in one row; nothing when they cannot be counted.
    #[allow(clippy::len_without_is_empty)] // A row without values has no shape.
    pub fn len(self) -> Option<usize> {
        match self {
            Self::Row(width) => Some(width),
            Self::Image { channels, height, width } => channels.checked_mul(height)?.checked_mul(width),
            Self::Sequence { steps, features } => steps.checked_mul(features),
        }
    }

    /// The dimensions after the batch.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Row(width) => vec![width],
            Self::Image { channels, height, width } => vec![channels, height, width],
            Self::Sequence { steps, features } => vec![steps, features],
        }
    }

    /// Steps and features, where the rows of a greyscale image are steps too.
    pub fn as_sequence(self) -> Option<(usize, usize)> {
        match self {
            Self::Sequence { steps, features } => Some((steps, features)),
            Self::Image { channels: 1, height, width } => Some((height, width)),
            _ => None,
        }
    }
}

impl Shape {
    /// Of an image, height and width, with the channels before them where there are several; nothing of others.
    ///
    /// ```
    /// assert_eq!(bundle::Shape::image(&[28, 28]).map(bundle::Shape::image_dims), Some(vec![28, 28]));
    /// assert_eq!(bundle::Shape::image(&[3, 64, 64]).map(bundle::Shape::image_dims), Some(vec![3, 64, 64]));
    /// ```
    pub fn image_dims(self) -> Vec<usize> {
        match self {
            Self::Image { channels: 1, height, width } => vec![height, width],
            Self::Image { channels, height, width } => vec![channels, height, width],
            _ => vec![],
        }
    }

    /// The image with these dimensions.
    pub fn image(dims: &[usize]) -> Option<Self> {
        match *dims {
            [height, width] => Some(Self::Image { channels: 1, height, width }),
            [channels, height, width] => Some(Self::Image { channels, height, width }),
            _ => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(width) => write!(f, "{width} values"),
            Self::Image { channels, height, width } => {
                let plural = if *channels == 1 { "" } else { "s" };
                write!(f, "an image of {height} x {width} with {channels} channel{plural}")
            }
            Self::Sequence { steps, features } => write!(f, "{steps} steps of {features} values"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_counted_have_no_length() {
        assert_eq!(Shape::Sequence { steps: 28, features: 3 }.len(), Some(84));
        assert_eq!(Shape::Image { channels: 2, height: usize::MAX, width: 1 }.len(), None);
    }

    #[test]
    fn a_greyscale_image_is_a_sequence_of_its_rows() {
        assert_eq!(Shape::Image { channels: 1, height: 8, width: 5 }.as_sequence(), Some((8, 5)));
        assert_eq!(Shape::Image { channels: 3, height: 8, width: 5 }.as_sequence(), None);
        assert_eq!(Shape::Row(40).as_sequence(), None);
    }
}
