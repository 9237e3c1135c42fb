//! Gradients of whole networks against finite differences, in f64.

use candle_core::DType;
use rand::RngExt;

use super::*;
use crate::config::{Config, Preset};
use crate::data::DataSource;
use crate::fused::Batch;
use crate::model::ModelConfig;
use crate::model::layers::{Activation, ConvConfig, LayerConfig, LinearConfig, MaxPool};
use crate::objective::{Loss, Objective};
use crate::random::normal;

const SHAPE: [usize; 2] = [7, 6];
const ROWS: usize = 3;

fn layers(text: &str) -> ModelConfig {
    toml::from_str(text).unwrap()
}

/// A network of each kind, small, with every layer among them.
fn networks() -> Vec<(&'static str, ModelConfig)> {
    let pooled = |channels| {
        let conv = |channels| LayerConfig::from(ConvConfig::new(channels));
        vec![conv(channels), Activation::Relu.into(), MaxPool::default().into(), conv(2), Activation::Tanh.into()]
    };
    vec![
        ("dense", ModelConfig::dense(4, [9])),
        ("variational", ModelConfig { variational: true, ..ModelConfig::dense(3, [8]) }),
        ("convolutional", ModelConfig { encoder: pooled(3), ..ModelConfig::default() }),
        (
            "variational and convolutional",
            ModelConfig { encoder: pooled(2), latent_dim: Some(3), variational: true, ..ModelConfig::default() },
        ),
        (
            "windows with steps",
            layers(
                r#"encoder = [
                    { layer = "conv", channels = 3, kernel = 3, stride = 2 }, { layer = "elu" },
                    { layer = "conv", channels = 2, kernel = 2, padding = 0 }, { layer = "gelu" },
                ]"#,
            ),
        ),
        (
            "means, noise and dropout",
            layers(
                r#"encoder = [
                    { layer = "noise", std = 0.3 }, { layer = "conv", channels = 2, kernel = 5 }, { layer = "silu" },
                    { layer = "avg_pool" }, { layer = "dropout", rate = 0.4 }, { layer = "linear", units = 5 },
                ]
                decoder = [
                    { layer = "linear", units = 18 }, { layer = "reshape", channels = 2, height = 3, width = 3 },
                    { layer = "leaky_relu" }, { layer = "upsample", size = 3 }, { layer = "crop", height = 7, width = 6 },
                    { layer = "conv", channels = 1, kernel = 1 },
                ]"#,
            ),
        ),
        (
            "wide windows",
            layers(
                r#"encoder = [
                    { layer = "conv", channels = 2 }, { layer = "sigmoid" }, { layer = "max_pool", size = 3 },
                    { layer = "flatten" }, { layer = "linear", units = 4 },
                ]"#,
            ),
        ),
        (
            "normalised images",
            layers(
                r#"latent_dim = 4
                encoder = [
                    { layer = "conv", channels = 3, stride = 2 }, { layer = "batch_norm" }, { layer = "elu" },
                    { layer = "residual", layers = [
                        { layer = "conv", channels = 3 }, { layer = "batch_norm" }, { layer = "tanh" }, { layer = "conv", channels = 3 },
                    ] },
                ]"#,
            ),
        ),
        (
            "transposed windows",
            layers(
                r#"encoder = [
                    { layer = "conv", channels = 3, kernel = 4, stride = 2, padding = 1 }, { layer = "tanh" },
                    { layer = "linear", units = 5 }, { layer = "layer_norm" },
                ]
                decoder = [
                    { layer = "linear", units = 18 }, { layer = "batch_norm" }, { layer = "elu" },
                    { layer = "reshape", channels = 2, height = 3, width = 3 },
                    { layer = "conv_transpose", channels = 3, kernel = 5, padding = 1 }, { layer = "tanh" },
                    { layer = "conv_transpose", channels = 1, kernel = 1, stride = 1 }, { layer = "crop", height = 7, width = 6 },
                ]"#,
            ),
        ),
        (
            "windows of steps",
            layers(
                r#"latent_dim = 5
                encoder = [
                    { layer = "conv1d", channels = 4, kernel = 3, stride = 2 }, { layer = "batch_norm" }, { layer = "tanh" },
                    { layer = "residual", layers = [{ layer = "conv1d", channels = 4, kernel = 5 }, { layer = "layer_norm" }] },
                    { layer = "conv1d", channels = 3, kernel = 2, padding = 0 }, { layer = "silu" }, { layer = "flatten" },
                ]"#,
            ),
        ),
        (
            "recurrent",
            layers(
                r#"latent_dim = 4
                encoder = [{ layer = "lstm", units = 5, sequence = true }, { layer = "lstm", units = 3 }]"#,
            ),
        ),
    ]
}

