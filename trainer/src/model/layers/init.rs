//! Initial values of parameters.

use candle_core::{Device, Result, Tensor, Var};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How a parameter begins.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) enum Init {
    /// Glorot and Bengio 2010: uniform in ±sqrt(6 / (in + out)), for a weight `[out, in]` or `[out, in, k, k]`, whose window
    /// counts for both.
    GlorotUniform,
    /// Zeros, for a bias.
    Zeros,
    /// This value everywhere, of what a layer keeps and no optimiser changes.
    State(f32),
    /// These values.
    Values(Vec<f32>),
}

impl Init {
    /// A fresh parameter of the shape `dims`.
    pub(in crate::model) fn draw(self, dims: &[usize], rng: &mut ChaCha8Rng, device: &Device) -> Result<Var> {
        let count = dims.iter().product();
        let values: Vec<f32> = match self {
            Self::GlorotUniform => {
                let window: usize = dims[2..].iter().product();
                let limit = (6. / (window * (dims[0] + dims[1])) as f32).sqrt();
                (0..count).map(|_: usize| (rng.random::<f32>() * 2. - 1.) * limit).collect()
            }
            Self::Zeros => vec![0.; count],
            Self::State(value) => vec![value; count],
            Self::Values(values) => values,
        };
        Var::from_tensor(&Tensor::from_vec(values, dims, device)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn initial_weights_are_glorot_uniform_and_biases_zero() {
        let mut rng = stream(7, Purpose::Weights, 0);
        let mut draw = |init: Init, dims: &[usize]| init.draw(dims, &mut rng, &Device::Cpu).unwrap();
        for (dims, fans) in [(&[32usize, 784][..], 816.), (&[32, 64, 3, 3], 9. * 96.)] {
            let values = draw(Init::GlorotUniform, dims).flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let limit = (6f32 / fans).sqrt();
            assert!(values.iter().all(|value| value.abs() <= limit));
            let n = values.len() as f32;
            let mean = values.iter().sum::<f32>() / n;
            let variance = values.iter().map(|value| value * value).sum::<f32>() / n;
            // A uniform variable's variance is limit^2 / 3; over 18,432 draws and more its estimate strays by about 0.7 %, the
            // mean's by limit / sqrt(3 n) < 0.0004; five times that each.
            assert!(mean.abs() < 0.002, "{mean}");
            assert!((variance / (limit * limit / 3.) - 1.).abs() < 0.035, "{variance}");
        }
        assert_eq!(draw(Init::Zeros, &[32]).to_vec1::<f32>().unwrap(), [0.; 32]);
    }
}
