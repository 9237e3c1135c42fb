//! The autoencoder: an encoder down to the code and a decoder back.

use std::path::Path;

use candle_core::{Device, Tensor, Var};
use candle_nn::{Activation, Module};

use super::checkpoint::Checkpoint;
use super::network::NetworkConfig;
use super::stack::{Stack, dense, initial};
use crate::Result;
use crate::random::{Purpose, stream};

/// A dense autoencoder: `[batch, input_dim] -> [batch, latent_dim] -> [batch, input_dim]`, values in 0.0..=1.0.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use trainer::{Autoencoder, ModelConfig, NetworkConfig};
/// # fn main() -> trainer::Result<()> {
/// let network = NetworkConfig::new(&ModelConfig::default(), [28, 28])?;
/// let model = Autoencoder::new(&network, 1, &Device::Cpu)?;
/// let images = Tensor::zeros((5, 784), DType::F32, &Device::Cpu)?;
/// let latent = model.encode(&images)?;
/// assert_eq!(latent.dims(), [5, 32]);
/// assert_eq!(model.decode(&latent)?.dims(), [5, 784]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Autoencoder {
    network: NetworkConfig,
    encoder: Stack,
    decoder: Stack,
    parameters: Vec<(String, Var)>,
}

impl Autoencoder {
    /// A fresh network, its weights drawn from `seed`: Glorot uniform, zero biases.
    ///
    /// # Errors
    ///
    /// When the description is out of range or the device cannot hold the weights.
    pub fn new(network: &NetworkConfig, seed: u64, device: &Device) -> Result<Self> {
        let mut rng = stream(seed, Purpose::Weights, 0);
        Self::build(network, |_, dims| Ok(initial(&dims, &mut rng, device)?))
    }

    /// The network in a checkpoint, which carries its own description.
    ///
    /// # Errors
    ///
    /// [`crate::Error::File`] when the file is cut short, is no checkpoint of ours, or a tensor is missing, surplus or of another
    /// shape than the description says.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::from_checkpoint(&mut Checkpoint::read(path.as_ref(), device)?)
    }

    /// Writes weights and description to `path`; the file is whole or not there.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        Checkpoint::new(self).write(path.as_ref())
    }

    pub(crate) fn from_checkpoint(checkpoint: &mut Checkpoint) -> Result<Self> {
        let network = checkpoint.network()?;
        let model = Self::build(&network, |name, dims| checkpoint.take(name, &dims))?;
        checkpoint.check_empty()?;
        Ok(model)
    }

    fn build(network: &NetworkConfig, mut parameter: impl FnMut(&str, Vec<usize>) -> Result<Var>) -> Result<Self> {
        network.check()?;
        let mut parameters = Vec::new();
        let mut named = |name: String, dims| {
            let var = parameter(&name, dims)?;
            parameters.push((name, var.clone()));
            Ok(var)
        };
        let mut widths = network.encoder_widths();
        let last = widths.len() - 2;
        let encoder = dense("encoder", &widths, |_| Activation::Relu, &mut named)?;
        widths.reverse();
        let output = |index| if index == last { Activation::Sigmoid } else { Activation::Relu };
        let decoder = dense("decoder", &widths, output, &mut named)?;
        Ok(Self { network: network.clone(), encoder, decoder, parameters })
    }

    /// The description this network was built from.
    pub fn network(&self) -> &NetworkConfig {
        &self.network
    }

    /// The layers down to the code.
    pub fn encoder(&self) -> &Stack {
        &self.encoder
    }

    /// The layers from the code to the reconstruction, the last one a sigmoid.
    pub fn decoder(&self) -> &Stack {
        &self.decoder
    }

    /// Every trained tensor with its name, in the order of the layers.
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// The number of trained values.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// `[batch, input_dim] -> [batch, latent_dim]`.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn encode(&self, input: &Tensor) -> Result<Tensor> {
        Ok(self.encoder.forward(input)?)
    }

    /// `[batch, latent_dim] -> [batch, input_dim]`, before the sigmoid.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn decode_logits(&self, latent: &Tensor) -> Result<Tensor> {
        Ok(self.decoder.forward_before_last(latent)?)
    }

    /// `[batch, latent_dim] -> [batch, input_dim]`, values in 0.0..=1.0.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn decode(&self, latent: &Tensor) -> Result<Tensor> {
        Ok(self.decoder.forward(latent)?)
    }

    /// `[batch, input_dim] -> [batch, input_dim]`, through the code.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn reconstruct(&self, input: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(input)?)
    }
}
