//! The formulas of the losses in plain `f64`: every faster form is tested against these.

/// The binary cross-entropy of the probability `p` against `target`, in nats: -t ln(p) - (1 - t) ln(1 - p).
///
/// ```
/// assert_eq!(kernels::bce(0.5, 1.), std::f64::consts::LN_2);
/// ```
pub fn bce(p: f64, target: f64) -> f64 {
    -(target * p.ln() + (1. - target) * (1. - p).ln())
}

/// [`bce`] of `sigmoid(logit)`, in a form that is finite for every finite logit: max(x, 0) - x t + ln(1 + exp(-|x|)).
///
/// ```
/// assert_eq!(kernels::bce_with_logit(1000., 0.), 1000.);
/// ```
pub fn bce_with_logit(logit: f64, target: f64) -> f64 {
    logit.max(0.) - logit * target + (-logit.abs()).exp().ln_1p()
}

/// The Kullback-Leibler divergence of a normal distribution from the standard one, in nats: (exp(v) + m^2 - v - 1) / 2, with
/// `m` the mean and `v` the log variance (Kingma and Welling 2014, appendix B).
///
/// ```
/// assert_eq!(kernels::kl_divergence(3., 0.), 4.5);
/// ```
pub fn kl_divergence(mean: f64, log_variance: f64) -> f64 {
    (log_variance.exp() + mean * mean - log_variance - 1.) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_cross_entropy_agree() {
        for logit in [-30., -3., -0.1, 0., 0.7, 12.] {
            for target in [0., 0.3, 1.] {
                let p = 1. / (1. + f64::exp(-logit));
                let (found, expected) = (bce_with_logit(logit, target), bce(p, target));
                // 1 - p has lost all but a few digits at 12.
                assert!(
                    (found - expected).abs() < 1e-9 * expected.max(1.),
                    "{logit}, {target}: {found}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn the_divergence_is_the_mean_difference_of_the_log_densities() {
        let (mean, log_variance) = (0.7, -1.3);
        let variance = f64::exp(log_variance);
        let density =
            |x: f64| (-(x - mean).powi(2) / (2. * variance)).exp() / (2. * std::f64::consts::PI * variance).sqrt();
        let difference = |x: f64| 0.5 * (x * x - (x - mean).powi(2) / variance - log_variance);
        let step = 1e-3;
        // Twenty standard deviations to both sides.
        let points = (-20_000..20_000).map(|i| mean + f64::from(i) * step);
        let expected = points.map(|x| density(x) * difference(x) * step).sum::<f64>();
        assert!((kl_divergence(mean, log_variance) - expected).abs() < 1e-9, "{expected}");
    }
}
