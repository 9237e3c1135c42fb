//! What the encoder makes of a batch: the latent, or the distribution that it is drawn from.

use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use crate::random::normal;

/// What the encoder makes of a batch, `[batch, latent_dim]`: the latent, which in a variational network is its mean.
pub(crate) struct Encoding {
    pub(crate) latent: Tensor,
    pub(crate) log_variance: Option<Tensor>,
}

impl Encoding {
    /// The latent itself, or a sample of its distribution: mean + std * noise.
    pub(crate) fn sample(&self, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
        let Some(log_variance) = &self.log_variance else { return Ok(self.latent.clone()) };
        let noise = Tensor::from_vec(normal(rng, self.latent.elem_count()), self.latent.shape(), self.latent.device())?;
        let std = (log_variance * 0.5)?.exp()?;
        &self.latent + (std * noise.to_dtype(self.latent.dtype())?)?
    }

    /// How far the latent's distribution is from the standard normal one, in nats: the Kullback-Leibler divergence, summed over
    /// units, the mean over the batch (Kingma and Welling 2014, appendix B). Nothing unless variational.
    pub(crate) fn divergence(&self) -> candle_core::Result<Option<Tensor>> {
        let Some(log_variance) = &self.log_variance else { return Ok(None) };
        let terms = (((log_variance.exp()? + self.latent.sqr()?)? - log_variance)? - 1.)?;
        Ok(Some((terms.sum(1)?.mean_all()? * 0.5)?))
    }

    /// The divergence of each unit of each row, `[batch, latent_dim]`. Nothing unless variational.
    pub(crate) fn unit_divergence(&self) -> candle_core::Result<Option<Tensor>> {
        let Some(log_variance) = &self.log_variance else { return Ok(None) };
        let terms = (((log_variance.exp()? + self.latent.sqr()?)? - log_variance)? - 1.)?;
        Ok(Some((terms * 0.5)?))
    }
}
