//! What is measured of a network to know whether it has learned anything.

use candle_core::{D, DType, Tensor};

use crate::data::{Dataset, Samples, Split};
use crate::error::Result;
use crate::evaluate::measure::Measure;
use crate::evaluate::pixels::largest;
use crate::random::Purpose;

/// Test rows that are enough to tell whether a unit is dead.
const ROWS: usize = 2000;
/// A unit whose values differ by no more than this part of the largest value of all units is constant.
const CONSTANT: f64 = 1e-6;
/// A unit of a variational latent with a smaller divergence, in nats, carries nothing.
const ACTIVE: f64 = 0.01;

/// The latent on some test rows, and the scale of the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symptoms {
    /// Units of the latent.
    pub(super) units: usize,
    /// Those that are the same for every row.
    pub(super) constant: usize,
    /// Of a variational latent, the units that carry something.
    pub(super) active: Option<usize>,
    /// The largest value of the training rows.
    pub(super) largest: u8,
    /// The value that becomes 1.0.
    pub(super) max_value: u8,
    /// Whether the first training rows are all the same.
    pub(super) alike: bool,
}

/// Data whose largest value is this part of the scale, or less, is on another scale.
const SMALL_SCALE: f64 = 0.125;

impl Symptoms {
    /// Whether the data seems to be on another scale.
    pub(super) fn is_small_scale(&self) -> bool {
        f64::from(self.largest) <= SMALL_SCALE * f64::from(self.max_value)
    }

    /// Looks at the latents of the first test rows.
    pub(crate) fn examine(measure: &Measure, dataset: &Dataset, split: &Split) -> Result<Self> {
        let rows: Vec<u32> = (0..dataset.test.len().min(ROWS) as u32).collect();
        let (mut latents, mut divergences) = (Vec::new(), Vec::new());
        for block in measure.blocks(&dataset.test, &rows, Purpose::MeasuredNoise) {
            let encoding = measure.model.encoding(&block?.0)?;
            latents.push(encoding.latent.detach());
            divergences.extend(encoding.unit_divergence()?.map(|sum| sum.detach()));
        }
        let latents = Tensor::cat(&latents, 0)?;
        let units = latents.dim(D::Minus1)?;
        let [high, low] = [latents.max(0)?, latents.min(0)?].map(|values| values.to_vec1::<f32>());
        let (high, low) = (high?, low?);
        let scale = high.iter().chain(&low).fold(0f32, |scale, value| scale.max(value.abs()));
        let threshold = CONSTANT * f64::from(scale);
        let constant = high.iter().zip(&low).filter(|(high, low)| f64::from(**high - **low) <= threshold).count();
        let active = if divergences.is_empty() {
            None
        } else {
            let sums = Tensor::cat(&divergences, 0)?.to_dtype(DType::F64)?.sum(0)?.to_vec1::<f64>()?;
            Some(sums.into_iter().filter(|sum| sum / rows.len() as f64 >= ACTIVE).count())
        };
        let max_value = dataset.train.max_value();
        let (largest, alike) = (largest(&dataset.train, &split.train), are_alike(&dataset.train, &split.train));
        Ok(Self { units, constant, active, largest, max_value, alike })
    }
}

/// Whether the first of these rows are all the same.
fn are_alike(samples: &Samples, rows: &[u32]) -> bool {
    let row = |row: u32| {
        let mut values = vec![0.; samples.width()];
        samples.fill(&[row], &mut values);
        values
    };
    let Some((&first, others)) = rows.split_first() else { return false };
    let first = row(first);
    !others.is_empty() && others.iter().take(ROWS).all(|&other| row(other) == first)
}
