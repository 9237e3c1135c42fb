//! Every preset and every layer of a config: trained, exported, verified, and run.

use candle_core::Device;
use exporter::{ExportOptions, Layout, export};
use runtime::Autoencoder;
use trainer::{Config, DataSource, Dataset, ModelConfig, NetworkConfig, Preset, Run, Silent, fit};

use crate::support::{fail, largest_difference, program, succeed};

/// Sums of up to 1,568 products in another order, on latents up to 10; a unit in the last place of 10 is 1e-6.
const TOLERANCE: f32 = 1e-5;

/// A run of `config`.
pub fn train(dir: &std::path::Path, config: &Config) -> Run {
    let dataset = Dataset::load(&config.data).unwrap();
    let run = Run::create(dir, config).unwrap();
    fit(config, &dataset, &run, &mut Silent).unwrap();
    run
}

/// A preset on the embedded digits, for two epochs.
pub fn preset(name: &str) -> Config {
    let overrides = format!("preset = {name:?}\ndata = \"digits\"\nepochs = 2\nbatch_size = 200");
    Config::resolve(None, overrides.parse().unwrap()).unwrap()
}

#[test]
fn every_preset_is_exported_and_verified_in_both_layouts() {
    let dir = tempfile::tempdir().unwrap();
    for name in Preset::NAMES {
        let run = train(&dir.path().join(name), &preset(name));
        let split = export(&run, &ExportOptions::default()).unwrap();
        let graphs = split.parity.graphs();
        let halves: &[&str] = if name == "vae" {
            &["encoder", "log_variance", "decoder", "both"]
        } else {
            &["encoder", "decoder", "both"]
        };
        let expected = [halves, &["scorer", "score", "p_value", "feature_error"]].concat();
        assert_eq!(graphs, expected, "{name}");
        for graph in graphs {
            let batches = split.parity.results.iter().filter(|row| row.graph == graph).map(|row| row.batch);
            assert_eq!(batches.collect::<Vec<_>>(), [1, 2, 17, 256].repeat(2), "{name}: runtime and tract");
            assert!(split.parity.worst(graph).unwrap().1 <= TOLERANCE);
        }
        export(&run, &ExportOptions { layout: Layout::Whole, ..Default::default() }).unwrap();

        let autoencoder = Autoencoder::load(&split.dir).unwrap();
        assert_eq!(autoencoder.is_variational(), name == "vae");
        let rows: Vec<f32> = (0..64 * 40).map(|i| (i * 7 % 17) as f32 / 16.).collect();
        let reconstructed = autoencoder.reconstruct(&rows).unwrap();
        match autoencoder.denoise(&rows) {
            Ok(denoised) => assert_eq!((name, denoised), ("denoise", reconstructed)),
            Err(error) => assert!(name != "denoise" && error.to_string().contains("--preset denoise`"), "{error}"),
        }
        if name != "vae" {
            let error = autoencoder.sample(1, 1).unwrap_err().to_string();
            assert!(error.contains("--preset vae`"), "{error}");
            assert!(autoencoder.encode_distribution(&rows).is_err());
        }
    }
}

#[test]
fn a_variational_bundle_gives_distributions_and_samples() {
    let dir = tempfile::tempdir().unwrap();
    let run = train(&dir.path().join("run"), &preset("vae"));
    let autoencoder = Autoencoder::load(export(&run, &ExportOptions::default()).unwrap().dir).unwrap();
    let model = run.load_best(&Device::Cpu).unwrap();
    let test = Dataset::load(&DataSource::Digits).unwrap().test;
    let input = test.batch(&(0..50).collect::<Vec<_>>(), &Device::Cpu).unwrap();
    let (mean, log_variance) = model.encode_distribution(&input).unwrap();
    let values = |tensor: &candle_core::Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (found_mean, found_log_variance) = autoencoder.encode_distribution(&values(&input)).unwrap();
    assert!(largest_difference(found_mean.as_slice(), &values(&mean)) < TOLERANCE);
    assert!(largest_difference(found_log_variance.as_slice(), &values(&log_variance.unwrap())) < TOLERANCE);
    assert_eq!(found_mean, autoencoder.encode(&values(&input)).unwrap());

    let samples = autoencoder.sample(100, 7).unwrap();
    assert_eq!((samples.rows(), samples.columns()), (100, 64));
    assert_eq!(samples, autoencoder.sample(100, 7).unwrap());
    assert_ne!(samples, autoencoder.sample(100, 8).unwrap());
    assert_eq!(autoencoder.sample(3, 7).unwrap().as_slice(), &samples.as_slice()[..3 * 64]);
    assert_eq!(autoencoder.sample(0, 7).unwrap().rows(), 0);
}

