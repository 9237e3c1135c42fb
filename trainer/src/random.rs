//! Every random choice, drawn from one seed: candle's CPU device cannot be seeded.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

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
}

/// The generator for stream `index` of `purpose`.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64) << 32) | u64::from(index));
    rng
}
