//! Enlarging and shrinking images.
//!
//! Whole factors become ONNX's Resize. Other factors do not: its scales are f32, and a length of 7 times the factor
//! 0.42857143 is rounded down to 2 by some runtimes and to 3 by others. Instead, nearest pixels are picked by their indices,
//! and bilinear means are products with two small matrices.

use candle_core::{Device, Tensor};

use crate::attribute::text;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

impl GraphBuilder {
    /// The nearest pixel above and to the left, as in candle: `[batch, channels, h, w] -> [batch, channels, height, width]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let y = graph.upsample_nearest2d(x, 56, 56)?; // [batch, 8, 56, 56]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images of known size.
    pub fn upsample_nearest2d(&mut self, x: Value, height: usize, width: usize) -> Result<Value> {
        let [rows, columns] = self.image_size(x, height, width)?;
        // candle's own indices, rounding included: at a factor of 49, for example, they are not i / 49.
        let pick = |from: usize, to: usize, i: usize| ((i as f64 * (from as f64 / to as f64)) as usize).min(from - 1);
        let whole =
            |from: usize, to: usize| to.is_multiple_of(from) && (0..to).all(|i| pick(from, to, i) == i / (to / from));
        if whole(rows, height) && whole(columns, width) {
            let modes =
                [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")];
            return self.resize2d(x, [height / rows, width / columns], &modes);
        }
        let picks = |from: usize, to: usize| {
            let indices = (0..to).map(|i| pick(from, to, i) as i64);
            Tensor::from_vec(indices.collect::<Vec<_>>(), to, &Device::Cpu)
        };
        let (rows, columns) = (self.constant(&picks(rows, height)?)?, self.constant(&picks(columns, width)?)?);
        let x = self.index_select(x, rows, 2)?;
        self.index_select(x, columns, 3)
    }

    /// The mean of the four pixels around, weighted by nearness, with pixels taken as areas (candle's and PyTorch's
    /// `align_corners = false`): `[batch, channels, h, w] -> [batch, channels, height, width]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let y = graph.upsample_bilinear2d(x, 56, 56)?; // [batch, 8, 56, 56]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images of known size.
    pub fn upsample_bilinear2d(&mut self, x: Value, height: usize, width: usize) -> Result<Value> {
        let [rows, columns] = self.image_size(x, height, width)?;
        if height.is_multiple_of(rows) && width.is_multiple_of(columns) {
            let modes = [("mode", "linear"), ("coordinate_transformation_mode", "half_pixel")];
            return self.resize2d(x, [height / rows, width / columns], &modes);
        }
        let rows = self.constant(&bilinear_weights(rows, height)?)?;
        let columns = self.constant(&bilinear_weights(columns, width)?.t()?)?;
        let x = self.matmul(rows, x)?;
        self.matmul(x, columns)
    }

    /// Height and width of `x`, which must be a batch of images.
    fn image_size(&self, x: Value, height: usize, width: usize) -> Result<[usize; 2]> {
        self.expect_type("Resize", x, ElementType::F32)?;
        if x.rank() != 4 {
            let found = format!("{:?}", self.describe(x));
            return Err(self.mismatch("Resize", "[batch, channels, height, width]", found));
        }
        let size = [self.known("Resize", x, 2)?, self.known("Resize", x, 3)?];
        if [height, width, size[0], size[1]].contains(&0) {
            let found = format!("{size:?} to {:?}", [height, width]);
            return Err(self.mismatch("Resize", "sizes from 1", found));
        }
        Ok(size)
    }

    fn resize2d(&mut self, x: Value, factors: [usize; 2], modes: &[(&str, &str)]) -> Result<Value> {
        // Scales rather than sizes: the batch's length is not known.
        let scales = [1., 1., factors[0] as f32, factors[1] as f32];
        let scales = self.constant(&Tensor::new(&scales, &Device::Cpu)?)?;
        let attributes = modes.iter().map(|(name, mode)| text(name, mode)).collect();
        let mut shape = x.shape;
        for (axis, factor) in [(2, factors[0]), (3, factors[1])] {
            shape = shape.with(axis, Dim::Fixed(self.known("Resize", x, axis)? * factor));
        }
        // The second input is a region of interest, which these modes do not have.
        self.typed_node("Resize", &[Some(x), None, Some(scales)], attributes, (ElementType::F32, shape))
    }
}

/// The weight of each of `from` pixels in each of `to` pixels, `[to, from]`, with pixels taken as areas.
fn bilinear_weights(from: usize, to: usize) -> Result<Tensor> {
    let mut weights = vec![0f32; to * from];
    for i in 0..to {
        let place = ((i as f64 + 0.5) * (from as f64 / to as f64) - 0.5).max(0.);
        let left = (place as usize).min(from - 1);
        let right = (left + 1).min(from - 1);
        let share = (place - left as f64).clamp(0., 1.) as f32;
        weights[i * from + left] += 1. - share;
        weights[i * from + right] += share;
    }
    Ok(Tensor::from_vec(weights, (to, from), &Device::Cpu)?)
}
