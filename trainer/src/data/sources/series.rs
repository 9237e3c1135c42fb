//! Generated time series of three kinds, 64 steps of one value each: sines, chirps, and pulses like an electrocardiogram's.

use std::f64::consts::TAU;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::data::samples::Samples;
use crate::error::Result;
use crate::random::{Purpose, stream};

const STEPS: usize = 64;
const TRAIN_ROWS: usize = 3000;
const TEST_ROWS: usize = 600;
/// Its own seed, not the run's: the set is the same for every run.
const SEED: u64 = 1;
/// Values are kept in 256 levels, as pixels are; rounding costs a mean squared error of 1.3e-6.
const MAX_VALUE: u8 = 255;

/// One wave of a heart beat: its place and width in parts of a beat, its height in parts of the largest.
struct Wave {
    place: f64,
    width: f64,
    height: f64,
}

/// P, Q, R, S and T, after the shape of the model of McSharry et al. 2003, "A dynamical model for generating synthetic
/// electrocardiogram signals".
const BEAT: [Wave; 5] = [
    Wave { place: 0.16, width: 0.050, height: 0.15 },
    Wave { place: 0.31, width: 0.035, height: -0.15 },
    Wave { place: 0.40, width: 0.045, height: 1.00 },
    Wave { place: 0.49, width: 0.035, height: -0.25 },
    Wave { place: 0.74, width: 0.080, height: 0.30 },
];

pub(super) fn load() -> Result<(Samples, Samples)> {
    Ok((rows(TRAIN_ROWS, 0)?, rows(TEST_ROWS, 1)?))
}

/// Rows of the three kinds in turn; the label is the kind.
fn rows(count: usize, index: u32) -> Result<Samples> {
    let mut rng = stream(SEED, Purpose::Series, index);
    let (mut pixels, mut labels) = (Vec::with_capacity(count * STEPS), Vec::with_capacity(count));
    for row in 0..count {
        let kind = row % 3;
        let values = match kind {
            0 => sine(&mut rng),
            1 => chirp(&mut rng),
            _ => pulses(&mut rng),
        };
        pixels.extend(values.map(|value| (value.clamp(0., 1.) * f64::from(MAX_VALUE)).round() as u8));
        labels.push(kind as u8);
    }
    Samples::new(pixels, labels, [STEPS, 1], MAX_VALUE)
}

/// Time from 0 to 1.
fn time() -> [f64; STEPS] {
    std::array::from_fn(|step| step as f64 / STEPS as f64)
}

/// 1 to 4 periods around 0.5, an amplitude of 0.2 to 0.45, any phase.
fn sine(rng: &mut ChaCha8Rng) -> [f64; STEPS] {
    let (periods, amplitude, phase) =
        (rng.random_range(1. ..4.), rng.random_range(0.2..0.45), rng.random_range(0. ..1.));
    time().map(|t| 0.5 + amplitude * (TAU * (periods * t + phase)).sin())
}

/// As a sine, its frequency rising in a line from 0.5 to 1.5 periods to 3 to 5.
fn chirp(rng: &mut ChaCha8Rng) -> [f64; STEPS] {
    let (first, last) = (rng.random_range(0.5..1.5), rng.random_range(3. ..5.));
    let (amplitude, phase) = (rng.random_range(0.2..0.45), rng.random_range(0. ..1.));
    time().map(|t| 0.5 + amplitude * (TAU * (first * t + (last - first) * t * t / 2. + phase)).sin())
}

/// 1.5 to 3 beats from a base line of 0.3, the highest wave 0.4 to 0.65 above it, any phase.
fn pulses(rng: &mut ChaCha8Rng) -> [f64; STEPS] {
    let (beats, height, phase) = (rng.random_range(1.5..3.), rng.random_range(0.4..0.65), rng.random_range(0. ..1.));
    time().map(|t| {
        let place = (beats * t + phase).fract();
        let wave = |wave: &Wave| {
            // A wave near the end of a beat reaches into the next one.
            let distance = (place - wave.place + 0.5).rem_euclid(1.) - 0.5;
            wave.height * (-0.5 * (distance / wave.width).powi(2)).exp()
        };
        0.3 + height * BEAT.iter().map(wave).sum::<f64>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_fill_their_range_and_differ() {
        let (train, test) = load().unwrap();
        assert_eq!((train.len(), test.len(), train.size()), (3000, 600, [64, 1]));
        for images in [&train, &test] {
            for row in 0..images.len() {
                let (low, high) = (images.row(row).iter().min().unwrap(), images.row(row).iter().max().unwrap());
                assert!(high - low >= 95, "row {row}: {low} to {high}");
            }
        }
        let mut all: Vec<&[u8]> =
            (0..3000).map(|row| train.row(row)).chain((0..600).map(|row| test.row(row))).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 3600);
    }
}
