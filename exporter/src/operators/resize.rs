//! Enlarging and shrinking images.

use super::{Dim, ElementType};
use crate::attribute::text;
use crate::value::Value;
use crate::{GraphBuilder, Result};

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
    /// [`crate::Error::Shape`] when `x` is no batch of images of known size.
    pub fn upsample_nearest2d(&mut self, x: Value, height: usize, width: usize) -> Result<Value> {
        let modes = [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")];
        self.resize2d(x, height, width, &modes)
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
    /// [`crate::Error::Shape`] when `x` is no batch of images of known size.
    pub fn upsample_bilinear2d(&mut self, x: Value, height: usize, width: usize) -> Result<Value> {
        let modes = [("mode", "linear"), ("coordinate_transformation_mode", "half_pixel")];
        self.resize2d(x, height, width, &modes)
    }

    fn resize2d(&mut self, x: Value, height: usize, width: usize, modes: &[(&str, &str)]) -> Result<Value> {
        self.expect_type("Resize", x, ElementType::F32)?;
        if x.rank() != 4 {
            let found = format!("{:?}", self.describe(x));
            return Err(self.mismatch("Resize", "[batch, channels, height, width]", found));
        }
        // Scales rather than sizes: the batch's length is not known.
        let scale = |length: usize, known: usize| length as f32 / known as f32;
        let (from_height, from_width) = (self.known("Resize", x, 2)?, self.known("Resize", x, 3)?);
        let scales = [1., 1., scale(height, from_height), scale(width, from_width)];
        let scales = self.constant(&candle_core::Tensor::new(&scales, &candle_core::Device::Cpu)?)?;
        let attributes = modes.iter().map(|(name, mode)| text(name, mode)).collect();
        let shape = x.shape.with(2, Dim::Fixed(height)).with(3, Dim::Fixed(width));
        // The second input is a region of interest, which these modes do not have.
        self.typed_node("Resize", &[Some(x), None, Some(scales)], attributes, ElementType::F32, shape)
    }
}