fn in_f64(network: &NetworkConfig) -> Autoencoder {
    let mut rng = stream(3, Purpose::Weights, 0);
    Autoencoder::build(network, |_, dims, init| {
        // Biases too, so that nothing hides behind a zero.
        let weight = init.draw(&dims, &mut rng, &Device::Cpu)?.to_dtype(DType::F64)?;
        let shift: Vec<f64> = (0..weight.elem_count()).map(|_| rng.random_range(-0.2..0.2)).collect();
        Ok(Var::from_tensor(&(weight + Tensor::from_vec(shift, dims, &Device::Cpu)?)?)?)
    })
    .unwrap()
}

#[test]
fn gradients_of_every_kind_of_network_match_finite_differences() {
    let mut rng = stream(4, Purpose::Weights, 1);
    let rows = |rng: &mut ChaCha8Rng| -> Tensor {
        let values: Vec<f64> = (0..ROWS * 42).map(|_| rng.random()).collect();
        Tensor::from_vec(values, (ROWS, 42), &Device::Cpu).unwrap()
    };
    let (input, target) = (rows(&mut rng), rows(&mut rng));
    for (name, model) in networks() {
        let network = NetworkConfig::new(&model, SHAPE).unwrap();
        let model = in_f64(&network);
        for loss in [Loss::Bce, Loss::Mse] {
            let config = Config { loss, sparsity: 0.01, beta: 0.5, ..Config::default() };
            let objective = Objective::new(config.objective(), &network);
            let loss = || {
                // The same draws every time: the loss is a function of the weights alone.
                let pass = model.forward_training(&input, &mut stream(5, Purpose::Dropout, 0)).unwrap();
                objective.compute(&pass.encoding, &pass.logits, &target).unwrap()
            };
            let gradients = loss().backward().unwrap();
            for (parameter, var) in model.parameters() {
                let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name}: {parameter} has no gradient"));
                let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
                let values = var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
                let at = |index: usize, delta: f64| {
                    let mut moved = values.clone();
                    moved[index] += delta;
                    var.set(&Tensor::from_vec(moved, var.dims(), &Device::Cpu).unwrap()).unwrap();
                    loss().to_scalar::<f64>().unwrap()
                };
                for index in (0..values.len()).step_by(values.len() / 7 + 1) {
                    // Central differences: truncation about step^2 = 1e-12, rounding about 1e-14 / step for losses near 100.
                    let step = 1e-6;
                    let expected = (at(index, step) - at(index, -step)) / (2. * step);
                    let (found, most) = (gradient[index], 1e-6 * expected.abs().max(1.));
                    assert!((found - expected).abs() < most, "{name}, {parameter}[{index}]: {found}, not {expected}");
                }
                at(0, 0.);
            }
        }
    }
}

#[test]
fn noise_and_dropout_are_only_for_training() {
    let (_, model) = networks().into_iter().find(|(name, _)| name.starts_with("means")).unwrap();
    let network = NetworkConfig::new(&model, SHAPE).unwrap();
    let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
    let input = Tensor::full(0.5f32, (2, 42), &Device::Cpu).unwrap();
    let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(values(model.reconstruct(&input).unwrap()), values(model.reconstruct(&input).unwrap()));
    let train = |index| values(model.forward_training(&input, &mut stream(1, Purpose::Dropout, index)).unwrap().logits);
    assert_eq!(train(0), train(0));
    assert_ne!(train(0), train(1));
}

#[test]
fn a_distribution_that_is_standard_normal_costs_nothing() {
    let zeros = Tensor::zeros((4, 3), DType::F64, &Device::Cpu).unwrap();
    let divergence = |latent: &Tensor, log_variance: &Tensor| {
        let encoding = Encoding { latent: latent.clone(), log_variance: Some(log_variance.clone()) };
        encoding.divergence().unwrap().unwrap().to_scalar::<f64>().unwrap()
    };
    assert_eq!(divergence(&zeros, &zeros), 0.);
    // Mean 1, variance e^2: (e^2 + 1 - 2 - 1) / 2 for each of three units.
    let (one, two) = ((&zeros + 1.).unwrap(), (&zeros + 2.).unwrap());
    assert!((divergence(&one, &two) - 1.5 * (2f64.exp() - 2.)).abs() < 1e-12);
}

/// Chains, and between them what needs all rows, or draws random numbers.
const SEGMENTS: &str = r#"
    latent_dim = 6
    encoder = [
        { layer = "conv", channels = 16 }, { layer = "max_pool" }, { layer = "batch_norm" }, { layer = "relu" },
        { layer = "conv", channels = 32 }, { layer = "batch_norm" }, { layer = "dropout", rate = 0.3 }, { layer = "max_pool" },
    ]"#;

