//! The layers a network is described with, and what each makes of the shape it is given.

use serde::{Deserialize, Serialize};

/// A layer wider than this is a slip of the keyboard: between two such layers lie 17 GB of weights.
pub(super) const WIDEST: usize = 1 << 16;

/// One layer of a network's description, as the lists `model.encoder` and `model.decoder` of a config hold it.
///
/// ```
/// let config: trainer::ModelConfig = toml::from_str(r#"
///     encoder = [
///         { layer = "conv", channels = 16 },
///         { layer = "relu" },
///         { layer = "max_pool" },
///         { layer = "linear", units = 32 },
///     ]
/// "#).unwrap();
/// let network = trainer::NetworkConfig::new(&config, [28, 28]).unwrap();
/// assert_eq!(network.to_string(), "784-conv16-32-3136-conv1-784"); // the decoder is the mirror image
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerConfig {
    /// Fully connected: `[batch, n] -> [batch, units]`, an image taken as one row; each step of a sequence alone,
    /// `[batch, steps, n] -> [batch, steps, units]`.
    Linear {
        /// From 1.
        units: usize,
    },
    /// Two-dimensional convolution: `[batch, c, h, w] -> [batch, channels, h', w']`.
    Conv {
        /// Channels it gives, from 1.
        channels: usize,
        /// Side of the window, from 1. Default 3.
        #[serde(default = "three")]
        kernel: usize,
        /// Steps between windows, from 1. Default 1.
        #[serde(default = "one")]
        stride: usize,
        /// Zeros around the image. Default half the kernel, which at stride 1 keeps the size; 0 shrinks it by `kernel - 1`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        padding: Option<usize>,
    },
    /// The largest value of each window, one beside the other; the last may be cut off: `h -> ceil(h / size)`.
    MaxPool {
        /// Side of the window, from 1. Default 2.
        #[serde(default = "two")]
        size: usize,
    },
    /// The mean of each window, one beside the other; what fills no window is left out: `h -> floor(h / size)`.
    AvgPool {
        /// Side of the window, from 1. Default 2.
        #[serde(default = "two")]
        size: usize,
    },
    /// Every pixel `size` times down and right: `h -> h * size`.
    Upsample {
        /// From 1. Default 2.
        #[serde(default = "two")]
        size: usize,
    },
    /// The top left part of an image.
    Crop {
        /// Rows to keep, from 1.
        height: usize,
        /// Columns to keep, from 1.
        width: usize,
    },
    /// A row as an image: `[batch, c * h * w] -> [batch, c, h, w]`.
    Reshape {
        /// From 1.
        channels: usize,
        /// From 1.
        height: usize,
        /// From 1.
        width: usize,
    },
    /// An image or a sequence as one row.
    Flatten,
    /// Long short-term memory over the steps of a sequence; the rows of an image are steps too.
    /// `[batch, steps, n] -> [batch, steps, units]`, or `[batch, units]`: the state after the last step.
    Lstm {
        /// From 1.
        units: usize,
        /// The state after every step, instead of the last alone. Default false.
        #[serde(default)]
        sequence: bool,
    },
    /// The same row at every step: `[batch, n] -> [batch, steps, n]`.
    Repeat {
        /// From 1.
        steps: usize,
    },
    /// In training, zeros for a random part of the values and the others scaled up in turn (Srivastava et al. 2014).
    Dropout {
        /// The part, in 0.0..1.0.
        rate: f64,
    },
    /// In training, Gaussian noise is added.
    Noise {
        /// Its standard deviation, from 0.
        deviation: f64,
    },
    /// max(x, 0)
    Relu,
    /// x, or 0.01 x below 0.
    LeakyRelu,
    /// x, or exp(x) - 1 below 0.
    Elu,
    /// x Phi(x), Phi the normal distribution's (Hendrycks and Gimpel 2016).
    Gelu,
    /// x sigmoid(x)
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

fn three() -> usize {
    3
}

/// What flows between layers, less the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Row(usize),
    Image { channels: usize, height: usize, width: usize },
    Sequence { steps: usize, features: usize },
}

impl Shape {
    /// Values in one row; nothing when they cannot be counted.
    pub(super) fn len(self) -> Option<usize> {
        match self {
            Self::Row(width) => Some(width),
            Self::Image { channels, height, width } => channels.checked_mul(height)?.checked_mul(width),
            Self::Sequence { steps, features } => steps.checked_mul(features),
        }
    }

    /// The dimensions after the batch.
    pub(super) fn dims(self) -> Vec<usize> {
        match self {
            Self::Row(width) => vec![width],
            Self::Image { channels, height, width } => vec![channels, height, width],
            Self::Sequence { steps, features } => vec![steps, features],
        }
    }

