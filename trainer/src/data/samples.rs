//! Rows as they came, bytes or raw numbers, until they are batched.

use std::hint::black_box;
use std::sync::Arc;

use bundle::{LabelColumn, Schema, SeriesBreaks, Shape};
use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Bytes that the processor fetches at once.
const LINE: usize = 64;
/// Rows that a thread converts at once.
const BLOCK: usize = 64;

/// Images of one size, rows of a table, or windows of a series, with a class label each.
#[derive(Clone, Debug)]
pub struct Samples {
    values: Values,
    labels: Vec<u8>,
    /// The column that the labels of a table come from, where it has one.
    pub label_column: Option<Arc<LabelColumn>>,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Values {
    Bytes {
        pixels: Vec<u8>,
        max_value: u8,
    },
    /// Raw rows, a float for each column.
    Raw {
        raw: Arc<Vec<f32>>,
        starts: Starts,
        schema: Arc<Schema>,
    },
}

/// Where each raw row begins.
#[derive(Clone, Debug)]
enum Starts {
    /// Each behind the one before it.
    Rows,
    /// Windows of a series, `stride` steps apart.
    Windows { starts: Vec<usize>, stride: usize, breaks: SeriesBreaks },
}

/// Windows of a series: what [`Samples::windows`] takes.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    /// All steps, `[steps, channels]`.
    pub raw: Arc<Vec<f32>>,
    /// The step at which each window begins, in the order of time.
    pub starts: Vec<usize>,
    /// The steps of a window.
    pub steps: usize,
    /// The steps from the start of a window to the start of the next.
    pub stride: usize,
    /// Where a series ends.
    pub breaks: SeriesBreaks,
}

