//! Weights of deep networks, and how their cases are compared.

use candle_core::Tensor;
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, LayerNorm, Linear};

use crate::case::{Case, weight};

/// The differences of dozens of layers add up.
pub const DEEP: f32 = 2e-5;

pub fn check_deep(case: Case) {
    Case { tolerance: DEEP, ..case }.check();
}

/// Draws weights that differ from layer to layer.
pub struct Weights(pub usize);

impl Weights {
    pub fn next(&mut self, dims: &[usize], scale: f32) -> Tensor {
        self.0 += 1;
        // Every tensor takes the same stream from another place.
        let count: usize = dims.iter().product();
        weight(&[count + self.0], scale).narrow(0, self.0, count).unwrap().reshape(dims).unwrap()
    }

    pub fn linear(&mut self, inputs: usize, outputs: usize) -> Linear {
        let scale = (3. / inputs as f32).sqrt();
        Linear::new(self.next(&[outputs, inputs], scale), Some(self.next(&[outputs], 0.1)))
    }

    pub fn conv(&mut self, inputs: usize, outputs: usize, kernel: usize, stride: usize, padding: usize) -> Conv2d {
        let scale = (3. / (inputs * kernel * kernel) as f32).sqrt();
        let config = Conv2dConfig { padding, stride, ..Default::default() };
        Conv2d::new(self.next(&[outputs, inputs, kernel, kernel], scale), None, config)
    }

    pub fn batch_norm(&mut self, channels: usize) -> BatchNorm {
        let positive = |tensor: Tensor| (tensor.abs().unwrap() + 0.7).unwrap();
        let mean = self.next(&[channels], 0.2);
        let (variance, scale) = (positive(self.next(&[channels], 0.6)), positive(self.next(&[channels], 0.6)));
        BatchNorm::new(channels, mean, variance, scale, self.next(&[channels], 0.2), 1e-5).unwrap()
    }

    pub fn layer_norm(&mut self, width: usize) -> LayerNorm {
        LayerNorm::new((self.next(&[width], 0.3) + 1.).unwrap(), self.next(&[width], 0.1), 1e-5)
    }
}
