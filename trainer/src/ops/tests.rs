//! Each kernel against its composed twin: values and gradients.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module};
use rand::RngExt;

use super::bce::composed_bce;
use super::*;
use crate::fused::Chain;
use crate::random::{Purpose, stream};

/// Both sum up to 800 products of numbers below 1, in another order and f32 against f64: below 1e-5 of the largest.
const TOLERANCE: f64 = 1e-5;

fn random(dims: &[usize], seed: u64) -> Var {
    let mut rng = stream(seed, Purpose::Weights, 9);
    let values: Vec<f32> = (0..dims.iter().product()).map(|_: usize| rng.random_range(-1. ..1.)).collect();
    Var::from_tensor(&Tensor::from_vec(values, dims, &Device::Cpu).unwrap()).unwrap()
}

fn in_f64(var: &Var) -> Var {
    Var::from_tensor(&var.to_dtype(DType::F64).unwrap()).unwrap()
}

fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let (found, expected) = (values(found), values(expected));
    let scale = expected.iter().fold(1f64, |most, value| most.max(value.abs()));
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() <= TOLERANCE * scale, "{what}: {a}, not {b}");
    }
}

/// Compares `kernel` of f32 tensors with `composed` of the same in f64, and the gradients of a sum in which every value has
/// another weight: with the composed ones, and some of them with finite differences.
fn agree(
    what: &str,
    inputs: &[Var],
    kernel: impl Fn(&[Var]) -> Result<Tensor>,
    composed: impl Fn(&[Var]) -> Result<Tensor>,
) {
    let doubles: Vec<Var> = inputs.iter().map(in_f64).collect();
    let (found, expected) = (kernel(inputs).unwrap(), composed(&doubles).unwrap());
    assert_close(what, &found, &expected);
    let weights = random(found.dims(), 77);
    let found = (found * weights.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
    let sum = |doubles: &[Var]| (composed(doubles).unwrap() * in_f64(&weights).as_tensor()).unwrap().sum_all().unwrap();
    let expected = sum(&doubles).backward().unwrap();
    for (index, (input, double)) in inputs.iter().zip(&doubles).enumerate() {
        let gradient = found.get(input).unwrap();
        assert_close(&format!("{what}, gradient {index}"), gradient, expected.get(double).unwrap());

        let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let scale = gradient.iter().fold(1f64, |most, value| most.max(f64::from(value.abs())));
        let values = double.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let at = |place: usize, delta: f64| {
            let mut moved = values.clone();
            moved[place] += delta;
            double.set(&Tensor::from_vec(moved, double.dims(), &Device::Cpu).unwrap()).unwrap();
            sum(&doubles).to_scalar::<f64>().unwrap()
        };
        for place in (0..values.len()).step_by(values.len() / 5 + 1) {
            // Central differences in f64 are far closer than the kernel's f32.
            let difference = (at(place, 1e-6) - at(place, -1e-6)) / 2e-6;
            let found = f64::from(gradient[place]);
            assert!((found - difference).abs() <= TOLERANCE * scale, "{what}, {index}: {found}, not {difference}");
        }
        at(0, 0.);
    }
}

/// One layer as a chain.
fn chain(x: &Tensor, append: impl FnOnce(&mut Chain) -> bool) -> Result<Tensor> {
    let mut chain = Chain::of(x).expect("f32 images on the CPU");
    assert!(append(&mut chain));
    chain.forward(x)
}

#[test]
fn convolutions_are_candles() {
    for (in_channels, out_channels, [height, width], kernel, padding) in [
        (1, 16, [28, 28], 3, 1),
        (1, 32, [7, 9], 3, 1),
        (16, 32, [7, 6], 3, 1),
        (32, 16, [1, 3], 3, 1),
        (16, 8, [14, 14], 3, 1),
        (8, 8, [7, 7], 3, 1),
        (16, 1, [28, 28], 3, 1),
        (3, 5, [9, 6], 5, 2),
        (2, 3, [8, 5], 3, 0),
        (4, 2, [6, 7], 1, 0),
        (2, 2, [4, 4], 3, 2),
        (1, 1, [1, 1], 3, 1),
    ] {
        let inputs = [
            random(&[5, in_channels, height, width], 1),
            random(&[out_channels, in_channels, kernel, kernel], 2),
            random(&[out_channels], 3),
        ];
        let layer = |inputs: &[Var]| {
            let config = Conv2dConfig { padding, ..Conv2dConfig::default() };
            Conv2d::new(inputs[1].as_tensor().clone(), Some(inputs[2].as_tensor().clone()), config)
        };
        let what = format!("{in_channels} -> {out_channels} at {height} x {width}, {kernel} x {kernel} + {padding}");
        let chained = |inputs: &[Var]| chain(&inputs[0], |chain| chain.conv(&layer(inputs)));
        agree(&what, &inputs, chained, |inputs| conv2d(&layer(inputs), &inputs[0]));
    }
}

#[test]
fn pooling_upsampling_and_relu_are_candles() {
    for [height, width] in [[28, 28], [7, 7], [1, 5], [4, 1], [1, 1]] {
        let x = [random(&[3, 4, height, width], 4)];
        agree("max_pool2d", &x, |x| chain(&x[0], Chain::max_pool2), |x| max_pool2d(&x[0], 2));
        agree("upsample2d", &x, |x| chain(&x[0], Chain::upsample2), |x| upsample2d(&x[0], 2));
        agree("relu", &x, |x| relu(&x[0]), |x| x[0].relu());
    }
}

#[test]
fn kernels_take_what_is_not_contiguous() {
    let x = random(&[2, 3, 6, 4], 5);
    let transposed = |x: &Var| x.transpose(2, 3);
    agree("relu", std::slice::from_ref(&x), |x| relu(&transposed(&x[0])?), |x| transposed(&x[0])?.relu());
    agree("max_pool2d", &[x], |x| chain(&transposed(&x[0])?, Chain::max_pool2), |x| max_pool2d(&transposed(&x[0])?, 2));
}

#[test]
fn rows_have_no_gradient_unless_it_is_asked_for() {
    let (x, weight, bias) = (random(&[2, 1, 5, 5], 1).as_detached_tensor(), random(&[2, 1, 3, 3], 2), random(&[2], 3));
    let config = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
    let conv = Conv2d::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()), config);
    let gradients = chain(&x, |chain| chain.conv(&conv)).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_none() && gradients.get(&weight).is_some() && gradients.get(&bias).is_some());
}