impl Samples {
    /// Greyscale images of `[height, width]` pixels, row after row, where the byte `max_value` becomes 1.0.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there are no pixels, or the pixels are not `height * width` for each label.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, [height, width]: [usize; 2], max_value: u8) -> Result<Self> {
        Self::images(pixels, labels, [1, height, width], max_value)
    }

    /// Images of `[channels, height, width]`, each channel of an image behind the one before it.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn images(pixels: Vec<u8>, labels: Vec<u8>, image: [usize; 3], max_value: u8) -> Result<Self> {
        let [channels, height, width] = image;
        let expected = labels.len() * channels * height * width;
        if expected == 0 || pixels.len() != expected || max_value == 0 {
            return Err(Error::setting(
                "data",
                format!("expected {} images of {height} x {width} pixels, found {} bytes", labels.len(), pixels.len()),
            ));
        }
        let shape = Shape::Image { channels, height, width };
        Ok(Self { values: Values::Bytes { pixels, max_value }, labels, label_column: None, shape })
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
        let shape = Shape::Image { channels: 1, height: 1, width: schema.input_len() };
        Ok(Self {
            values: Values::Raw { raw: Arc::new(raw), starts: Starts::Rows, schema },
            labels,
            label_column: None,
            shape,
        })
    }

    /// Windows of a series. To the network a window is an image with a row for each step.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there are no windows, or one reaches past the last step.
    pub(crate) fn windows(windows: Windows, labels: Vec<u8>, schema: Arc<Schema>) -> Result<Self> {
        let Windows { raw, starts, steps, stride, breaks } = windows;
        let channels = schema.raw_len() / steps.max(1);
        let fits = |start: &usize| start * channels + schema.raw_len() <= raw.len();
        let plain = steps > 0 && schema.raw_len() == channels * steps && schema.input_len() == schema.raw_len();
        if labels.is_empty() || labels.len() != starts.len() || !plain || !starts.iter().all(fits) {
            let reason = format!("expected windows of {steps} steps with a label each, found {}", starts.len());
            return Err(Error::setting("data", reason));
        }
        let starts = starts.into_iter().map(|start| start * channels).collect();
        let shape = Shape::Image { channels: 1, height: steps, width: channels };
        let values = Values::Raw { raw, starts: Starts::Windows { starts, stride, breaks }, schema };
        Ok(Self { values, labels, label_column: None, shape })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never true: there is at least one row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of a row: always an image, with a height of 1 for a table.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Height and width in pixels.
    pub fn size(&self) -> [usize; 2] {
        let [_, height, width] = self.image();
        [height, width]
    }

    /// Channels, height and width.
    pub fn image(&self) -> [usize; 3] {
        match self.shape {
            Shape::Image { channels, height, width } => [channels, height, width],
            shape => [1, 1, shape.len().unwrap_or(0)],
        }
    }

    /// Values in one row, as the network takes it.
    pub fn width(&self) -> usize {
        self.image().iter().product()
    }

    /// The byte that stands for 1.0; 1 where rows are raw numbers, which are what they are.
    pub fn max_value(&self) -> u8 {
        match self.values {
            Values::Bytes { max_value, .. } => max_value,
            Values::Raw { .. } => 1,
        }
    }

    /// Every pixel, image after image, top row first; none of raw numbers.
    pub fn pixels(&self) -> &[u8] {
        match &self.values {
            Values::Bytes { pixels, .. } => pixels,
            Values::Raw { .. } => &[],
        }
    }

    /// What the columns of raw rows hold; nothing for images.
    pub fn schema(&self) -> Option<&Arc<Schema>> {
        match &self.values {
            Values::Bytes { .. } => None,
            Values::Raw { schema, .. } => Some(schema),
        }
    }

    /// How many of the rows behind one may share values with it: windows of a series overlap.
    pub(crate) fn overlap(&self) -> usize {
        match &self.values {
            Values::Raw { starts: Starts::Windows { stride, .. }, .. } => self.size()[0].div_ceil(*stride) - 1,
            _ => 0,
        }
    }

    /// Of windows of a series, the steps of one, and the steps from the start of one to the start of the next.
    pub fn window(&self) -> Option<[usize; 2]> {
        match &self.values {
            Values::Raw { starts: Starts::Windows { stride, .. }, .. } => Some([self.size()[0], *stride]),
            _ => None,
        }
    }

    /// Of windows of a series, where one ends and the next one begins.
    pub fn series_breaks(&self) -> SeriesBreaks {
        match &self.values {
            Values::Raw { starts: Starts::Windows { breaks, .. }, .. } => breaks.clone(),
            _ => SeriesBreaks::default(),
        }
    }

    /// The raw values of row `index`; none of an image.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Samples::len`].
    pub fn raw_row(&self, index: usize) -> &[f32] {
        let Values::Raw { raw, starts, schema } = &self.values else { return &[] };
        let start = match starts {
            Starts::Rows => index * schema.raw_len(),
            Starts::Windows { starts, .. } => starts[index],
        };
        &raw[start..][..schema.raw_len()]
    }

    /// The raw values of these rows, row after row.
    pub fn raw_rows(&self, indices: &[u32]) -> Vec<f32> {
        indices.iter().flat_map(|&index| self.raw_row(index as usize)).copied().collect()
    }

    /// The class of each row.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of image `index`.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Samples::len`], or these are raw rows.
    pub fn row(&self, index: usize) -> &[u8] {
        &self.pixels()[index * self.width()..][..self.width()]
    }

    /// The images `indices` alone; nothing where there are none, or these are raw rows.
    ///
    /// # Panics
    ///
    /// When an index is not below [`Samples::len`].
    pub(super) fn select(&self, indices: &[u32]) -> Option<Self> {
        let Values::Bytes { max_value, .. } = self.values else { return None };
        let pixels = indices.iter().flat_map(|&index| self.row(index as usize)).copied().collect();
        let labels = indices.iter().map(|&index| self.labels[index as usize]).collect();
        Self::images(pixels, labels, self.image(), max_value).ok()
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
            Values::Raw { schema, .. } => {
                for (&index, values) in indices.iter().zip(values.chunks_exact_mut(self.width())) {
                    schema.prepare(self.raw_row(index as usize), values);
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
