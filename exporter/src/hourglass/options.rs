//! How a run is exported.

use std::path::PathBuf;

use bundle::{RUN_BUNDLE, RUN_WHOLE_BUNDLE};
use onnx::DEFAULT_OPSET;
use trainer::DataSource;

/// The largest difference between candle and the runtime, unless the caller says otherwise.
const DEFAULT_TOLERANCE: f32 = 1e-5;

/// Which graphs a bundle has.
///
/// ```
/// assert_eq!(exporter::ExportOptions::default().layout, exporter::Layout::Split);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `encoder.onnx` and `decoder.onnx`.
    Split,
    /// `autoencoder.onnx`.
    Whole,
}

impl Layout {
    /// The bundle's folder in the folder of its run.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Split => RUN_BUNDLE,
            Self::Whole => RUN_WHOLE_BUNDLE,
        }
    }
}

/// What the encoder takes for a picture.
///
/// ```
/// assert_eq!(exporter::ExportOptions::default().input, exporter::InputType::F32);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputType {
    /// Floats in 0.0..=1.0, a row of `channels * height * width` values.
    #[default]
    F32,
    /// Bytes as decoders of pictures give them, `[batch, height, width, channels]`. The decoder then gives floats of the same
    /// shape, in 0.0..=255.0 where the byte 255 stands for white.
    U8,
}

/// How to export a run.
///
/// ```
/// use exporter::{ExportOptions, Layout};
/// let whole = ExportOptions { layout: Layout::Whole, tolerance: 1e-6, ..Default::default() };
/// assert_eq!((whole.opset, whole.out), (17, None));
/// ```
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Which graphs to write. Default: split.
    pub layout: Layout,
    /// Where to write them. Default: `onnx` in the run, or `onnx-whole` for [`Layout::Whole`].
    pub out: Option<PathBuf>,
    /// What the encoder takes for a picture. Default: floats.
    pub input: InputType,
    /// The version of ONNX's operators, in 13..=21. Default: 17.
    pub opset: i64,
    /// The largest difference from candle that is allowed, relative to `max(1, |value|)`; finite, 0 or more. Default: 1e-5.
    pub tolerance: f32,
    /// Where the run's data is now. Default: where it was.
    pub data: Option<DataSource>,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            layout: Layout::Split,
            out: None,
            input: InputType::F32,
            opset: DEFAULT_OPSET,
            tolerance: DEFAULT_TOLERANCE,
            data: None,
        }
    }
}
