//! Gaussian noise on a network's input.

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Words of the generator that each value has: a draw takes little more than two.
const WORDS: u128 = 16;

/// Noise of some standard deviation, drawn for each row from a place of its own, so that rows can be taken in any order.
pub(crate) struct Noise {
    std: f32,
    rng: ChaCha8Rng,
}

impl Noise {
    /// Noise that is drawn from where `rng` stands.
    pub(crate) fn new(std: f64, rng: ChaCha8Rng) -> Self {
        Self { std: std as f32, rng }
    }

    /// `clean` `[batch, n]` with noise, clipped to 0.0..=1.0.
    pub(crate) fn on(&self, clean: &Tensor) -> Result<Tensor> {
        let (_, width) = clean.dims2()?;
        let mut values = clean.flatten_all()?.to_vec1::<f32>()?;
        values.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, values)| self.add(row, width, values));
        Tensor::from_vec(values, clean.shape(), clean.device())
    }

    /// Adds the noise of the rows from `first` on, of `width` values each, and clips to 0.0..=1.0.
    pub(crate) fn add(&self, first: usize, width: usize, rows: &mut [f32]) {
        for (index, row) in rows.chunks_mut(width).enumerate() {
            let mut rng = self.rng.clone();
            rng.set_word_pos(self.rng.get_word_pos() + ((first + index) * width) as u128 * WORDS);
            for value in row {
                let draw: f32 = StandardNormal.sample(&mut rng);
                *value = (*value + self.std * draw).clamp(0., 1.);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn each_row_has_its_noise_whichever_comes_first() {
        let noise = Noise::new(0.5, stream(1, Purpose::InputNoise, 2));
        let clean = Tensor::full(0.5f32, (5, 7), &Device::Cpu).unwrap();
        let all = noise.on(&clean).unwrap().to_vec2::<f32>().unwrap();
        let mut last = vec![0.5; 2 * 7];
        noise.add(3, 7, &mut last);
        assert_eq!(last, all[3..].concat());
        assert!(all.iter().flatten().all(|value| (0. ..=1.).contains(value)) && all[0] != all[1]);
    }
}