/// Images that shrink by steps and grow by transposed windows, with channels first and last around them.
const STEPS: &str = r#"
    encoder = [
        { layer = "conv", channels = 3, kernel = 4, stride = 3, padding = 1 }, { layer = "relu" },
        { layer = "conv", channels = 16, stride = 2 }, { layer = "batch_norm" }, { layer = "relu" },
        { layer = "conv", channels = 1, kernel = 2, stride = 2, padding = 1 }, { layer = "linear", units = 12 },
    ]
    decoder = [
        { layer = "reshape", channels = 2, height = 2, width = 3 },
        { layer = "conv_transpose", channels = 5 }, { layer = "batch_norm" }, { layer = "relu" }, { layer = "upsample" },
        { layer = "conv_transpose", channels = 1, kernel = 3, stride = 1, padding = 1 },
    ]"#;

/// A sequence that is shortened and lengthened.
const SEQUENCE: &str = r#"
    latent_dim = 9
    encoder = [
        { layer = "conv1d", channels = 5, kernel = 3, stride = 2 }, { layer = "relu" },
        { layer = "conv1d", channels = 4, kernel = 4, padding = 1 }, { layer = "relu" }, { layer = "flatten" },
    ]
    decoder = [
        { layer = "linear", units = 20 }, { layer = "relu" }, { layer = "reshape", steps = 5, features = 4 },
        { layer = "upsample" }, { layer = "crop", height = 8, width = 4 }, { layer = "conv1d", channels = 12 },
    ]"#;

/// Images with their channels last before and behind all kinds of layers.
const TURNING: &str = r#"
    encoder = [
        { layer = "conv", channels = 32 }, { layer = "max_pool" }, { layer = "relu" }, { layer = "upsample" },
        { layer = "max_pool" }, { layer = "conv", channels = 32 }, { layer = "upsample" }, { layer = "relu" },
        { layer = "conv", channels = 16 }, { layer = "crop", height = 7, width = 5 }, { layer = "conv", channels = 16 },
        { layer = "conv", channels = 3 }, { layer = "relu" }, { layer = "conv", channels = 16 }, { layer = "conv", channels = 32 },
        { layer = "conv", channels = 1 }, { layer = "conv", channels = 32 }, { layer = "upsample" },
        { layer = "conv", channels = 1, kernel = 5 }, { layer = "linear", units = 16 },
    ]
    decoder = [
        { layer = "reshape", channels = 16, height = 1, width = 1 }, { layer = "conv", channels = 32 },
        { layer = "upsample" }, { layer = "upsample" }, { layer = "conv", channels = 48 }, { layer = "upsample" },
        { layer = "conv", channels = 16 }, { layer = "relu" }, { layer = "crop", height = 4, width = 6 },
        { layer = "conv", channels = 16 }, { layer = "upsample" }, { layer = "conv", channels = 1 },
    ]"#;

/// With one channel behind many, where first and last are the same.
const ONE: &str = r#"
    encoder = [
        { layer = "conv", channels = 32 }, { layer = "upsample" }, { layer = "conv", channels = 1 }, { layer = "max_pool" },
        { layer = "conv", channels = 32 }, { layer = "upsample" }, { layer = "conv", channels = 1 }, { layer = "upsample" },
        { layer = "conv", channels = 16 }, { layer = "max_pool" }, { layer = "linear", units = 4 },
    ]
    decoder = [{ layer = "linear", units = 64 }]"#;

