//! Enlarging and shrinking images.
//!
//! Whole factors become ONNX's Resize. Other factors do not: its scales are f32, and a length of 7 times the factor
//! 0.42857143 is rounded down to 2 by some runtimes and to 3 by others. Instead, nearest pixels are picked by their indices,
//! and bilinear means are products with two small matrices.

use candle_core::{Device, Tensor};

use crate::attribute::{int, text};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::sums::Sum;
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
    /// Of an image of any size, the new one must be a whole number of times as large:
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, "height", "width"))?;
    /// let two = exporter::Dim::from(2);
    /// let (height, width) = (graph.product(&[x.dim(2), two])?, graph.product(&[x.dim(3), two])?);
    /// let y = graph.upsample_nearest2d(x, height, width)?; // [batch, 8, 2 * height, 2 * width]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images, or an unknown size is not a whole number of times as large.
    pub fn upsample_nearest2d(&mut self, x: Value, height: impl Into<Dim>, width: impl Into<Dim>) -> Result<Value> {
        let to = self.dims((height.into(), width.into()))?;
        let sizes = self.image_sizes(x, [to[0], to[1]])?;
        // candle's own indices, rounding included: at a factor of 49, for example, they are not i / 49.
        let pick = |from: usize, to: usize, i: usize| ((i as f64 * (from as f64 / to as f64)) as usize).min(from - 1);
        let whole = |from: usize, factor: usize| (0..from * factor).all(|i| pick(from, from * factor, i) == i / factor);
        let factors = sizes.map(|[from, to]| self.factor(from, to));
        let known = sizes.map(|[from, to]| match (from, to) {
            (Dim::Fixed(from), Dim::Fixed(to)) => Some([from, to]),
            _ => None,
        });
        let mut is_whole = true;
        for (factor, known) in factors.iter().zip(known) {
            // Of an unknown size, as many pixels are looked at as any image has on a side.
            is_whole &= factor.is_some_and(|factor| whole(known.map_or((1 << 16) / factor, |[from, _]| from), factor));
        }
        match (factors, known) {
            ([Some(rows), Some(columns)], _) if is_whole => {
                let modes =
                    [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")];
                self.resize2d(x, [rows, columns], &modes)
            }
            (_, [Some([rows, height]), Some([columns, width])]) => {
                let picks = |from: usize, to: usize| {
                    let indices = (0..to).map(|i| pick(from, to, i) as i64);
                    Tensor::from_vec(indices.collect::<Vec<_>>(), to, &Device::Cpu)
                };
                let (rows, columns) = (self.constant(&picks(rows, height)?)?, self.constant(&picks(columns, width)?)?);
                let x = self.index_select(x, rows, 2)?;
                self.index_select(x, columns, 3)
            }
            _ => {
                let to = self.describe_dims(&sizes.map(|[_, to]| to));
                let expected =
                    format!("a number of times the size of {:?} at which candle does not round", self.describe(x));
                Err(self.mismatch("Resize", expected, format!("{to:?}")))
            }
        }
    }

    /// The nearest element before, as in candle: `[batch, channels, length] -> [batch, channels, size]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, "length"))?;
    /// let size = graph.product(&[x.dim(2), 2.into()])?;
    /// let y = graph.upsample_nearest1d(x, size)?; // [batch, 8, 2 * length]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] as for [`GraphBuilder::upsample_nearest2d`].
    pub fn upsample_nearest1d(&mut self, x: Value, size: impl Into<Dim>) -> Result<Value> {
        let image = self.unsqueeze(x, 2)?;
        let enlarged = self.upsample_nearest2d(image, 1, size)?;
        self.squeeze(enlarged, 2)
    }

    /// Channels as pixels, as `candle_nn::ops::pixel_shuffle`: `[batch, 4 * channels, h, w] -> [batch, channels, 2 * h, 2 * w]` for a
    /// factor of 2, at any height and width.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, "height", "width"))?;
    /// let y = graph.pixel_shuffle(x, 2)?; // [batch, 2, 2 * height, 2 * width]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images, or the square of the factor does not divide the channels.
    pub fn pixel_shuffle(&mut self, x: Value, factor: usize) -> Result<Value> {
        let [[height, _], [width, _]] = self.image_sizes(x, [1.into(), 1.into()])?;
        let channels = self.known("DepthToSpace", x, 1)?;
        if factor == 0 || !channels.is_multiple_of(factor * factor) {
            let expected = format!("channels that {factor} * {factor} divides");
            return Err(self.mismatch("DepthToSpace", expected, format!("{:?}", self.describe(x))));
        }
        let channels = channels / (factor * factor);
        let (height, width) = (self.product(&[height, factor.into()])?, self.product(&[width, factor.into()])?);
        let shape = self.shape("DepthToSpace", &[x.dim(0), Dim::Fixed(channels), height, width])?;
        self.node("DepthToSpace", &[x], vec![int("blocksize", factor as i64), text("mode", "CRD")], shape)
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
    /// Of an image of any size, the new one must be a whole number of times as large.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images, or an unknown size is not a whole number of times as large.
    pub fn upsample_bilinear2d(&mut self, x: Value, height: impl Into<Dim>, width: impl Into<Dim>) -> Result<Value> {
        let to = self.dims((height.into(), width.into()))?;
        let sizes = self.image_sizes(x, [to[0], to[1]])?;
        if let [Some(rows), Some(columns)] = sizes.map(|[from, to]| self.factor(from, to)) {
            let modes = [("mode", "linear"), ("coordinate_transformation_mode", "half_pixel")];
            return self.resize2d(x, [rows, columns], &modes);
        }
        let [[Dim::Fixed(rows), Dim::Fixed(height)], [Dim::Fixed(columns), Dim::Fixed(width)]] = sizes else {
            let expected = format!("a whole number of times the size of {:?}", self.describe(x));
            return Err(self.mismatch("Resize", expected, format!("{:?}", self.describe_dims(&to))));
        };
        let rows = self.constant(&bilinear_weights(rows, height)?)?;
        let columns = self.constant(&bilinear_weights(columns, width)?.t()?)?;
        let x = self.matmul(rows, x)?;
        self.matmul(x, columns)
    }

    /// Height and width of `x`, which must be a batch of images, each beside the new one.
    fn image_sizes(&self, x: Value, [height, width]: [Dim; 2]) -> Result<[[Dim; 2]; 2]> {
        self.expect_type("Resize", x, ElementType::F32)?;
        if x.rank() != 4 {
            let found = format!("{:?}", self.describe(x));
            return Err(self.mismatch("Resize", "[batch, channels, height, width]", found));
        }
        let sizes = [[x.dim(2), height], [x.dim(3), width]];
        if sizes.as_flattened().contains(&Dim::Fixed(0)) {
            let found = format!("{:?} to {:?}", self.describe(x), self.describe_dims(&[height, width]));
            return Err(self.mismatch("Resize", "sizes from 1", found));
        }
        Ok(sizes)
    }

    /// How many times a length fits into another; nothing where that is no whole number.
    fn factor(&self, from: Dim, to: Dim) -> Option<usize> {
        let (from, to) = (self.symbols.sum(from), self.symbols.sum(to));
        let factor = to.terms().next()?.1.checked_div(from.terms().next()?.1)?;
        let is_whole = factor > 0 && from.times(&Sum::number(factor)) == to;
        is_whole.then(|| usize::try_from(factor).ok()).flatten()
    }

    fn resize2d(&mut self, x: Value, factors: [usize; 2], modes: &[(&str, &str)]) -> Result<Value> {
        // Scales rather than sizes: the batch's length is not known.
        let scales = [1., 1., factors[0] as f32, factors[1] as f32];
        let scales = self.constant(&Tensor::new(&scales, &Device::Cpu)?)?;
        let attributes = modes.iter().map(|(name, mode)| text(name, mode)).collect();
        let mut shape = x.shape;
        for (axis, factor) in [(2, factors[0]), (3, factors[1])] {
            shape = shape.with(axis, self.product(&[x.dim(axis), factor.into()])?);
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