    /// The rows of a greyscale image as steps.
    pub(super) fn as_sequence(self) -> Option<(usize, usize)> {
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

impl LayerConfig {
    /// The layer's name, as written in a config.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Conv { .. } => "conv",
            Self::MaxPool { .. } => "max_pool",
            Self::AvgPool { .. } => "avg_pool",
            Self::Upsample { .. } => "upsample",
            Self::Crop { .. } => "crop",
            Self::Reshape { .. } => "reshape",
            Self::Flatten => "flatten",
            Self::Lstm { .. } => "lstm",
            Self::Repeat { .. } => "repeat",
            Self::Dropout { .. } => "dropout",
            Self::Noise { .. } => "noise",
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Elu => "elu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// One value in, one value out, nothing learnt, nothing random.
    pub(super) fn is_activation(&self) -> bool {
        use LayerConfig::*;
        matches!(self, Relu | LeakyRelu | Elu | Gelu | Silu | Tanh | Sigmoid)
    }

    /// Another shape for the same values.
    pub(super) fn is_shaping(&self) -> bool {
        matches!(self, Self::Reshape { .. } | Self::Flatten)
    }

    /// Whether it makes other values of those it is given, one by one aside.
    pub(super) fn computes(&self) -> bool {
        !self.is_activation() && !self.is_shaping() && !matches!(self, Self::Dropout { .. } | Self::Noise { .. })
    }

    /// The zeros that a convolution puts around an image.
    pub(super) fn padding(kernel: usize, padding: Option<usize>) -> usize {
        padding.unwrap_or(kernel / 2)
    }

    /// What the layer makes of `input`.
    pub(super) fn output(&self, input: Shape) -> Result<Shape, String> {
        self.check_settings()?;
        let image = || match input {
            Shape::Image { channels, height, width } => Ok((channels, height, width)),
            Shape::Row(width) => {
                Err(format!("expected an image, found {width} values; a `reshape` before it makes one of them"))
            }
            Shape::Sequence { .. } => Err(format!("expected an image, found {input}")),
        };
        let shape = match *self {
            Self::Linear { units } => match input {
                Shape::Sequence { steps, .. } => Shape::Sequence { steps, features: units },
                _ => Shape::Row(units),
            },
            Self::Conv { channels, kernel, stride, padding } => {
                let (_, height, width) = image()?;
                let around = 2 * Self::padding(kernel, padding);
                let windows = |side: usize| {
                    let room = (side + around).checked_sub(kernel);
                    room.map(|room| room / stride + 1).ok_or_else(|| {
                        format!("its window of {kernel} x {kernel} is larger than {input}, padding included")
                    })
                };
                Shape::Image { channels, height: windows(height)?, width: windows(width)? }
            }
            Self::MaxPool { size } => {
                let (channels, height, width) = image()?;
                if height == 1 && width == 1 {
                    return Err(format!("there is nothing left to pool: it is given {input}"));
                }
                if size > height.max(width) {
                    return Err(format!("its window of {size} x {size} is larger than {input}"));
                }
                Shape::Image { channels, height: height.div_ceil(size), width: width.div_ceil(size) }
            }
            Self::AvgPool { size } => {
                let (channels, height, width) = image()?;
                if height < size || width < size {
                    return Err(format!("its window of {size} x {size} is larger than {input}: nothing would be left"));
                }
                Shape::Image { channels, height: height / size, width: width / size }
            }
            Self::Upsample { size } => {
                let (channels, height, width) = image()?;
                let scaled = |side: usize| side.checked_mul(size).ok_or("the image would be too large");
                Shape::Image { channels, height: scaled(height)?, width: scaled(width)? }
            }
            Self::Crop { height, width } => {
                let (channels, rows, columns) = image()?;
                if height > rows || width > columns {
                    return Err(format!("expected an image of at least {height} x {width}, found {input}"));
                }
                Shape::Image { channels, height, width }
            }
            Self::Reshape { channels, height, width } => {
                let image = Shape::Image { channels, height, width };
                if image.len() != input.len() {
                    return Err(format!("{image} has another number of values than {input}"));
                }
                image
            }
            Self::Flatten => Shape::Row(input.len().ok_or("too many values")?),
            Self::Lstm { units, sequence } => {
                let (steps, _) = input.as_sequence().ok_or_else(|| {
                    format!("expected a sequence or a greyscale image, whose rows are steps, found {input}")
                })?;
                if sequence { Shape::Sequence { steps, features: units } } else { Shape::Row(units) }
            }
            Self::Repeat { steps } => match input {
                Shape::Row(features) => Shape::Sequence { steps, features },
                _ => return Err(format!("expected one row of values, found {input}")),
            },
            _ => input,
        };
        match shape.len() {
            Some(1..=MOST_VALUES) => Ok(shape),
            _ => Err(format!("it would give {shape}; expected at most {MOST_VALUES} values")),
        }
    }

    fn check_settings(&self) -> Result<(), String> {
        let counts: &[(&str, usize)] = match self {
            Self::Linear { units } | Self::Lstm { units, .. } => &[("units", *units)],
            Self::Conv { channels, kernel, stride, padding } => {
                // Zero is fine for padding alone.
                let padding = Self::padding(*kernel, *padding).max(1);
                &[("channels", *channels), ("kernel", *kernel), ("stride", *stride), ("padding", padding)]
            }
            Self::MaxPool { size } | Self::AvgPool { size } | Self::Upsample { size } => &[("size", *size)],
            Self::Crop { height, width } => &[("height", *height), ("width", *width)],
            Self::Reshape { channels, height, width } => {
                &[("channels", *channels), ("height", *height), ("width", *width)]
            }
            Self::Repeat { steps } => &[("steps", *steps)],
            _ => &[],
        };
        if let Some((setting, found)) = counts.iter().find(|(_, count)| !(1..=WIDEST).contains(count)) {
            return Err(format!("`{setting}`: expected 1 to {WIDEST}, found {found}"));
        }
        match *self {
            Self::Dropout { rate } if !(0. ..1.).contains(&rate) => {
                Err(format!("`rate`: expected 0.0..1.0, found {rate}"))
            }
            Self::Noise { deviation } if !(deviation >= 0. && deviation.is_finite()) => {
                Err(format!("`deviation`: expected 0 or more, found {deviation}"))
            }
            _ => Ok(()),
        }
    }
}

/// Values of one row between two layers: 256 rows of more do not fit 16 GB.
const MOST_VALUES: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Shape = Shape::Image { channels: 1, height: 28, width: 28 };

    fn conv(channels: usize) -> LayerConfig {
        LayerConfig::Conv { channels, kernel: 3, stride: 1, padding: None }
    }

    #[test]
    fn shapes_follow_the_layers() {
        let image = |channels, height, width| Shape::Image { channels, height, width };
        assert_eq!(conv(16).output(IMAGE), Ok(image(16, 28, 28)));
        let valid = LayerConfig::Conv { channels: 2, kernel: 5, stride: 2, padding: Some(0) };
        assert_eq!(valid.output(IMAGE), Ok(image(2, 12, 12)));
        assert_eq!(LayerConfig::MaxPool { size: 2 }.output(image(8, 7, 7)), Ok(image(8, 4, 4)));
        assert_eq!(LayerConfig::AvgPool { size: 2 }.output(image(8, 7, 7)), Ok(image(8, 3, 3)));
        assert_eq!(LayerConfig::Upsample { size: 3 }.output(image(8, 4, 5)), Ok(image(8, 12, 15)));
        assert_eq!(LayerConfig::Linear { units: 5 }.output(IMAGE), Ok(Shape::Row(5)));
        let steps = Shape::Sequence { steps: 28, features: 6 };
        assert_eq!(LayerConfig::Lstm { units: 6, sequence: true }.output(IMAGE), Ok(steps));
        assert_eq!(LayerConfig::Lstm { units: 6, sequence: false }.output(steps), Ok(Shape::Row(6)));
        assert_eq!(LayerConfig::Linear { units: 6 }.output(Shape::Sequence { steps: 28, features: 2 }), Ok(steps));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let refused = |layer: LayerConfig, input| layer.output(input).unwrap_err();
        assert!(refused(conv(8), Shape::Row(128)).contains("`reshape`"));
        let point = Shape::Image { channels: 8, height: 1, width: 1 };
        assert!(refused(LayerConfig::MaxPool { size: 2 }, point).contains("nothing left"));
        assert!(refused(LayerConfig::AvgPool { size: 2 }, point).contains("nothing would be left"));
        assert!(refused(LayerConfig::MaxPool { size: 65536 }, IMAGE).contains("larger than an image of 28 x 28"));
        let wide = LayerConfig::Conv { channels: 1, kernel: 30, stride: 1, padding: Some(0) };
        assert!(refused(wide, IMAGE).contains("larger than an image of 28 x 28"));
        assert!(refused(conv(0), IMAGE).contains("`channels`: expected 1 to"));
        assert!(refused(LayerConfig::Dropout { rate: 1. }, IMAGE).contains("0.0..1.0"));
        assert!(refused(LayerConfig::Upsample { size: 65536 }, IMAGE).contains("at most"));
        assert!(refused(LayerConfig::Reshape { channels: 3, height: 5, width: 5 }, IMAGE).contains("another number"));
        assert!(refused(LayerConfig::Lstm { units: 3, sequence: false }, Shape::Row(4)).contains("sequence"));
    }
}
