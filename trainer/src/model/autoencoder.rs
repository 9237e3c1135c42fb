//! The autoencoder: an encoder down to the latent and a decoder back.

use std::path::Path;

use candle_core::{Device, Tensor, Var};
use candle_nn::{Linear, Module};
use rand_chacha::ChaCha8Rng;

use super::checkpoint::Checkpoint;
use super::encoding::Encoding;
use super::layers::{Init, Layer, checked_len, linear};
use super::network::NetworkConfig;
use super::stack::Stack;
use crate::error::Result;
use crate::fused::{Chain, Chains, LossTerms, Segments, TrainStep};
use crate::ops;
use crate::random::{Purpose, stream};

/// An autoencoder: `[batch, input_dim] -> [batch, latent_dim] -> [batch, input_dim]`, values in 0.0..=1.0.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use trainer::{Autoencoder, ModelConfig, NetworkConfig};
/// # fn main() -> trainer::Result<()> {
/// let network = NetworkConfig::new(&ModelConfig::dense(32, [128]), [28, 28])?;
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
    log_variance: Option<Linear>,
    decoder: Stack,
    parameters: Vec<(String, Var)>,
    /// What layers keep beside their parameters: no optimiser changes it.
    state: Vec<(String, Var)>,
}

/// What a training step needs of the forward pass.
pub(crate) struct TrainingPass {
    pub(crate) encoding: Encoding,
    /// `[batch, input_dim]`, before the sigmoid.
    pub(crate) logits: Tensor,
}

impl Autoencoder {
    /// A fresh network, its weights drawn from `seed`: Glorot uniform, zero biases.
    ///
    /// # Errors
    ///
    /// When the description is out of range or the device cannot hold the weights.
    pub fn new(network: &NetworkConfig, seed: u64, device: &Device) -> Result<Self> {
        let mut rng = stream(seed, Purpose::Weights, 0);
        Self::build(network, |_, dims, init| Ok(init.draw(&dims, &mut rng, device)?))
    }