#[test]
fn a_pass_is_candles_graph() {
    let conv = |channels| LayerConfig::from(ConvConfig::new(channels));
    let pooled = vec![conv(5), Activation::Relu.into(), MaxPool::default().into(), conv(3), Activation::Relu.into()];
    let many =
        [vec![conv(32), Activation::Relu.into(), MaxPool::default().into()], vec![conv(16), Activation::Relu.into()]];
    let many = [many.concat(), vec![MaxPool::default().into()]].concat();
    let twice = [vec![conv(6), Activation::Relu.into(), MaxPool::default().into()], pooled.clone()].concat();
    let networks = [
        ("small", ModelConfig::dense(4, [9]), [7, 6]),
        // Weights of which each lane has a sum of its own, and some that are too large for that.
        ("wide", ModelConfig::dense(40, [64]), [28, 28]),
        ("variational", ModelConfig { variational: true, ..ModelConfig::dense(5, [70]) }, [28, 20]),
        // So many that 71 rows and 150 go through layer by layer.
        ("many weights", ModelConfig::dense(30, [180, 20]), [28, 28]),
        ("a million weights", ModelConfig::dense(30, [700]), [28, 28]),
        (
            "a last ReLU",
            ModelConfig {
                encoder: vec![LinearConfig::new(200).into(), Activation::Relu.into()],
                decoder: vec![LinearConfig::new(784).into(), Activation::Relu.into()],
                ..ModelConfig::default()
            },
            [28, 28],
        ),
        ("variational, many weights", ModelConfig { variational: true, ..ModelConfig::dense(20, [201]) }, [28, 28]),
        ("convolutional", ModelConfig { encoder: pooled.clone(), ..ModelConfig::default() }, [7, 6]),
        // With upsampling right before convolutions: of 3 x 5 images to several channels, of 6 x 10 ones to one.
        ("pooled twice", ModelConfig { encoder: twice, ..ModelConfig::default() }, [12, 20]),
        // With their channels last: mirrored, with edges that are cut off, and between layers that take them first.
        ("many channels", ModelConfig { encoder: many.clone(), ..ModelConfig::default() }, [12, 20]),
        ("many channels, odd sizes", ModelConfig { encoder: many, ..ModelConfig::default() }, [9, 7]),
        ("many channels and few", layers(TURNING), [8, 12]),
        ("many channels and one", layers(ONE), [8, 8]),
        ("segments", layers(SEGMENTS), [8, 12]),
        ("steps", layers(STEPS), [8, 12]),
        ("sequence", layers(SEQUENCE), [8, 12]),
        (
            "dropout between rows",
            layers(
                r#"encoder = [
                    { layer = "linear", units = 30 }, { layer = "relu" }, { layer = "dropout", rate = 0.4 }, { layer = "relu" },
                    { layer = "linear", units = 7 },
                ]"#,
            ),
            [7, 6],
        ),
        ("with a dense latent", ModelConfig { encoder: pooled, latent_dim: Some(6), ..ModelConfig::default() }, [9, 9]),
    ];
    for (name, model, shape) in networks {
        let network = NetworkConfig::new(&model, shape).unwrap();
        let double = in_f64(&network);
        let mut weights = double.parameters().iter();
        let single = Autoencoder::build(&network, |_, dims, init| {
            if matches!(init, Init::State(_)) {
                return Ok(init.draw(&dims, &mut stream(8, Purpose::Weights, 0), &Device::Cpu)?);
            }
            let (_, weight) = weights.next().expect("as many parameters");
            Ok(Var::from_tensor(&weight.to_dtype(DType::F32)?)?)
        });
        let single = single.unwrap();
        for (rows, loss, charge) in
            [(3, Loss::Bce, 0.5), (150, Loss::Mse, 0.5), (71, Loss::Bce, 0.), (1, Loss::Bce, 0.)]
        {
            let noisy = rows > 3;
            let config = Config { loss, sparsity: charge / 50., beta: charge, ..Config::default() };
            let objective = Objective::new(config.objective(), &network);
            let width = network.input_dim();
            let mut rng = stream(6, Purpose::Weights, rows as u32);
            // Some features are zero in all rows.
            let mut value = |i: usize| if i % width % 5 == 2 { 0. } else { rng.random() };
            let mut draw = || -> Vec<f32> { (0..rows * width).map(&mut value).collect() };
            let (target, input) = (draw(), draw());
            let input = if noisy { &input } else { &target };
            let in_rows =
                |values: &[f32]| Tensor::from_slice(values, (rows, width), &Device::Cpu)?.to_dtype(DType::F64);

            let sample = stream(7, Purpose::Dropout, 0);
            let graph = double.forward_training(&in_rows(input).unwrap(), &mut sample.clone()).unwrap();
            let expected = objective.compute(&graph.encoding, &graph.logits, &in_rows(&target).unwrap()).unwrap();
            let gradients = expected.backward().unwrap();
            let expected = expected.to_scalar::<f64>().unwrap();

            let latent = if single.log_variance().is_some() { network.latent_dim() } else { 0 };
            let copy =
                |from: &[f32], first: usize, to: &mut [f32]| to.copy_from_slice(&from[first * width..][..to.len()]);
            let clean = |first: usize, rows: &mut [f32]| copy(&target, first, rows);
            let noise = |first: usize, rows: &mut [f32]| copy(input, first, rows);
            let drawn = normal(&mut sample.clone(), rows * latent);
            let batch = |rows: usize| Batch {
                rows,
                clean: &clean,
                noise: if noisy { Some(&noise) } else { None },
                sample: &drawn[..rows * latent],
            };
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut pass = single.train_step(objective.terms()).expect("there are kernels for all layers");
                // What an earlier step of another size has left makes no difference.
                for rows in if threads > 1 { vec![rows, rows.div_ceil(2)] } else { vec![] } {
                    pool.install(|| pass.run(&batch(rows), &mut sample.clone()).map(drop)).unwrap();
                }
                pool.install(|| pass.run(&batch(rows), &mut sample.clone()))
                    .map(|(loss, gradients)| (loss, gradients.to_vec()))
                    .unwrap()
            };
            let (found, values) = run(1);
            assert_eq!((found, values.clone()), run(3), "{name}: on another number of threads");
            // f32 against f64: sums of up to 784 products, relative to the largest.
            assert!((found - expected).abs() < 1e-5 * expected.abs(), "{name}: {found}, not {expected}");
            let mut rest = &values[..];
            for (parameter, var) in double.parameters() {
                let gradient = gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
                // A bias before a normalisation has no gradient but what rounding leaves.
                let least =
                    if single.network().encoder.iter().any(|layer| layer.name() == "batch_norm") { 0.05 } else { 1e-3 };
                let scale = gradient.iter().fold(least, |most: f64, value| most.max(value.abs()));
                let own = rest.split_off(..gradient.len()).unwrap();
                for (a, b) in own.iter().zip(gradient) {
                    assert!((f64::from(*a) - b).abs() < 2e-5 * scale, "{name}, {rows} rows, {parameter}: {a}, not {b}");
                }
            }
            assert!(rest.is_empty());
        }
    }
}

