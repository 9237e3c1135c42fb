//! From a run to a bundle: trace, check, write aside, prove, and only then move into place.

mod autoencoder;
mod manifest;
mod parity;
mod rows;
mod staging;

use std::path::PathBuf;

use candle_core::Device;
use onnx::DEFAULT_OPSET;
use trainer::{Autoencoder, DataSource, Dataset, Run};

pub use parity::{Parity, ParityRow};

use crate::{Error, Model, Result};
use autoencoder::Whole;
use manifest::Manifest;
use rows::HeldOut;
use staging::Staging;

/// The largest difference between candle and the portable runtime, unless the caller says otherwise.
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

/// How to export a run.
///
/// ```
/// use exporter::{ExportOptions, Layout};
/// let whole = ExportOptions { layout: Layout::Whole, tolerance: 1e-6, ..Default::default() };
/// assert_eq!((whole.opset, whole.out), (17, None));
/// ```
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Which graphs to write. Default split.
    pub layout: Layout,
    /// Where to write them. Default `onnx` in the run, or `onnx-whole` for [`Layout::Whole`].
    pub out: Option<PathBuf>,
    /// The version of ONNX's operators, 13 to 21. Default 17.
    pub opset: i64,
    /// The largest difference from candle, relative to `max(1, |value|)`. Default 1e-5.
    pub tolerance: f32,
    /// Where the run's data is now. Default: where it was.
    pub data: Option<DataSource>,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { layout: Layout::Split, out: None, opset: DEFAULT_OPSET, tolerance: DEFAULT_TOLERANCE, data: None }
    }
}

/// A finished bundle.
///
/// ```no_run
/// # fn main() -> exporter::Result<()> {
/// let bundle = exporter::export(&trainer::Run::newest("runs")?, &Default::default())?;
/// assert!(bundle.dir.join("encoder.onnx").is_file());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Its folder.
    pub dir: PathBuf,
    /// Each file's name and length in bytes.
    pub files: Vec<(String, u64)>,
    /// The proof.
    pub parity: Parity,
}

/// Exports the best weights of `run` and proves that the files compute what candle computes, on rows that were never
/// trained on. The same run gives the same bytes.
///
/// ```no_run
/// use exporter::{ExportOptions, export};
/// # fn main() -> exporter::Result<()> {
/// let run = trainer::Run::newest("runs")?;
/// let bundle = export(&run, &ExportOptions { opset: 13, ..Default::default() })?;
/// let (absolute, relative) = bundle.parity.worst("encoder").unwrap_or_default();
/// println!("{}: {absolute:e} absolute, {relative:e} relative", bundle.dir.display());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`Error::Parity`] when they do not; [`Error::Data`] when the run's data has changed; [`Error::Occupied`] when `out`
/// holds something else (the run's own folder is the exporter's: what is called as a bundle's files are is replaced).
/// No bundle that looks finished is left behind, and an older one is left as it was.
pub fn export(run: &Run, options: &ExportOptions) -> Result<Bundle> {
    if !(options.tolerance.is_finite() && options.tolerance >= 0.) {
        return Err(Error::Tolerance { found: options.tolerance });
    }
    let summary = run.summary()?;
    let model = run.load_best(&Device::Cpu)?;
    let default_name = if options.layout == Layout::Split { "onnx" } else { "onnx-whole" };
    let graphs = graphs(&model, options)?;
    let dataset = load_data(run, options, &summary)?;
    let rows = HeldOut::new(&dataset.test, &model)?;
    let (out, staging) = match &options.out {
        Some(out) => (out.clone(), Staging::new(out)?),
        None => {
            let own = run.dir().join(default_name);
            let staging = Staging::over(&own)?;
            (own, staging)
        }
    };
    for (name, graph) in graphs {
        staging.write(name, &graph.to_bytes())?;
    }
    rows.write_golden(&staging.path("golden.npz"))?;
    let parity = match options.layout {
        Layout::Split => parity::prove_split(staging.dir(), &rows, options.tolerance)?,
        Layout::Whole => parity::prove_whole(staging.dir(), &rows, options.tolerance)?,
    };
    staging.write("parity.json", &parity.to_json())?;
    let manifest = Manifest::new(&summary, &run.config()?, &model, options, &staging)?;
    staging.write(manifest::NAME, &manifest.to_json())?;
    let files = staging.publish()?;
    Ok(Bundle { dir: out, files, parity })
}

fn graphs(model: &Autoencoder, options: &ExportOptions) -> Result<Vec<(&'static str, Model)>> {
    let network = model.network();
    let names = network.to_string();
    let (input, latent) = (("batch", network.input_dim()), ("batch", network.latent_dim()));
    Ok(match options.layout {
        Layout::Split => {
            let encoder = Model::build("encoder", options.opset, |graph| {
                let x = graph.input("input", input)?;
                autoencoder::encoder(model, graph, x)
            });
            let decoder =
                Model::trace(model.decoder()).name("decoder").input("latent", latent).output("reconstruction");
            vec![
                ("encoder.onnx", encoder?.with_metadata("network", &names)?),
                ("decoder.onnx", decoder.opset(options.opset).metadata("network", &names).build()?),
            ]
        }
        Layout::Whole => {
            let whole = Whole(model);
            let whole = Model::trace(&whole).name("autoencoder").input("input", input).output("reconstruction");
            vec![("autoencoder.onnx", whole.opset(options.opset).metadata("network", &names).build()?)]
        }
    })
}

fn load_data(run: &Run, options: &ExportOptions, summary: &trainer::Summary) -> Result<Dataset> {
    let source = match &options.data {
        Some(source) => source.clone(),
        None => run.config()?.data,
    };
    let dataset = Dataset::load(&source)?;
    let (expected, found) = (&summary.data.fingerprint, dataset.fingerprint());
    if *expected != found {
        let short = |hash: &str| hash.chars().take(12).collect();
        return Err(Error::Data { data: source.to_string(), expected: short(expected), found: short(&found) });
    }
    Ok(dataset)
}