    /// The network in a checkpoint, which carries its own description.
    ///
    /// # Errors
    ///
    /// [`crate::Error::File`] when the file is cut short or no checkpoint of this program, or a tensor is missing, surplus or of another
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
        self.checkpoint().write(path.as_ref())
    }

    /// The weights and the description.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let tensors =
            self.parameters.iter().chain(&self.state).map(|(name, var)| (name.clone(), var.as_detached_tensor()));
        Checkpoint::new(&self.network, tensors.collect())
    }

    pub(crate) fn from_checkpoint(checkpoint: &mut Checkpoint) -> Result<Self> {
        let network = checkpoint.network()?;
        let model = Self::build(&network, |name, dims, _| checkpoint.take(name, &dims))?;
        checkpoint.check_empty()?;
        Ok(model)
    }

    fn build(
        network: &NetworkConfig,
        mut parameter: impl FnMut(&str, Vec<usize>, Init) -> Result<Var>,
    ) -> Result<Self> {
        network.check()?;
        let (mut parameters, mut state) = (Vec::new(), Vec::new());
        let mut named = |name: String, dims, init| {
            let kept = if matches!(init, Init::State(_)) { &mut state } else { &mut parameters };
            let var = parameter(&name, dims, init)?;
            kept.push((name, var.clone()));
            Ok(var)
        };
        let [encoder_inputs, decoder_inputs] = network.inputs()?;
        let encoder = Stack::build("encoder", &network.encoder, &encoder_inputs, &mut named)?;
        let log_variance = if network.variational {
            let [.., width, latent] = &encoder_inputs[..] else {
                unreachable!("a variational encoder has a last layer")
            };
            let [width, latent] = [width, latent].map(|&shape| checked_len(shape));
            let mut head = |kind: &str, dims, init| named(format!("encoder.log_variance.{kind}"), dims, init);
            Some(linear([width, latent], &mut head)?)
        } else {
            None
        };
        let decoder = Stack::build("decoder", &network.decoder, &decoder_inputs, &mut named)?;
        Ok(Self { network: network.clone(), encoder, log_variance, decoder, parameters, state })
    }

    /// The description this network was built from.
    pub fn network(&self) -> &NetworkConfig {
        &self.network
    }

    /// The layers down to the latent; of a variational network, down to its mean.
    pub fn encoder(&self) -> &Stack {
        &self.encoder
    }

    /// The layer beside a variational encoder's last one, which computes the latent's log variance from the same input.
    pub fn log_variance(&self) -> Option<&Linear> {
        self.log_variance.as_ref()
    }

    /// The layers from the latent to the reconstruction, the last one a sigmoid.
    pub fn decoder(&self) -> &Stack {
        &self.decoder
    }

    /// Every parameter with its name, in the order of the layers.
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// The number of values in all parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// `[batch, input_dim] -> [batch, latent_dim]`; of a variational network, the mean.
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

    /// `[batch, input_dim] -> [batch, input_dim]`, through the latent.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn reconstruct(&self, input: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(input)?)
    }

    /// The latent and its log variance, `[batch, latent_dim]` both; no log variance unless variational.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn encode_distribution(&self, input: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let Encoding { latent, log_variance } = self.encoding(input)?;
        Ok((latent, log_variance))
    }

    pub(crate) fn encoding(&self, input: &Tensor) -> Result<Encoding> {
        let Some(log_variance) = &self.log_variance else {
            return Ok(Encoding { latent: self.encode(input)?, log_variance: None });
        };
        self.distribution(&self.encoder.forward_before_last(input)?, log_variance)
    }

    fn distribution(&self, features: &Tensor, log_variance: &Linear) -> Result<Encoding> {
        let mean = self.encoder.layers().last().expect("a variational encoder has a last layer");
        Ok(Encoding { latent: mean.forward(features)?, log_variance: Some(ops::linear(log_variance, features)?) })
    }

    /// A training step without the update; `None` where there are no kernels for it.
    pub(crate) fn train_step(&self, terms: LossTerms) -> Option<TrainStep> {
        match self.chains() {
            Some(chains) => Some(TrainStep::new(chains, terms)),
            None => Some(TrainStep::segmented(self.segments()?, terms)),
        }
    }

    /// The same as segments; nothing of a variational network.
    pub(crate) fn segments(&self) -> Option<Segments> {
        if self.log_variance.is_some() {
            return None;
        }
        Segments::new(self.encoder.segments(0)?, self.decoder.segments(1)?)
    }

    /// The layers as far as the logits; nothing where there are no kernels for them.
    pub(crate) fn chains(&self) -> Option<Chains> {
        let variational = self.log_variance.is_some();
        let heads = match (&self.log_variance, self.encoder.layers()) {
            (None, _) => None,
            (Some(log_variance), [.., Layer::Linear(mean)]) => {
                let head = |linear: &Linear| {
                    let mut chain = Chain::new(&linear.weight().dims()[1..]);
                    chain.linear(linear).then_some(chain)
                };
                Some([head(mean)?, head(log_variance)?])
            }
            _ => return None,
        };
        let encoder = self.encoder.chain(usize::from(variational))?;
        // Its last layer is the sigmoid, which the loss computes.
        Some(Chains { encoder, heads, decoder: self.decoder.chain(1)? })
    }

    /// The forward pass in training: dropout, noise and the latent's sample are drawn from `rng`.
    pub(crate) fn forward_training(&self, input: &Tensor, rng: &mut ChaCha8Rng) -> Result<TrainingPass> {
        let encoding = match &self.log_variance {
            None => Encoding { latent: self.encoder.forward_training(input, rng)?, log_variance: None },
            Some(log_variance) => {
                self.distribution(&self.encoder.forward_before_last_training(input, rng)?, log_variance)?
            }
        };
        let logits = self.decoder.forward_before_last_training(&encoding.sample(rng)?, rng)?;
        Ok(TrainingPass { encoding, logits })
    }
}

#[cfg(test)]
mod tests;
