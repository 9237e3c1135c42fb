//! Exponential functions on `f32` without branches or tables, so that a loop over a slice vectorises.
//!
//! Call them inside a pulp dispatch: elsewhere `f32::mul_add` may be a slow call into the C library.

/// Adding this rounds to a whole number, which the lowest bits then hold with the exponent's bias of 127 added.
const ROUND: f32 = 12_582_912.0 + 127.0;

/// ln 2 in two parts; the first has so few bits that its product with a whole number below 256 is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Coefficients of `(exp(r) - 1 - r) / r^2` for `|r| <= ln(2) / 2`, from the highest power down.
const EXP: [f32; 5] = [1.392_625e-3, 8.363_233e-3, 4.166_655_2e-2, 1.666_657_6e-1, 0.5];

/// Coefficients of `ln(1 + z) / z` for `0 <= z <= 1`, from the highest power down: fitted to the least relative error, 3e-8.
const LN_1P: [f32; 9] = [
    5.232_688e-3,
    -2.950_521_4e-2,
    7.822_591e-2,
    -1.366_324_3e-1,
    1.910_600_5e-1,
    -2.484_298_2e-1,
    3.331_909_8e-1,
    -4.999_949_3e-1,
    9.999_999_4e-1,
];

/// Value of the polynomial by Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    let mut value = coefficients[0];
    for &coefficient in &coefficients[1..] {
        value = value.mul_add(x, coefficient);
    }
    value
}

/// Limits `x`; unlike `f32::clamp` a comparison each, which compiles to one instruction and keeps NaN.
#[inline(always)]
fn limit(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// Splits `exp(x)` into `2^n` and `exp(r) - 1`: the bits `n + 127` and the second factor, good while `|n| < 256`.
#[inline(always)]
fn split(x: f32) -> (u32, f32) {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    (shifted.to_bits().wrapping_sub(ROUND.to_bits() - 127), polynomial(EXP, r).mul_add(r * r, r))
}

/// `1 / (1 + exp(-x))`, exactly 0 and 1 far from zero.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    // At the limits 2^n is 0 or infinite, and the result 1 or 0.
    let (n, r) = split(limit(-x, -88.2, 89.0));
    let scale = f32::from_bits(n << 23);
    1.0 / scale.mul_add(1.0 + r, 1.0)
}

/// Hyperbolic tangent, accurate relative to its value near zero too.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    // Beyond 10 the result rounds to 1. exp(2x) - 1 comes without forming exp(2x), so small values keep their digits.
    let (n, r) = split(2.0 * limit(x, -10.0, 10.0));
    let scale = f32::from_bits(n << 23);
    let exp_minus_one = scale.mul_add(r, scale - 1.0);
    exp_minus_one / (exp_minus_one + 2.0)
}

/// `sigmoid(x)` and `exp(-|x|)`.
#[inline(always)]
pub(crate) fn sigmoid_and_exp(x: f32) -> (f32, f32) {
    // At the limit 2^n is zero.
    let (n, r) = split(limit(-x.abs(), -88.2, 0.));
    let scale = f32::from_bits(n << 23);
    let z = scale.mul_add(r, scale);
    let upper = 1. / (1. + z);
    (if x < 0. { z * upper } else { upper }, z)
}

/// `ln(1 + z)` for `0 <= z <= 1`.
#[inline(always)]
pub(crate) fn ln_1p(z: f32) -> f32 {
    polynomial(LN_1P, z) * z
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Arch;

    /// A dense grid over `[-limit, limit]` with the extremes.
    fn grid(limit: f32) -> Vec<f32> {
        let mut grid: Vec<f32> = (-200_000..=200_000).map(|i| i as f32 * (limit / 200_000.0)).collect();
        let tiny = (-1490..=1270).flat_map(|i| [1.0, -1.0].map(|sign| (i as f32 / 10.0).exp2() * sign));
        grid.extend(tiny);
        grid.extend([0.0, -0.0, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY]);
        grid.extend([-104.1, -103.9, -103.0, -87.4, -87.3, 88.3, 88.4, 88.72, 88.723, 88.73, 89.1]);
        grid
    }

    #[inline(always)]
    fn map(inputs: &[f32], function: impl Fn(f32) -> f32) -> Vec<f32> {
        let mut outputs = inputs.to_vec();
        for x in &mut outputs {
            *x = function(*x);
        }
        outputs
    }

    fn check(outputs: &[f32], inputs: &[f32], expected: impl Fn(f64) -> f64) {
        let mut worst = (0.0, 0.0);
        for (&y, &x) in outputs.iter().zip(inputs) {
            let error = (f64::from(y) - expected(f64::from(x))).abs();
            assert!(error < 2e-7, "{x}: {y}, off by {error}");
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("worst absolute error {worst:?}");
    }

    #[test]
    fn sigmoid_tanh_and_softplus_are_close() {
        for inputs in [grid(110.0), grid(12.0), grid(1.0)] {
            check(&Arch::new().dispatch(|| map(&inputs, sigmoid)), &inputs, |x| 1.0 / (1.0 + (-x).exp()));
            check(&Arch::new().dispatch(|| map(&inputs, tanh)), &inputs, f64::tanh);
            check(&Arch::new().dispatch(|| map(&inputs, |x| ln_1p(sigmoid_and_exp(x).1))), &inputs, |x| {
                (-x.abs()).exp().ln_1p()
            });
            check(&Arch::new().dispatch(|| map(&inputs, |x| sigmoid_and_exp(x).0)), &inputs, |x| {
                1.0 / (1.0 + (-x).exp())
            });
            check(&Arch::new().dispatch(|| map(&inputs, |x| sigmoid_and_exp(x).1)), &inputs, |x| (-x.abs()).exp());
        }
    }

    #[test]
    fn extremes_saturate_and_nan_stays() {
        for large in [100.0, f32::MAX, f32::INFINITY] {
            assert_eq!([sigmoid(large), sigmoid(-large)], [1.0, 0.0]);
            assert_eq!([tanh(large), tanh(-large)], [1.0, -1.0]);
        }
        assert_eq!([sigmoid(0.0), tanh(0.0), ln_1p(sigmoid_and_exp(f32::INFINITY).1)], [0.5, 0.0, 0.0]);
        assert_eq!(tanh(1e-20), 1e-20);
        let inputs = [f32::NAN; 32];
        for function in [sigmoid, tanh, ln_1p] as [fn(f32) -> f32; 3] {
            assert!(function(f32::NAN).is_nan());
        }
        let outputs = Arch::new().dispatch(|| map(&inputs, |x| sigmoid_and_exp(x).1 + sigmoid(x) + tanh(x) + ln_1p(x)));
        assert!(outputs.iter().all(|y| y.is_nan()));
    }
}
