//! Losses and gradients against the formulas in `f64`.

use super::*;
use crate::lcg::Lcg;
use crate::reference;

/// Logits in -30.0..30.0 and targets in 0.0..1.0: several groups of vectors, and a remainder.
fn case() -> [Vec<f32>; 2] {
    let count = 3 * GROUP * LANES + 21;
    let logits = Lcg(3).floats(count).iter().map(|x| 30. * x).collect();
    [logits, Lcg(4).floats(count).iter().map(|x| x.abs()).collect()]
}

fn expected([logits, target]: &[Vec<f32>; 2]) -> [f64; 2] {
    let pairs = || logits.iter().zip(target).map(|(x, t)| (f64::from(*x), f64::from(*t)));
    let square = |(x, t): (f64, f64)| (1. / (1. + (-x).exp()) - t).powi(2);
    [pairs().map(|(x, t)| reference::bce_with_logit(x, t)).sum(), pairs().map(square).sum()]
}

/// Sums of values that are right to about 1e-7 each.
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected, "{found}, not {expected}");
}

#[test]
fn every_sum_is_that_of_the_formulas() {
    let case @ [logits, target] = &case();
    let [bce, square] = expected(case);
    for found in [bce_and_squared_error(logits, target), bce_and_squared_error_serial(logits, target)] {
        assert_close(found[0], bce);
        assert_close(found[1], square);
    }
    let mut dx = vec![0.; logits.len()];
    assert_close(bce_with_gradient(logits, target, 1., &mut dx), bce);
    assert_close(sigmoid_squared_error_with_gradient(logits, target, 1., &mut dx), square);
    let plain = logits.iter().zip(target).map(|(x, t)| (f64::from(*x) - f64::from(*t)).powi(2)).sum();
    let gradient = squared_error_with_gradient(logits, target, 1., &mut dx);
    for found in [squared_error(logits, target), squared_error_serial(logits, target), gradient] {
        assert_close(found, plain);
    }
}

#[test]
fn every_gradient_is_the_derivative_of_the_formula() {
    let [logits, target] = &case();
    let mut found = vec![vec![0.; logits.len()]; 4];
    bce_backward(logits, target, 0.5, &mut found[0]);
    bce_with_gradient(logits, target, 0.5, &mut found[1]);
    sigmoid_squared_error_with_gradient(logits, target, 0.5, &mut found[2]);
    squared_error_with_gradient(logits, target, 0.5, &mut found[3]);
    let sigmoid = |x: f64| 1. / (1. + (-x).exp());
    for i in 0..logits.len() {
        let (x, t, step) = (f64::from(logits[i]), f64::from(target[i]), 1e-5);
        let slope = |of: &dyn Fn(f64) -> f64| (of(x + step) - of(x - step)) / (2. * step);
        let bce = 0.5 * slope(&|x| reference::bce_with_logit(x, t));
        let square = 0.5 * slope(&|x| (sigmoid(x) - t).powi(2));
        for (found, expected) in [(found[0][i], bce), (found[1][i], bce), (found[2][i], square)] {
            // Differences in f64 are right to 1e-9, values in f32 to 1e-7.
            assert!((f64::from(found) - expected).abs() < 2e-7, "{x}, {t}: {found}, not {expected}");
        }
        let plain = x - t;
        assert!((f64::from(found[3][i]) - plain).abs() < 1e-6 * plain.abs().max(1.), "{x}, {t}: {}", found[3][i]);
    }
}
