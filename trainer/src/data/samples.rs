//! Rows of pixels, kept as bytes until they are batched.

use std::hint::black_box;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Bytes that the processor fetches at once.
const LINE: usize = 64;
/// Images that a thread converts at once.
const BLOCK: usize = 64;

/// Greyscale images of one size with a class label each.
#[derive(Clone, Debug)]
pub struct Images {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    shape: [usize; 2],
    max_value: u8,
}

impl Images {
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
        Ok(Self { pixels, labels, shape, max_value })
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

    /// The byte that stands for 1.0.
    pub fn max_value(&self) -> u8 {
        self.max_value
    }

    /// Every pixel, image after image, top row first.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The class of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of image `index`.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Images::len`].
    pub fn row(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.width()..][..self.width()]
    }

    /// The images `indices` alone; nothing where there are none.
    ///
    /// # Panics
    ///
    /// When an index is not below [`Images::len`].
    pub(super) fn select(&self, indices: &[u32]) -> Option<Self> {
        let pixels = indices.iter().flat_map(|&index| self.row(index as usize)).copied().collect();
        let labels = indices.iter().map(|&index| self.labels[index as usize]).collect();
        (!indices.is_empty()).then_some(Self { pixels, labels, ..*self })
    }

    /// The images `indices` as floats in 0.0..=1.0, `[indices.len(), width]`.
    ///
    /// # Errors
    ///
    /// When the device cannot hold the batch.
    ///
    /// # Panics
    ///
    /// When an index is not below [`Images::len`].
    pub fn batch(&self, indices: &[u32], device: &Device) -> Result<Tensor> {
        let width = self.width();
        let mut values = vec![0.; indices.len() * width];
        let blocks = values.par_chunks_mut(BLOCK * width).zip(indices.par_chunks(BLOCK));
        blocks.for_each(|(values, indices)| self.fill(indices, values));
        Ok(Tensor::from_vec(values, (indices.len(), width), device)?)
    }

    /// Writes the images `indices` as floats in 0.0..=1.0, `[indices.len(), width]`.
    pub(crate) fn fill(&self, indices: &[u32], values: &mut [f32]) {
        for (place, values) in values.chunks_exact_mut(self.width()).enumerate() {
            // The rows lie anywhere in memory: one is on its way while another is converted.
            if let Some(&next) = indices.get(place + 1) {
                let lines = self.row(next as usize).iter().step_by(LINE);
                black_box(lines.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
            }
            kernels::scale_bytes(self.row(indices[place] as usize), f32::from(self.max_value), values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_gathers_rows_and_scales_white_to_one() {
        let images = Images::new(vec![0, 16, 8, 4, 2, 1], vec![7, 8, 9], [1, 2], 16).unwrap();
        let batch = images.batch(&[2, 0], &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(batch, [[0.125, 0.0625], [0., 1.]]);
    }

    #[test]
    fn every_byte_becomes_the_quotient() {
        for max_value in 1..=255 {
            let images = Images::new((0..=255).collect(), vec![0], [16, 16], max_value).unwrap();
            let mut found = vec![0.; 256];
            images.fill(&[0], &mut found);
            assert!((0..256).all(|byte| found[byte] == byte as f32 / f32::from(max_value)), "{max_value}");
        }
    }

    #[test]
    fn pixels_must_match_the_labels() {
        let error = Images::new(vec![0; 5], vec![1, 2], [1, 2], 255).unwrap_err().to_string();
        assert_eq!(error, "setting `data`: expected 2 images of 1 x 2 pixels, found 5 bytes");
    }
}
