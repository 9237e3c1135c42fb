//! `noise`: Gaussian noise added in training.

use bundle::Shape;
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings};
use crate::random::normal;

/// In training, Gaussian noise is added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Noise {
    /// Standard deviation of the noise, from 0. Configs of version 0.1 call it `deviation`.
    pub std: f64,
}

impl Noise {
    pub(super) fn mirror<L>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Ok(vec![])
    }
}

impl Settings for Noise {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["noise"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { std: entries.number("std", Some("deviation"))? })
    }

    fn role(&self) -> Role {
        Role::Regularise
    }

    fn check(&self) -> Result<(), String> {
        if self.std >= 0. && self.std.is_finite() {
            return Ok(());
        }
        Err(format!("`std`: expected 0 or more, found {}", self.std))
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn input_dims(&self, _input: Shape, dims: &[usize]) -> Vec<usize> {
        dims.to_vec()
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl LayerModule for Noise {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(x.clone())
    }

    fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
        if self.std == 0. {
            return self.forward(x);
        }
        let noise = Tensor::from_vec(normal(rng, x.elem_count()), x.shape(), x.device())?;
        x + (noise.to_dtype(x.dtype())? * self.std)?
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn noise_keeps_the_mean_and_only_trains() {
        let x = Tensor::ones((100, 100), candle_core::DType::F32, &Device::Cpu).unwrap();
        let mean = |x: &Tensor| x.mean_all().unwrap().to_scalar::<f32>().unwrap();
        let layer = Noise { std: 0.3 };
        let y = layer.forward_training(&x, &mut stream(7, Purpose::Dropout, 0)).unwrap();
        // 10,000 draws: the mean strays by a hundredth of the std; five times that.
        assert!((mean(&y) - 1.).abs() < 0.05 * 0.3);
        let std = mean(&(&y - 1.).unwrap().sqr().unwrap()).sqrt();
        assert!((std / 0.3 - 1.).abs() < 0.05, "{std}");
        assert_eq!(mean(&layer.forward(&x).unwrap()), 1.);
    }
}