#[test]
fn every_preset_but_the_recurrent_one_has_a_pass() {
    for preset in
        [Preset::Simple, Preset::Sparse, Preset::Deep, Preset::Conv, Preset::Denoise, Preset::Vae, Preset::Sequence]
    {
        let config = Config::preset(preset, DataSource::Digits);
        let shape = if preset == Preset::Sequence { [128, 1] } else { [28, 28] };
        let network = NetworkConfig::new(&config.model, shape).unwrap();
        let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
        let pass = model.train_step(Objective::new(config.objective(), &network).terms());
        assert_eq!(pass.is_some(), preset != Preset::Sequence, "{}", preset.name());
    }
}

#[test]
fn what_the_layers_say_of_the_fused_chain_is_so() {
    for (name, model) in networks() {
        let network = NetworkConfig::new(&model, SHAPE).unwrap();
        let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
        assert_eq!(network.fuses(), model.chains().is_some(), "{name}");
    }
}

#[test]
fn the_deepest_network_does_not_overflow_a_threads_stack() {
    // A pooling is the layer of which candle's graph has the most: ten operators.
    let deep = format!(
        r#"encoder = [{{ layer = "conv", channels = 1 }}, {pools} {{ layer = "linear", units = 2 }}]
        decoder = [{{ layer = "linear", units = 6 }}, {{ layer = "reshape", channels = 1, height = 3, width = 2 }}, {pools}]"#,
        pools = r#"{ layer = "max_pool", size = 1 },"#.repeat(497)
    );
    let network = NetworkConfig::new(&layers(&deep), [3, 2]).unwrap();
    let error = NetworkConfig::new(&ModelConfig::dense(2, [3; 300]), [3, 2]).unwrap_err().to_string();
    assert!(error.contains("at most 1000 layers") && error.ends_with("found 1204"), "{error}");
    // As much as rayon's threads have.
    let train = move || {
        let model = Autoencoder::new(&network, 1, &Device::Cpu).unwrap();
        let input = Tensor::full(0.5f32, (2, 6), &Device::Cpu).unwrap();
        let pass = model.forward_training(&input, &mut stream(1, Purpose::Dropout, 0)).unwrap();
        let gradients = pass.logits.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&model.parameters()[0].1).is_some());
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(train).unwrap().join().unwrap();
}

#[test]
fn the_divergence_of_a_batch_is_that_of_the_formula() {
    let (mean, log_variance) = ([[0.5, -2.], [0., 1.5]], [[0.3, -1.2], [0., 2.]]);
    let tensor = |values: &[[f64; 2]; 2]| Tensor::new(values, &Device::Cpu).unwrap();
    let encoding = Encoding { latent: tensor(&mean), log_variance: Some(tensor(&log_variance)) };
    let values = mean.as_flattened().iter().zip(log_variance.as_flattened());
    // Summed over units, the mean over two rows.
    let expected = values.map(|(mean, log_variance)| kernels::kl_divergence(*mean, *log_variance)).sum::<f64>() / 2.;
    let found = encoding.divergence().unwrap().expect("variational").to_scalar::<f64>().unwrap();
    assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
}