#[test]
fn nan_stays_nan() {
    let x = Tensor::new(&[f32::NAN, -1., 2., f32::NEG_INFINITY, f32::INFINITY], &Device::Cpu).unwrap();
    let y = relu(&x).unwrap().to_vec1::<f32>().unwrap();
    assert!(y[0].is_nan());
    assert_eq!(y[1..], [0., 2., 0., f32::INFINITY]);
}

#[test]
fn linear_layers_are_candles_on_rows_and_on_steps() {
    // 150 rows are several shards; a weight of 190 x 180 is so large that its gradient is computed for all rows at once.
    for (dims, units) in [(&[7, 9][..], 5), (&[3, 4, 9], 5), (&[1, 9], 1), (&[150, 20], 17), (&[70, 180], 190)] {
        let width = dims[dims.len() - 1];
        let inputs = [random(dims, 1), random(&[units, width], 2), random(&[units], 3)];
        let layer = |inputs: &[Var]| Linear::new(inputs[1].as_tensor().clone(), Some(inputs[2].as_tensor().clone()));
        agree("linear", &inputs, |x| linear(&layer(x), &x[0]), |x| layer(x).forward(&x[0]));
    }
}

#[test]
fn cross_entropy_and_its_gradient_are_the_composed_ones_and_the_formula() {
    // More than a block, and a remainder that does not fill a vector.
    for dims in [&[3, 5][..], &[40, 1001]] {
        let logits = Var::from_tensor(&(random(dims, 1).as_tensor() * 30.).unwrap()).unwrap();
        let target = random(dims, 2).abs().unwrap();
        let double = target.to_dtype(DType::F64).unwrap();
        agree("bce", &[logits], |x| bce_with_logits(&x[0], &target), |x| composed_bce(&x[0], &double));
    }
    let (logits, target) = ([-80f64, -3., 0.2, 1.5, 40.], [0., 0.25, 0.5, 0.75, 1.]);
    let expected = logits.iter().zip(target).map(|(&x, t)| kernels::bce_with_logit(x, t)).sum::<f64>() / 5.;
    let [logits, target] = [logits, target].map(|values| Tensor::new(&values, &Device::Cpu).unwrap());
    let composed = composed_bce(&logits, &target).unwrap().to_scalar::<f64>().unwrap();
    assert!((composed - expected).abs() < 1e-12, "{composed}, not {expected}");
    let [logits, target] = [logits, target].map(|values| values.to_dtype(DType::F32).unwrap());
    let kernel = f64::from(bce_with_logits(&logits, &target).unwrap().to_scalar::<f32>().unwrap());
    assert!((kernel - expected).abs() < 1e-6, "{kernel}, not {expected}");
    let extremes = Tensor::new(&[1e4f32, -1e4, 100., -100.], &Device::Cpu).unwrap();
    let target = Tensor::new(&[1f32, 0., 0., 1.], &Device::Cpu).unwrap();
    assert_eq!(bce_with_logits(&extremes, &target).unwrap().to_scalar::<f32>().unwrap(), 50.);
}

