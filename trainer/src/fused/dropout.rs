//! What dropout multiplies values by.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// For each of `count` values 0, for about the part `rate` of them, or what keeps the mean; without a draw where `rate` is 0.
pub(crate) fn dropout_mask(rate: f64, count: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    if rate == 0. {
        return vec![1.; count];
    }
    let scale = (1. / (1. - rate)) as f32;
    (0..count).map(|_| if rng.random::<f64>() < rate { 0. } else { scale }).collect()
}
