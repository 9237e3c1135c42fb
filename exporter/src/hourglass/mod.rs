//! Exports our own runs: traces the network, checks the graphs, writes them to a temporary folder, verifies them there, and
//! only then moves them into place.

mod autoencoder;
mod error;
mod held_out;
mod known;
mod layers;
mod manifest;
mod options;
mod parity;
mod preprocessing;
mod raw_rows;
mod scored;
mod scorer;
mod staging;

use std::path::PathBuf;

use bundle::{
    AUTOENCODER_FILE, DECODER_FILE, ENCODER_FILE, GOLDEN_FILE, INPUT, LATENT, MANIFEST_FILE, Manifest, PARITY_FILE,
    RECONSTRUCTION, SCORER_FILE, quoted,
};
use candle_core::Device;
use trainer::{Autoencoder, Dataset, Run};

pub use error::ExportError;
pub use options::{ExportOptions, InputType, Layout};
pub use parity::{Parity, ParityRow};

use crate::error::Result;
use crate::model::Model;
use autoencoder::{Decoder, Whole};
use held_out::HeldOut;
use manifest::Trained;
use raw_rows::RawRows;
use scorer::{Scorer, as_given};
use staging::Staging;

/// A finished bundle.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
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
    /// What verification found.
    pub parity: Parity,
}

/// Exports the best weights of `run` and verifies on held-out rows that the files compute what candle computes. The same
/// run gives the same bytes.
///
/// ```no_run
/// use exporter::{ExportOptions, export};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let run = trainer::Run::newest("runs")?;
/// let bundle = export(&run, &ExportOptions { opset: 13, ..Default::default() })?;
/// let (absolute, relative) = bundle.parity.worst("encoder").unwrap_or_default();
/// println!("{}: {absolute:e} absolute, {relative:e} relative", bundle.dir.display());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`ExportError::Parity`] when they do not; [`ExportError::Data`] when the run's data has changed;
/// [`ExportError::Occupied`] when `out` holds something else. In the run's own folder, files with the names of a bundle's
/// are replaced. No bundle that looks finished is left behind, and an older one is left as it was.
pub fn export(run: &Run, options: &ExportOptions) -> Result<Bundle, ExportError> {
    if !(options.tolerance.is_finite() && options.tolerance >= 0.) {
        return Err(ExportError::Tolerance { found: options.tolerance });
    }
    let trained = Trained { summary: run.summary()?, config: run.config()?, model: run.load_best(&Device::Cpu)? };
    let dataset = load_data(run, &trained, options)?;
    let form = RawRows::new(&dataset.test, trained.model.network(), options.input)?;
    let detector = run.detector()?.map(|detector| as_given(detector, &form));
    let detector = detector.filter(|_| options.layout == Layout::Split);
    let mut graphs = graphs(&trained.model, &form, options)?;
    if let Some(detector) = &detector {
        let scorer = Scorer { model: &trained.model, form: &form, detector };
        let scorer = Model::build("scorer", options.opset, |graph| scorer.build(graph))?;
        graphs.push((SCORER_FILE, scorer.with_metadata("network", &trained.model.network().to_string())?));
    }
    let rows =
        HeldOut::new(&dataset.test, &trained.model, &form)?.with_detector(detector.as_ref(), options.tolerance)?;
    let (out, staging) = match &options.out {
        Some(out) => (out.clone(), Staging::new(out)?),
        None => {
            let own = run.dir().join(options.layout.folder());
            let staging = Staging::over(&own)?;
            (own, staging)
        }
    };
    for (name, graph) in graphs {
        staging.write(name, &graph.to_bytes())?;
    }
    rows.write_golden(&staging.path(GOLDEN_FILE))?;
    let parity = match options.layout {
        Layout::Split => parity::verify_split(staging.dir(), &rows, options.tolerance)?,
        Layout::Whole => parity::verify_whole(staging.dir(), &rows, options.tolerance)?,
    };
    staging.write(PARITY_FILE, &parity.to_json())?;
    let manifest = Manifest {
        scorer: detector.as_ref().map(scorer::describe),
        ..trained.manifest(options, (&dataset.test, &form), staging.entries()?)
    };
    staging.write(MANIFEST_FILE, &manifest.to_json())?;
    let files = staging.publish()?;
    Ok(Bundle { dir: out, files, parity })
}

fn graphs(model: &Autoencoder, form: &RawRows, options: &ExportOptions) -> Result<Vec<(&'static str, Model)>> {
    let network = model.network();
    let names = network.to_string();
    Ok(match options.layout {
        Layout::Split => {
            let encoder = Model::build("encoder", options.opset, |graph| {
                let x = graph.input_of(form.element_type(), INPUT, form)?;
                autoencoder::encoder(model, form, graph, x)
            });
            let decoder = Decoder { model, form };
            let decoder = Model::trace(&decoder).name("decoder").input(LATENT, ("batch", network.latent_dim()));
            let decoder = decoder.output(RECONSTRUCTION).opset(options.opset).metadata("network", &names);
            vec![(ENCODER_FILE, encoder?.with_metadata("network", &names)?), (DECODER_FILE, decoder.build()?)]
        }
        Layout::Whole => {
            let whole = Whole { model, form };
            let whole = Model::trace(&whole).name("autoencoder").input_of(form.element_type(), INPUT, form);
            let whole = whole.output(RECONSTRUCTION).opset(options.opset).metadata("network", &names);
            vec![(AUTOENCODER_FILE, whole.build()?)]
        }
    })
}

/// The rows that the run was trained on.
fn load_data(run: &Run, trained: &Trained, options: &ExportOptions) -> Result<Dataset, ExportError> {
    let source = options.data.as_ref().unwrap_or(&trained.config.data);
    let load = if options.data.is_some() { Dataset::load_with } else { Dataset::load_again };
    let dataset = load(source, &trained.config.preparation())?;
    let (expected, found) = (&trained.summary.data.fingerprint, dataset.fingerprint());
    if *expected != found {
        let short = |hash: &str| hash.chars().take(12).collect();
        let advice = match &options.data {
            Some(_) => format!("the run's own data is `{}`", trained.config.data),
            None => {
                let config = quoted(&run.dir().join("config.toml"));
                format!("`--data` says where those are now, and `trainer fit --config {config}` trains on the others")
            }
        };
        let (data, expected, found) = (source.to_string(), short(expected), short(&found));
        return Err(ExportError::Data { data, expected, found, advice });
    }
    Ok(dataset)
}
