//! The autoencoder: an encoder down to the code and a decoder back.

use std::path::Path;

use candle_core::{Device, Tensor, Var};
use candle_nn::{Linear, Module};
use rand_chacha::ChaCha8Rng;

use super::checkpoint::Checkpoint;
use super::network::NetworkConfig;
use super::stack::{Layer, Stack, initial, linear};
use crate::Result;
use crate::fused::{Chain, Chains, LossTerms, TrainStep};
use crate::ops;
use crate::random::{Purpose, normal, stream};

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
}

/// What the encoder makes of a batch, `[batch, latent_dim]`: the code, which is the mean of a variational one.
pub(crate) struct Code {
    pub(crate) latent: Tensor,
    pub(crate) log_variance: Option<Tensor>,
}

impl Code {
    /// The code itself, or a sample of its distribution: mean + deviation * noise.
    pub(crate) fn sample(&self, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
        let Some(log_variance) = &self.log_variance else { return Ok(self.latent.clone()) };
        let noise = Tensor::from_vec(normal(rng, self.latent.elem_count()), self.latent.shape(), self.latent.device())?;
        let deviation = (log_variance * 0.5)?.exp()?;
        &self.latent + (deviation * noise.to_dtype(self.latent.dtype())?)?
    }

    /// How far the code's distribution is from the standard normal one, in nats: the Kullback-Leibler divergence, summed over
    /// units, the mean over the batch (Kingma and Welling 2014, appendix B). Nothing unless variational.
    pub(crate) fn divergence(&self) -> candle_core::Result<Option<Tensor>> {
        let Some(log_variance) = &self.log_variance else { return Ok(None) };
        let terms = (((log_variance.exp()? + self.latent.sqr()?)? - log_variance)? - 1.)?;
        Ok(Some((terms.sum(1)?.mean_all()? * 0.5)?))
    }
}

/// What a training step needs of the forward pass.
pub(crate) struct TrainingPass {
    pub(crate) code: Code,
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
        Self::build(network, |name, dims| Ok(initial(name, &dims, &mut rng, device)?))
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
        let [encoder_inputs, decoder_inputs] = network.inputs()?;
        let encoder = Stack::build("encoder", &network.encoder, &encoder_inputs, &mut named)?;
        let log_variance = if network.variational {
            let [.., width, latent] = &encoder_inputs[..] else {
                unreachable!("a variational encoder has a last layer")
            };
            let [width, latent] = [width, latent].map(|shape| shape.dims().iter().product());
            Some(linear([width, latent], |kind, dims| named(format!("encoder.log_variance.{kind}"), dims))?)
        } else {
            None
        };
        let decoder = Stack::build("decoder", &network.decoder, &decoder_inputs, &mut named)?;
        Ok(Self { network: network.clone(), encoder, log_variance, decoder, parameters })
    }

    /// The description this network was built from.
    pub fn network(&self) -> &NetworkConfig {
        &self.network
    }

    /// The layers down to the code; of a variational network, down to its mean.
    pub fn encoder(&self) -> &Stack {
        &self.encoder
    }

    /// The twin of a variational encoder's last layer, which gives the code's log variance from the same input.
    pub fn log_variance(&self) -> Option<&Linear> {
        self.log_variance.as_ref()
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

    /// `[batch, input_dim] -> [batch, input_dim]`, through the code.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn reconstruct(&self, input: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(input)?)
    }

    /// The code with its log variance, `[batch, latent_dim]` both; no log variance unless variational.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn encode_distribution(&self, input: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let Code { latent, log_variance } = self.code(input)?;
        Ok((latent, log_variance))
    }

    pub(crate) fn code(&self, input: &Tensor) -> Result<Code> {
        let Some(log_variance) = &self.log_variance else {
            return Ok(Code { latent: self.encode(input)?, log_variance: None });
        };
        self.distribution(&self.encoder.forward_before_last(input)?, log_variance)
    }

    fn distribution(&self, features: &Tensor, log_variance: &Linear) -> Result<Code> {
        let mean = self.encoder.layers().last().expect("a variational encoder has a last layer");
        Ok(Code { latent: mean.forward(features)?, log_variance: Some(ops::linear(log_variance, features)?) })
    }

    /// All of a training step but the update; `None` where there are no kernels for it.
    pub(crate) fn train_step(&self, terms: LossTerms) -> Option<TrainStep> {
        self.chains().map(|chains| TrainStep::new(chains, terms))
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
        // Its last layer is the sigmoid, which is the loss's.
        Some(Chains { encoder, heads, decoder: self.decoder.chain(1)? })
    }

    /// The way of a batch in training: dropout, noise and the code's sample are drawn from `rng`.
    pub(crate) fn forward_training(&self, input: &Tensor, rng: &mut ChaCha8Rng) -> Result<TrainingPass> {
        let code = match &self.log_variance {
            None => Code { latent: self.encoder.forward_training(input, rng)?, log_variance: None },
            Some(log_variance) => {
                self.distribution(&self.encoder.forward_before_last_training(input, rng)?, log_variance)?
            }
        };
        let logits = self.decoder.forward_before_last_training(&code.sample(rng)?, rng)?;
        Ok(TrainingPass { code, logits })
    }
}

#[cfg(test)]
mod tests;
