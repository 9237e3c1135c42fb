//! Linear layers against plain loops in `f64`.

use super::*;

fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_769) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..count).map(|_| next() as f32 / u32::MAX as f32 - 0.5).collect()
}

fn expected(dense: [usize; 2], weight: &[f32], bias: &[f32], x: &[f32], activation: Activation) -> Vec<f64> {
    let [inputs, outputs] = dense;
    let rows = x.chunks_exact(inputs);
    rows.flat_map(|row| {
        (0..outputs).map(move |output| {
            let products = row.iter().zip(&weight[output * inputs..]).map(|(x, w)| f64::from(*x) * f64::from(*w));
            let sum = products.sum::<f64>() + f64::from(bias[output]);
            match activation {
                Activation::None => sum,
                Activation::Relu => sum.max(0.),
                Activation::Sigmoid => 1. / (1. + (-sum).exp()),
                Activation::Tanh => sum.tanh(),
            }
        })
    })
    .collect()
}

#[test]
fn sums_are_those_of_plain_loops_for_every_shape_and_activation() {
    let activations = [Activation::None, Activation::Relu, Activation::Sigmoid, Activation::Tanh];
    for (case, [inputs, outputs]) in
        [[1, 1], [3, 5], [32, 31], [7, 16], [128, 17], [129, 32], [784, 32], [200, 33], [32, 100], [150, 3]]
            .into_iter()
            .enumerate()
    {
        let (weight, bias) = (noise(inputs * outputs, 1), noise(outputs, 2));
        for rows in [0, 1, 2, 3, 5, 7, 11, 12, 23, 31, 37] {
            let activation = activations[(case + rows) % activations.len()];
            let (x, mut out) = (noise(rows * inputs, 3), vec![f32::NAN; rows * outputs]);
            Dense::new(&weight, &bias).forward(&x, activation, &mut out);
            for (out, expected) in out.iter().zip(expected([inputs, outputs], &weight, &bias, &x, activation)) {
                // A few hundred roundings of sums below 20.
                assert!((f64::from(*out) - expected).abs() < 1e-5, "{inputs} -> {outputs}: {out}, not {expected}");
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bytes_in_every_batch() {
    for [inputs, outputs] in [[784, 32], [32, 784], [131, 33]] {
        let dense = Dense::new(&noise(inputs * outputs, 1), &noise(outputs, 2));
        let x = noise(37 * inputs, 3);
        let mut all = vec![0.; 37 * outputs];
        dense.forward(&x, Activation::Sigmoid, &mut all);
        for batch in [1, 2, 3, 8, 17] {
            let mut out = vec![0.; 37 * outputs];
            for (x, out) in x.chunks(batch * inputs).zip(out.chunks_mut(batch * outputs)) {
                dense.forward(x, Activation::Sigmoid, out);
            }
            assert!(out == all, "batches of {batch}");
        }
    }
}

#[test]
fn zeros_at_the_same_places_of_many_rows_change_no_bytes() {
    for [inputs, outputs] in [[784, 32], [131, 33], [1205, 17]] {
        let dense = Dense::new(&noise(inputs * outputs, 1), &noise(outputs, 2));
        // Enough rows of 784 that they are prefetched. Every third row has values where the others are zero.
        let mut x = noise(175 * inputs, 3);
        for (index, row) in x.chunks_mut(inputs).enumerate() {
            let margin = if index % 3 == 0 { inputs / 3 + index % 20 } else { inputs / 2 };
            row[..margin].fill(0.);
            for x in row.iter_mut().step_by(3 + index % 4) {
                *x = -0.;
            }
        }
        let mut all = vec![0.; 175 * outputs];
        dense.forward(&x, Activation::None, &mut all);
        for batch in [1, 3, 7, 12, 64] {
            let mut out = vec![0.; 175 * outputs];
            for (x, out) in x.chunks(batch * inputs).zip(out.chunks_mut(batch * outputs)) {
                dense.forward(x, Activation::None, out);
            }
            assert!(out == all, "batches of {batch}, {inputs} -> {outputs}");
        }
        let bias = noise(outputs, 2);
        let expected = expected([inputs, outputs], &noise(inputs * outputs, 1), &bias, &x, Activation::None);
        for (out, expected) in all.iter().zip(expected) {
            assert!((f64::from(*out) - expected).abs() < 1e-5, "{inputs} -> {outputs}: {out}, not {expected}");
        }
    }
}

#[test]
fn nan_stays_nan() {
    for activation in [Activation::Relu, Activation::Sigmoid] {
        let mut out = [0.; 2];
        Dense::new(&[1.; 6], &[0.; 2]).forward(&[f32::NAN, 1., 2.], activation, &mut out);
        assert!(out.iter().all(|value| value.is_nan()));
    }
}

/// `forward` with other vectors than this processor's widest.
fn with<S: Simd>(simd: S, weight: &[f32], bias: &[f32], x: &[f32]) -> Vec<f32> {
    let inputs = weight.len() / bias.len();
    let dense = simd.vectorize(Pack { weight, bias, inputs });
    let mut out = vec![f32::NAN; x.len() / inputs * bias.len()];
    simd.vectorize(Forward { dense: &dense, activation: Activation::None, x, out: &mut out });
    out
}

#[test]
fn sums_are_right_with_the_vectors_of_every_processor() {
    for [inputs, outputs] in [[3, 5], [32, 31], [129, 32], [784, 33]] {
        let (weight, bias) = (noise(inputs * outputs, 1), noise(outputs, 2));
        for rows in [1, 2, 5, 7, 16, 23] {
            let mut x = noise(rows * inputs, 3);
            for row in x.chunks_mut(inputs) {
                row[..inputs / 3].fill(0.);
            }
            let mut found = vec![with(pulp::Scalar::new(), &weight, &bias, &x)];
            #[cfg(target_arch = "x86_64")]
            found.extend(pulp::x86::V3::try_new().map(|simd| with(simd, &weight, &bias, &x)));
            let expected = expected([inputs, outputs], &weight, &bias, &x, Activation::None);
            for out in found {
                // As above.
                let close = out.iter().zip(&expected).all(|(out, expected)| (f64::from(*out) - expected).abs() < 1e-5);
                assert!(close, "{rows} rows, {inputs} -> {outputs}");
            }
        }
    }
}
