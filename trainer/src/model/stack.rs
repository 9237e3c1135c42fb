//! A sequence of named layers that can be walked: candle's `Sequential` hides its own.

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{Activation, Linear, Module};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One layer of a [`Stack`].
#[derive(Clone, Debug)]
pub enum Layer {
    /// Fully connected: `[batch, in] -> [batch, out]`.
    Linear(Linear),
    /// Element by element.
    Activation(Activation),
}

impl Module for Layer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Linear(linear) => linear.forward(x),
            Self::Activation(activation) => activation.forward(x),
        }
    }
}

/// Layers in order. Layer `i` of the stack `encoder` keeps its tensors under `encoder.i`, activations counted.
#[derive(Clone, Debug)]
pub struct Stack {
    name: &'static str,
    layers: Vec<Layer>,
}

impl Stack {
    /// The stack's name: `encoder` or `decoder`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The layers in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Everything but the last layer: for a stack that ends in a sigmoid, the logits.
    ///
    /// # Errors
    ///
    /// When `x` does not fit the first layer.
    pub fn forward_before_last(&self, x: &Tensor) -> Result<Tensor> {
        let before_last = self.layers.len().saturating_sub(1);
        self.layers[..before_last].iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }
}

impl Module for Stack {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }
}

/// Builds a [`Stack`] of dense layers, taking each tensor from `parameter(name, dims)`.
pub(super) fn dense(
    name: &'static str,
    widths: &[usize],
    activations: impl Fn(usize) -> Activation,
    mut parameter: impl FnMut(String, Vec<usize>) -> crate::Result<Var>,
) -> crate::Result<Stack> {
    let mut layers = Vec::new();
    for (index, pair) in widths.windows(2).enumerate() {
        let prefix = format!("{name}.{}", layers.len());
        let weight = parameter(format!("{prefix}.weight"), vec![pair[1], pair[0]])?;
        let bias = parameter(format!("{prefix}.bias"), vec![pair[1]])?;
        layers.push(Layer::Linear(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone()))));
        layers.push(Layer::Activation(activations(index)));
    }
    Ok(Stack { name, layers })
}

/// Glorot and Bengio 2010: uniform in ±sqrt(6 / (in + out)), for a weight `[out, in]`; zeros for a bias `[out]`.
pub(super) fn initial(dims: &[usize], rng: &mut ChaCha8Rng, device: &Device) -> Result<Var> {
    let tensor = match dims {
        &[fan_out, fan_in] => {
            let limit = (6. / (fan_in + fan_out) as f32).sqrt();
            let values: Vec<f32> = (0..fan_out * fan_in).map(|_| (rng.random::<f32>() * 2. - 1.) * limit).collect();
            Tensor::from_vec(values, dims, device)?
        }
        _ => Tensor::zeros(dims, candle_core::DType::F32, device)?,
    };
    Var::from_tensor(&tensor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn initial_weights_are_glorot_uniform_and_biases_zero() {
        let mut rng = stream(7, Purpose::Weights, 0);
        let weight = initial(&[32, 784], &mut rng, &Device::Cpu).unwrap();
        let values = weight.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let limit = (6f32 / 816.).sqrt();
        assert!(values.iter().all(|value| value.abs() <= limit));
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        let variance = values.iter().map(|value| value * value).sum::<f32>() / n;
        // A uniform variable's variance is limit^2 / 3; over 25,088 draws its estimate strays by about 0.6 %, the mean's by
        // limit / sqrt(3 n) = 0.0003; five times that each.
        assert!(mean.abs() < 0.0016, "{mean}");
        assert!((variance / (limit * limit / 3.) - 1.).abs() < 0.03, "{variance}");
        let bias = initial(&[32], &mut rng, &Device::Cpu).unwrap();
        assert_eq!(bias.to_vec1::<f32>().unwrap(), [0.; 32]);
    }
}
