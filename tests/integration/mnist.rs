//! The real MNIST, where it is at hand: beside the repository in `shared/data/mnist`, or where `HOURGLASS_MNIST` points.

use std::io::Write;
use std::path::PathBuf;

use crate::support::largest_difference;
use candle_core::Device;
use exporter::{ExportOptions, export};
use runtime::Autoencoder;
use trainer::{Config, DataSource, Dataset, OptimizerConfig, Outcome, Preset, Run, Silent, Validation, fit};

fn mnist() -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/mnist"));
    let dir = std::env::var_os("HOURGLASS_MNIST").map_or(beside, PathBuf::from);
    // Bars instead of digits, for the documents' commands on a machine without MNIST.
    let is_stand_in = dir.join("stand-in").exists();
    (dir.is_dir() && !is_stand_in).then_some(dir)
}

/// Speaks past the test harness, which hides what a passing test prints.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[test]
fn one_epoch_of_mnist_learns_and_exports() {
    let Some(dir) = mnist() else {
        say(
            "skipped: one_epoch_of_mnist_learns_and_exports finds no MNIST in ../shared/data/mnist or $HOURGLASS_MNIST",
        );
        return;
    };
    let source = DataSource::Path(dir);
    let dataset = Dataset::load(&source).unwrap();
    assert_eq!((dataset.train.len(), dataset.test.len(), dataset.image_shape()), (60_000, 10_000, vec![28, 28]));
    // Enough for PCA on the slowest machine.
    let baseline_seconds = Some(600.);
    let config =
        Config { epochs: 1, validation: Validation::Test, baseline_seconds, ..Config::preset(Preset::Simple, source) };
    let temporary = tempfile::tempdir().unwrap();
    let run = Run::create(temporary.path().join("run"), &config).unwrap();
    let outcome = fit(&config, &dataset, &run, &mut Silent).unwrap();
    let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
    // Predicting the mean image costs 0.2625; one epoch of Adam comes to about 0.19.
    assert!(summary.test.metrics.bce.unwrap() < 0.21, "{summary:?}");
    // 0.01683 is PCA's error when all 60,000 rows are fitted, by an independent computation.
    let pca = summary.pca.unwrap().metrics.mse;
    assert!((pca - 0.01683).abs() < 1e-4, "{pca}");

    let bundle = export(&run, &ExportOptions::default()).unwrap();
    let autoencoder = Autoencoder::load(&bundle.dir).unwrap();
    let model = run.load_best(&Device::Cpu).unwrap();
    let rows: Vec<u32> = (0..10_000).collect();
    let (mut latent_difference, mut difference) = (0f32, 0f32);
    for rows in rows.chunks(1000) {
        let input = dataset.test.batch(rows, &Device::Cpu).unwrap();
        let latent = model.encode(&input).unwrap();
        let expected = model.decode(&latent).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let latent = latent.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let input = input.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let found_latent = autoencoder.encode(&input).unwrap();
        let found = autoencoder.decode(&found_latent).unwrap();
        let relative = |(found, expected): (&f32, &f32)| (found - expected).abs() / expected.abs().max(1.);
        latent_difference = found_latent.as_slice().iter().zip(&latent).map(relative).fold(latent_difference, f32::max);
        difference = difference.max(largest_difference(found.as_slice(), &expected));
    }
    say(&format!(
        "10,000 MNIST images, largest |runtime - candle|: latents {latent_difference:.1e} / max(1, |latent|), images {difference:.1e}"
    ));
    // What is asked of every bundle.
    assert!(difference <= 1e-5 && latent_difference <= 1e-5);
}

#[test]
fn figures_of_the_readme_at_full_size() {
    let Some(dir) = mnist() else {
        say("skipped: figures_of_the_readme_at_full_size finds no MNIST in ../shared/data/mnist or $HOURGLASS_MNIST");
        return;
    };
    if std::env::var_os("HOURGLASS_FULL").is_none() {
        say("skipped: figures_of_the_readme_at_full_size trains for an hour and wants HOURGLASS_FULL=1");
        return;
    }
    let source = DataSource::Path(dir);
    let dataset = Dataset::load(&source).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let reached = |name: &str, config: Config| {
        let config = Config { validation: Validation::Test, ..config };
        let run = Run::create(temporary.path().join(name), &config).unwrap();
        let outcome = fit(&config, &dataset, &run, &mut Silent).unwrap();
        let Outcome::Finished(summary) = outcome else { panic!("interrupted") };
        let (test, pca) = (summary.test.metrics, summary.pca.as_ref().unwrap().metrics);
        let (epochs, seconds) = (summary.epochs, summary.seconds);
        say(&format!(
            "{name}, {epochs} epochs in {seconds:.0} s: BCE {:.4}, MSE {:.5}; PCA's MSE {:.5}; {:?}",
            test.bce.unwrap(),
            test.mse,
            pca.mse,
            summary.test
        ));
        (*summary, run.metrics().unwrap())
    };
    let preset = |preset: Preset| Config::preset(preset, source.clone());
    let adadelta = OptimizerConfig::named("adadelta").unwrap();
    let (classic, _) = reached("adadelta", Config { optimizer: adadelta, ..preset(Preset::Simple) });
    assert!(classic.test.metrics.bce.unwrap() <= 0.104);
    let (simple, _) = reached("simple", preset(Preset::Simple));
    assert!(
        simple.test.metrics.bce.unwrap() <= 0.0920 && simple.test.metrics.mse <= 0.6 * simple.pca.unwrap().metrics.mse
    );
    let (sparse, _) = reached("sparse", preset(Preset::Sparse));
    assert!((sparse.test.metrics.bce.unwrap() - simple.test.metrics.bce.unwrap()).abs() <= 0.002);
    assert!(sparse.test.latent_mean <= 0.5 * simple.test.latent_mean);
    let (deep, history) = reached("deep", preset(Preset::Deep));
    let lowest = history[..50].iter().map(|record| record.val_bce.unwrap()).fold(f64::INFINITY, f64::min);
    assert!(lowest <= 0.087 && deep.test.metrics.bce.unwrap() <= 0.085);
    let (vae, _) = reached("vae", Config { epochs: 10, ..preset(Preset::Vae) });
    assert!(vae.test.elbo.unwrap().value >= -107.);
    let series = Dataset::load(&DataSource::Series).unwrap();
    let config = Config::preset(Preset::Sequence, DataSource::Series);
    let run = Run::create(temporary.path().join("sequence"), &config).unwrap();
    let outcome = fit(&config, &series, &run, &mut Silent).unwrap();
    let Outcome::Finished(sequence) = outcome else { panic!("interrupted") };
    say(&format!("sequence: {:?}; {:?}", sequence.test, sequence.pca));
    assert!(sequence.test.metrics.mse < 0.1 * sequence.pca.unwrap().metrics.mse);
    let (conv, _) = reached("conv", preset(Preset::Conv));
    assert!(conv.test.metrics.bce.unwrap() <= 0.094);
    let (denoise, _) = reached("denoise", preset(Preset::Denoise));
    assert!(denoise.test.metrics.mse < 0.1 * denoise.test.noisy_mse.unwrap());
}
