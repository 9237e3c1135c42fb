//! Every random choice, drawn from one seed: candle's CPU device cannot be seeded.

mod noise;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub(crate) use noise::Noise;

/// What a stream of random numbers is for; each purpose has streams of its own, so that one choice never shifts another.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Initial weights.
    Weights = 1,
    /// Which training rows are held out for validation.
    Split = 2,
    /// The order of the training rows, one stream an epoch.
    Shuffle = 3,
    /// Where the search for principal axes starts.
    Axes = 4,
    /// Noise on the input in training, one stream an epoch.
    InputNoise = 5,
    /// Dropout, noise between layers and samples of the latent in training, one stream an epoch.
    Dropout = 6,
    /// Noise on the rows that are measured, the same every time.
    MeasuredNoise = 7,
    /// Noise on the training rows that those are compared with. With the same noise, rows at the same index would seem close.
    NeighbourNoise = 11,
    /// Samples of the latent of the rows that are measured.
    MeasuredSample = 8,
    /// Latents to draw pictures from.
    Pictures = 9,
    /// The generated time series.
    Series = 10,
}

/// The generator for stream `index` of `purpose`.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64) << 32) | u64::from(index));
    rng
}

/// The same generator, moved on so far that step `step` shares no number with another step.
pub(crate) fn stream_at(seed: u64, purpose: Purpose, index: u32, step: usize) -> ChaCha8Rng {
    let mut rng = stream(seed, purpose, index);
    // 2^36 words a step; a stream has 2^68.
    rng.set_word_pos((step as u128) << 36);
    rng
}

/// `count` draws of the standard normal distribution.
pub(crate) fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_stream_differ_and_repeat() {
        let draw = |step| normal(&mut stream_at(1, Purpose::Dropout, 3, step), 4);
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }

    #[test]
    fn normal_draws_have_mean_0_and_variance_1() {
        let draws = normal(&mut stream(1, Purpose::Dropout, 0), 100_000);
        let n = draws.len() as f32;
        let mean = draws.iter().sum::<f32>() / n;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
        // Standard errors: 1 / sqrt(n) = 0.003 and sqrt(2 / n) = 0.0045; five times that.
        assert!(mean.abs() < 0.016 && (variance - 1.).abs() < 0.023, "{mean} {variance}");
    }
}