#[test]
fn every_layer_of_a_config_is_exported() {
    let dir = tempfile::tempdir().unwrap();
    let networks = [
        r#"encoder = [
            { layer = "noise", std = 0.1 }, { layer = "conv", channels = 6, kernel = 5 }, { layer = "gelu" },
            { layer = "max_pool", size = 3 }, { layer = "dropout", rate = 0.2 },
            { layer = "conv", channels = 4, kernel = 2, padding = 0 }, { layer = "elu" }, { layer = "flatten" },
            { layer = "linear", units = 7 }, { layer = "tanh" },
        ]"#,
        r#"encoder = [
            { layer = "conv", channels = 4, stride = 2 }, { layer = "leaky_relu" }, { layer = "avg_pool" },
            { layer = "silu" },
        ]
        decoder = [
            { layer = "linear", units = 18 }, { layer = "reshape", channels = 2, height = 3, width = 3 },
            { layer = "sigmoid" }, { layer = "upsample", size = 3 }, { layer = "crop", height = 8, width = 8 },
            { layer = "conv", channels = 1, kernel = 3 },
        ]"#,
        r#"variational = true
        latent_dim = 5
        encoder = [{ layer = "conv", channels = 4 }, { layer = "relu" }, { layer = "max_pool" }]"#,
        r#"encoder = [
            { layer = "lstm", units = 9, sequence = true }, { layer = "linear", units = 6 }, { layer = "tanh" },
            { layer = "lstm", units = 7 },
        ]
        decoder = [
            { layer = "repeat", steps = 8 }, { layer = "lstm", units = 9, sequence = true },
            { layer = "linear", units = 8 },
        ]"#,
    ];
    for (index, text) in networks.into_iter().enumerate() {
        let model: ModelConfig = text.parse::<toml::Table>().unwrap().try_into().unwrap();
        let run = train(&dir.path().join(index.to_string()), &Config { model, ..preset("simple") });
        for opset in [13, 17, 21] {
            let bundle = export(&run, &ExportOptions { opset, ..Default::default() }).unwrap();
            assert!(bundle.parity.worst("both").unwrap().1 <= TOLERANCE, "{text}");
        }
        let again = Run::open(run.dir()).unwrap().config().unwrap();
        assert_eq!(again, run.config().unwrap());
    }
}

#[test]
fn the_readmes_network_is_one() {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let configs: Vec<&str> = blocks.map(|(block, _)| block).filter(|block| block.contains("encoder")).collect();
    assert_eq!(configs.len(), 1);
    let config = Config::resolve(None, configs[0].parse().unwrap()).unwrap();
    let network = NetworkConfig::new(&config.model, [8, 8]).unwrap();
    assert_eq!(network.to_string(), "64-conv16-8-256-conv1-64");
}

