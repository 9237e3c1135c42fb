//! Layers one after the other.

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;

use super::module::LayerModule;
use crate::fused::Chain;

/// Runs the layers one after the other, those on images at once where there is a kernel for it; in training, `rng` draws what is random.
pub(in crate::model) fn run<M: LayerModule>(
    layers: &[M],
    x: &Tensor,
    mut rng: Option<&mut ChaCha8Rng>,
) -> Result<Tensor> {
    let (mut rest, mut x) = (layers, x.clone());
    while let [layer, others @ ..] = rest {
        if let Some((chain, count)) = Chain::of(&x).and_then(|empty| chain(rest, empty)) {
            (x, rest) = (chain.forward(&x)?, &rest[count..]);
            continue;
        }
        x = match &mut rng {
            Some(rng) => layer.forward_training(&x, rng)?,
            None => layer.forward(&x)?,
        };
        rest = others;
    }
    Ok(x)
}

/// As many of the first layers as one chain can take, appended to the `empty` one, and their number.
pub(in crate::model) fn chain<M: LayerModule>(layers: &[M], empty: Chain) -> Option<(Chain, usize)> {
    let mut chain = empty;
    let count = layers.iter().take_while(|layer| layer.fuse(&mut chain)).count();
    (!chain.is_empty()).then_some((chain, count))
}