#[test]
fn recurrence_is_candles() {
    use candle_nn::VarBuilder;
    use candle_nn::rnn::RNN;
    for (batch, steps, features, units) in [(5, 7, 3, 4), (20, 12, 1, 33), (1, 1, 2, 16)] {
        let inputs = [
            random(&[batch, steps, features], 1),
            random(&[4 * units, features], 2),
            random(&[4 * units, units], 3),
            random(&[4 * units], 4),
        ];
        let candles = |inputs: &[Var]| {
            let names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"];
            let weights = names.iter().zip(&inputs[1..]).map(|(name, var)| (name.to_string(), var.as_tensor().clone()));
            let vb = VarBuilder::from_tensors(weights.collect(), inputs[0].dtype(), &Device::Cpu);
            let lstm = candle_nn::lstm(features, units, crate::Lstm::config(), vb)?;
            lstm.states_to_tensor(&lstm.seq(&inputs[0])?)
        };
        let ours = |x: &[Var]| Ok(lstm(&x[0], &x[1], &x[2], &x[3])?.expect("f32 on the CPU"));
        agree("lstm", &inputs, ours, candles);
    }
}

#[test]
fn a_chain_is_its_layers_in_order() {
    // 37 images: two whole shards and a part of one.
    let config = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
    let inputs = [
        random(&[37, 2, 7, 6], 1),
        random(&[5, 2, 3, 3], 2),
        random(&[5], 3),
        random(&[3, 5, 3, 3], 4),
        random(&[3], 5),
    ];
    let layers = |x: &[Var]| {
        let layer =
            |weight: &Var, bias: &Var| Conv2d::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()), config);
        [layer(&x[1], &x[2]), layer(&x[3], &x[4])]
    };
    let chained = |x: &[Var]| {
        let [first, second] = layers(x);
        let mut chain = Chain::of(&x[0]).expect("f32 images on the CPU");
        assert!(!chain.relu() && chain.conv(&first) && chain.relu() && chain.max_pool2() && chain.upsample2());
        assert!(!chain.crop([9, 3]) && chain.crop([7, 5]) && !chain.conv(&first) && chain.conv(&second));
        chain.forward(&x[0])
    };
    let composed = |x: &[Var]| {
        let [first, second] = layers(x);
        let y = max_pool2d(&first.forward(&x[0])?.relu()?, 2)?;
        second.forward(&upsample2d(&y, 2)?.narrow(2, 0, 7)?.narrow(3, 0, 5)?.contiguous()?)
    };
    agree("chain", &inputs, chained, composed);
    let gradient = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let gradients = chained(&inputs).unwrap().sum_all().unwrap().backward().unwrap();
            inputs.clone().map(|var| gradients.get(&var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap())
        })
    };
    assert_eq!(gradient(1), gradient(3));
}

#[test]
fn among_equal_values_only_the_first_has_the_gradient() {
    let black = Var::zeros((1, 2, 7, 5), DType::F32, &Device::Cpu).unwrap();
    let pools = [(2, chain(&black, Chain::max_pool2)), (2, max_pool2d(&black, 2)), (3, max_pool2d(&black, 3))];
    for (size, pooled) in pools {
        let gradients = pooled.unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&black).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let windows = 2 * 7usize.div_ceil(size) * 5usize.div_ceil(size);
        assert_eq!(gradient.iter().filter(|&&value| value == 1.).count(), windows, "{size}");
        assert_eq!(gradient.iter().sum::<f32>(), windows as f32, "{size}");
    }
}

#[test]
fn normalisation_over_the_batch_is_the_composed_one() {
    // More rows than are added up together, more pixels than lanes, and a channel far from zero.
    for dims in [&[11usize, 3, 5, 7][..], &[19, 4], &[5, 6, 3]] {
        let channels = if dims.len() == 4 { dims[1] } else { dims[dims.len() - 1] };
        let inputs = [random(dims, 1), random(&[channels], 2), random(&[channels], 3)];
        inputs[0].set(&(inputs[0].as_tensor() + 3.).unwrap()).unwrap();
        let kernel = |inputs: &[Var]| Ok(batch_norm(&inputs[0], &inputs[1], &inputs[2], 1e-5)?.values);
        let composed =
            |inputs: &[Var]| Ok(super::batch_norm::composed(&inputs[0], &inputs[1], &inputs[2], 1e-5)?.values);
        agree(&format!("batch norm of {dims:?}"), &inputs, kernel, composed);
        let found = batch_norm(&inputs[0], &inputs[1], &inputs[2], 1e-5).unwrap();
        let doubles: Vec<Var> = inputs.iter().map(in_f64).collect();
        let expected = super::batch_norm::composed(&doubles[0], &doubles[1], &doubles[2], 1e-5).unwrap();
        assert_close("mean", &found.mean, &expected.mean);
        assert_close("variance", &found.variance, &expected.variance);
        let scaled = scale_channels(&inputs[0].as_detached_tensor(), &inputs[1], &inputs[2]).unwrap();
        let expected = scale_channels(&doubles[0].as_detached_tensor(), &doubles[1], &doubles[2]).unwrap();
        assert_close("in use", &scaled, &expected);
    }
}
