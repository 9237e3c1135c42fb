//! Usual rows, whose distance tells how unusual another one is: kept in a byte a value.

use super::columns::sorted_columns;

/// The part of the values at either end that are taken for the next ones inwards.
const TRIMMED: f64 = 0.001;

/// Rows as the network takes them. A value is one of 256 that lie evenly between two of its column.
///
/// ```
/// let known = bundle::KnownRows::new(&[0., 5., 1., 6., 0.5, 7.], 2);
/// assert_eq!((known.len(), known.width()), (3, 2));
/// let rows = known.rows();
/// assert!(rows.iter().zip([0., 5., 1., 6., 0.5, 7.]).all(|(found, expected)| (found - expected).abs() < 0.01));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KnownRows {
    bytes: Vec<u8>,
    low: Vec<f32>,
    step: Vec<f32>,
}

impl KnownRows {
    /// Takes `rows` `[n, width]`, which are finite.
    pub fn new(rows: &[f32], width: usize) -> Self {
        let (mut low, mut step) = (vec![0.; width], vec![0.; width]);
        for (place, values) in sorted_columns(rows, width).enumerate() {
            let Some(last) = values.len().checked_sub(1) else { continue };
            let cut = (values.len() as f64 * TRIMMED) as usize;
            low[place] = values[cut];
            step[place] = (values[last - cut] - values[cut]) / 255.;
        }
        let byte = |(index, value): (usize, &f32)| {
            let (low, step) = (low[index % width], step[index % width]);
            if step > 0. { ((value - low) / step).round().clamp(0., 255.) as u8 } else { 0 }
        };
        Self { bytes: rows.iter().enumerate().map(byte).collect(), low, step }
    }

    /// Rows as they were stored: `bytes` `[n, width]`, which stand for `low + step * byte`. Nothing where the lengths do not fit.
    pub fn from_parts(bytes: Vec<u8>, low: Vec<f32>, step: Vec<f32>) -> Option<Self> {
        let is_finite = low.iter().chain(&step).all(|value| value.is_finite());
        let fits = !low.is_empty() && low.len() == step.len() && bytes.len().is_multiple_of(low.len()) && is_finite;
        fits.then_some(Self { bytes, low, step })
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.low.len()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.low.len().max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The rows as bytes, `[n, width]`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// For each column, what the byte 0 stands for.
    pub fn low(&self) -> &[f32] {
        &self.low
    }

    /// For each column, what lies between one byte and the next.
    pub fn step(&self) -> &[f32] {
        &self.step
    }

    /// The rows, `[n, width]`.
    pub fn rows(&self) -> Vec<f32> {
        let columns = self.low.iter().zip(&self.step).cycle();
        self.bytes.iter().zip(columns).map(|(byte, (low, step))| f32::from(*byte) * step + low).collect()
    }
}
