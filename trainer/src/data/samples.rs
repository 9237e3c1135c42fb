//! Rows as they came, bytes or the cells of a table, until they are batched.

use std::hint::black_box;
use std::sync::Arc;

use bundle::Schema;
use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Bytes that the processor fetches at once.
const LINE: usize = 64;
/// Images that a thread converts at once.
const BLOCK: usize = 64;

/// Greyscale images of one size, or rows of a table, with a class label each.
#[derive(Clone, Debug)]
pub struct Samples {
    values: Values,
    labels: Vec<u8>,
    shape: [usize; 2],
}

#[derive(Clone, Debug)]
enum Values {
    Bytes {
        pixels: Vec<u8>,
        max_value: u8,
    },
    /// Raw rows, a float for each column.
    Table {
        raw: Vec<f32>,
        schema: Arc<Schema>,
    },
}

impl Samples {
    /// Images of `[height, width]` pixels, row after row, where the byte `max_value` becomes 1.0.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there are no pixels, or the pixels are not `height * width` for each label.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, shape: [usize; 2], max_value: u8) -> Result<Self> {
        let expected = labels.len() * shape[0] * shape[1];
        if expected == 0 || pixels.len() != expected || max_value == 0 {
            let [height, width] = shape;
            return Err(Error::setting(
                "data",
                format!("expected {} images of {height} x {width} pixels, found {} bytes", labels.len(), pixels.len()),
            ));
        }
        Ok(Self { values: Values::Bytes { pixels, max_value }, labels, shape })
    }

    /// The raw rows of a table, `[labels.len(), schema.raw_len()]`. To the network a row is an image of height 1.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there are no rows, or the values are not `schema.raw_len()` for each label.
    pub fn table(raw: Vec<f32>, labels: Vec<u8>, schema: Arc<Schema>) -> Result<Self> {
        if labels.is_empty() || raw.len() != labels.len() * schema.raw_len() {
            let columns = schema.raw_len();
            let reason = format!("expected {} rows of {columns} columns, found {} values", labels.len(), raw.len());
            return Err(Error::setting("data", reason));
        }
        let shape = [1, schema.input_len()];
        Ok(Self { values: Values::Table { raw, schema }, labels, shape })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true: there is at least one image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height and width in pixels.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Pixels in one image.
    pub fn width(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// The byte that stands for 1.0; 1 for a table, whose values are what they are.
    pub fn max_value(&self) -> u8 {
        match self.values {
            Values::Bytes { max_value, .. } => max_value,
            Values::Table { .. } => 1,
        }
    }

    /// Every pixel, image after image, top row first; none of a table.
    pub fn pixels(&self) -> &[u8] {
        match &self.values {
            Values::Bytes { pixels, .. } => pixels,
            Values::Table { .. } => &[],
        }
    }

    /// The raw rows of a table and its columns; nothing for images.
    pub fn raw(&self) -> Option<(&[f32], &Arc<Schema>)> {
        match &self.values {
            Values::Bytes { .. } => None,
            Values::Table { raw, schema } => Some((raw, schema)),
        }
    }

    /// The class of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of image `index`.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Samples::len`], or these are rows of a table.
    pub fn row(&self, index: usize) -> &[u8] {
        &self.pixels()[index * self.width()..][..self.width()]
    }

    /// The images `indices` alone; nothing where there are none.
    ///
    /// # Panics
    ///
    /// When an index is not below [`Samples::len`].
    pub(super) fn select(&self, indices: &[u32]) -> Option<Self> {
        let values = match &self.values {
            Values::Bytes { max_value, .. } => {
                let pixels = indices.iter().flat_map(|&index| self.row(index as usize)).copied().collect();
                Values::Bytes { pixels, max_value: *max_value }
            }
            Values::Table { raw, schema } => {
                let columns = schema.raw_len();
                let rows = indices.iter().flat_map(|&index| &raw[index as usize * columns..][..columns]);
                Values::Table { raw: rows.copied().collect(), schema: schema.clone() }
            }
        };
        let labels = indices.iter().map(|&index| self.labels[index as usize]).collect();
        (!indices.is_empty()).then_some(Self { values, labels, shape: self.shape })
    }

    /// The rows `indices` as the network takes them, `[indices.len(), width]`: pixels in 0.0..=1.0, columns scaled.
    ///
    /// # Errors
    ///
    /// When the device cannot hold the batch.
    ///
    /// # Panics
    ///
    /// When an index is not below [`Samples::len`].
    pub fn batch(&self, indices: &[u32], device: &Device) -> Result<Tensor> {
        let width = self.width();
        let mut values = vec![0.; indices.len() * width];
        let blocks = values.par_chunks_mut(BLOCK * width).zip(indices.par_chunks(BLOCK));
        blocks.for_each(|(values, indices)| self.fill(indices, values));
        Ok(Tensor::from_vec(values, (indices.len(), width), device)?)
    }

    /// Writes the rows `indices` as the network takes them, `[indices.len(), width]`.
    pub(crate) fn fill(&self, indices: &[u32], values: &mut [f32]) {
        let max_value = match &self.values {
            Values::Bytes { max_value, .. } => f32::from(*max_value),
            Values::Table { raw, schema } => {
                let columns = schema.raw_len();
                for (&index, values) in indices.iter().zip(values.chunks_exact_mut(self.width())) {
                    schema.prepare(&raw[index as usize * columns..][..columns], values);
                }
                return;
            }
        };
        for (place, values) in values.chunks_exact_mut(self.width()).enumerate() {
            // The rows lie anywhere in memory: one is on its way while another is converted.
            if let Some(&next) = indices.get(place + 1) {
                let lines = self.row(next as usize).iter().step_by(LINE);
                black_box(lines.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
            }
            kernels::scale_bytes(self.row(indices[place] as usize), max_value, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_gathers_rows_and_scales_white_to_one() {
        let images = Samples::new(vec![0, 16, 8, 4, 2, 1], vec![7, 8, 9], [1, 2], 16).unwrap();
        let batch = images.batch(&[2, 0], &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(batch, [[0.125, 0.0625], [0., 1.]]);
    }

    #[test]
    fn every_byte_becomes_the_quotient() {
        for max_value in 1..=255 {
            let images = Samples::new((0..=255).collect(), vec![0], [16, 16], max_value).unwrap();
            let mut found = vec![0.; 256];
            images.fill(&[0], &mut found);
            assert!((0..256).all(|byte| found[byte] == byte as f32 / f32::from(max_value)), "{max_value}");
        }
    }

    #[test]
    fn pixels_must_match_the_labels() {
        let error = Samples::new(vec![0; 5], vec![1, 2], [1, 2], 255).unwrap_err().to_string();
        assert_eq!(error, "setting `data`: expected 2 images of 1 x 2 pixels, found 5 bytes");
    }
}