#[test]
fn networks_that_do_not_fit_are_refused_before_a_folder_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let deep = format!("[model]\nhidden = {:?}", [64; 2000]);
    for (text, expected) in [
        (
            "[[model.encoder]]\nlayer = \"linear\"\nunits = 9\n[[model.encoder]]\nlayer = \"conv\"\nchannels = 2",
            "layer `encoder.1` (conv): expected an image, found 9 values",
        ),
        (
            "[[model.encoder]]\nlayer = \"conv\"\nchannels = 2\nkernel = 11\npadding = 0",
            "layer `encoder.0` (conv): its window of 11 x 11 is larger than an image of 8 x 8",
        ),
        (
            "[[model.encoder]]\nlayer = \"relu\"\n[[model.decoder]]\nlayer = \"linear\"\nunits = 5",
            "layer `decoder.0` (linear): expected 64 values at the end of the decoder, as many as the input has, found 5 values",
        ),
        ("hidden = 3", "network.toml:1: `hidden`: no such setting"),
        ("preset = \"conv\"\n[model]\nhidden = [3]", "expected either widths in `hidden` or a list of layers"),
        ("schedule = \"cosine\"", "schedule"),
        (&deep, "expected at most 1000 layers in encoder and decoder together, activations counted, found 8004"),
        ("beta = 3", "only a variational network"),
    ] {
        std::fs::write(dir.path().join("network.toml"), text).unwrap();
        let error = fail(program("trainer", dir.path()).args(["fit", "--config", "network.toml"]));
        assert!(error.contains(expected), "{error}");
        assert!(!dir.path().join("runs").exists());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_network_that_is_too_large_for_the_memory_is_refused_with_both_figures() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    std::fs::write(dir.path().join("large.toml"), "[model]\nhidden = [16384, 16384]").unwrap();
    let trainer = program("trainer", dir.path()).get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -v 8000000; exec \"$0\" fit --config \"$1\" --out \"$2\""]).arg(trainer);
    let error = fail(limited.arg(dir.path().join("large.toml")).arg(&out));
    let figures = ["would take about 19.5 GB of memory", "GB are available"];
    assert!(figures.iter().all(|figure| error.contains(figure)), "{error}");
    assert!(!out.exists());
}

#[test]
fn evaluate_compare_denoise_and_sample_are_programs() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = |arguments: &[&str]| succeed(program("trainer", dir.path()).args(arguments));
    for name in ["vae", "denoise", "sparse"] {
        let fit = ["fit", "--preset", name, "--epochs", "5", "--out", name];
        trainer(&fit);
        let said = succeed(program("exporter", dir.path()).args(["--split", name]));
        assert!(said.contains("passed"), "{said}");
    }
    let said = trainer(&["evaluate", "vae"]);
    assert!(said.contains("ELBO") && said.contains("5-NN") && said.contains("PCA, 20 components"), "{said}");
    assert!(trainer(&["evaluate", "denoise"]).contains("the noisy rows themselves"));
    let report: serde_json::Value = serde_json::from_str(&trainer(&["evaluate", "sparse", "--json"])).unwrap();
    let summary = std::fs::read_to_string(dir.path().join("sparse/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&report["test"], &report["pca"]), (&summary["test"], &summary["pca"]));
    let error = fail(program("trainer", dir.path()).args(["evaluate", "vae", "--data", "series"]));
    assert!(error.contains("expected images of 8 x 8"), "{error}");

    let said = trainer(&["compare", "vae", "denoise", "sparse"]);
    assert!(!dir.path().join("compare.svg").exists());
    let charted = trainer(&["compare", "vae", "denoise", "sparse", "--out", "compare.svg"]);
    assert!(charted.ends_with("chart  compare.svg\n"), "{charted}");
    assert_eq!(said.lines().filter(|line| line.contains("64-")).count(), 3, "{said}");
    let plot = std::fs::read_to_string(dir.path().join("compare.svg")).unwrap();
    assert!(["vae", "denoise", "sparse"].iter().all(|name| plot.contains(name)));

    let runtime = |arguments: &[&str]| succeed(program("runtime", dir.path()).args(arguments));
    let samples = runtime(&["sample", "vae/onnx", "-n", "4", "--seed", "9"]);
    assert_eq!(samples.lines().count(), 4);
    assert_eq!(samples, runtime(&["sample", "vae/onnx", "-n", "4", "--seed", "9"]));
    std::fs::write(dir.path().join("samples.csv"), samples).unwrap();
    assert_eq!(runtime(&["denoise", "denoise/onnx", "samples.csv"]).lines().count(), 4);
    for arguments in [&["sample", "sparse/onnx"][..], &["denoise", "sparse/onnx", "samples.csv"]] {
        let error = fail(program("runtime", dir.path()).args(arguments));
        assert!(error.contains(" fit --preset ") && error.ends_with("` trains one that is"), "{error}");
    }
}
