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
    /// The version of ONNX's operators, in 13..=21. Default: 17.
    pub opset: i64,
    /// The largest difference from candle that is allowed, relative to `max(1, |value|)`; finite, 0 or more. Default: 1e-5.
    pub tolerance: f32,
    /// Where the run's data is now. Default: where it was.
    pub data: Option<DataSource>,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { layout: Layout::Split, out: None, opset: DEFAULT_OPSET, tolerance: DEFAULT_TOLERANCE, data: None }
    }
}
