//! `dropout`: a random part of the values left out in training.

use bundle::Shape;
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, values};
use crate::fused::{SegmentKind, dropout_mask};

/// In training, zeros in place of a random part of the values; the others are scaled up, so that the mean stays
/// (Srivastava et al. 2014).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropout {
    /// The part that becomes zero, from 0 and below 1.
    pub rate: f64,
}

impl Dropout {
    pub(super) fn mirror<L>(&self, _input: Shape, _output: Shape) -> Result<Vec<L>, String> {
        Ok(vec![])
    }
}

impl Settings for Dropout {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["dropout"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { rate: entries.number("rate", None)? })
    }

    fn role(&self) -> Role {
        Role::Regularise
    }

    fn check(&self) -> Result<(), String> {
        if (0. ..1.).contains(&self.rate) {
            return Ok(());
        }
        Err(format!("`rate`: expected 0 or more and below 1, found {}", self.rate))
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn input_dims(&self, _input: Shape, dims: &[usize]) -> Vec<usize> {
        dims.to_vec()
    }

    fn graph_values(&self, _input: Shape, output: Shape) -> u64 {
        4 * values(output)
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl LayerModule for Dropout {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(x.clone())
    }

    fn segment(&self, _dims: &[usize], channels_last: bool) -> Option<SegmentKind> {
        // The values' order is that in which random numbers are drawn.
        (!channels_last).then_some(SegmentKind::Dropout(self.rate))
    }

    fn forward_training(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
        let rate = self.rate;
        if rate == 0. {
            return self.forward(x);
        }
        let mask = dropout_mask(rate, x.elem_count(), rng);
        x * Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn dropout_keeps_the_mean_and_only_trains() {
        let x = Tensor::ones((100, 100), candle_core::DType::F32, &Device::Cpu).unwrap();
        let mean = |x: &Tensor| x.mean_all().unwrap().to_scalar::<f32>().unwrap();
        let layer = Dropout { rate: 0.5 };
        let y = layer.forward_training(&x, &mut stream(7, Purpose::Dropout, 0)).unwrap();
        // Values are 0 or 2, so their std is 1. 10,000 draws: the mean strays by a hundredth of it; five times that.
        assert!((mean(&y) - 1.).abs() < 0.05);
        let std = mean(&(&y - 1.).unwrap().sqr().unwrap()).sqrt();
        assert!((std - 1.).abs() < 0.05, "{std}");
        assert_eq!(mean(&layer.forward(&x).unwrap()), 1.);
    }
}
