//! Pooling over windows of an image.

use crate::attribute::ints;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

/// The windows of a pooling: their size and distance.
///
/// ```
/// use exporter::Pool;
/// assert_eq!(Pool::from(2), Pool { kernel: (2, 2), stride: (2, 2) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Height and width of the window, from 1.
    pub kernel: (usize, usize),
    /// Pixels from one window to the next, down and right, from 1.
    pub stride: (usize, usize),
}

impl From<usize> for Pool {
    /// Square windows, one beside the other.
    fn from(side: usize) -> Self {
        Self { kernel: (side, side), stride: (side, side) }
    }
}

impl GraphBuilder {
    /// The largest value of each window, without padding, as in candle: `[batch, channels, height, width]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let y = graph.max_pool2d(x, 2)?; // [batch, 8, 14, 14]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images or the window is larger.
    pub fn max_pool2d(&mut self, x: Value, pool: impl Into<Pool>) -> Result<Value> {
        self.pool2d("MaxPool", x, pool.into())
    }

    /// The mean of each window, without padding, as in candle: `[batch, channels, height, width]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let y = graph.avg_pool2d(x, 2)?; // [batch, 8, 14, 14]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is not a batch of images or the window is larger.
    pub fn avg_pool2d(&mut self, x: Value, pool: impl Into<Pool>) -> Result<Value> {
        self.pool2d("AveragePool", x, pool.into())
    }

    fn pool2d(&mut self, operator: &'static str, x: Value, Pool { kernel, stride }: Pool) -> Result<Value> {
        self.expect_type(operator, x, ElementType::F32)?;
        if x.rank() != 4 {
            let found = format!("{:?}", self.describe(x));
            return Err(self.mismatch(operator, "[batch, channels, height, width]", found));
        }
        self.expect_positive(operator, [kernel.0, kernel.1, stride.0, stride.1])?;
        let height = self.windows(operator, x, 2, [kernel.0, 0, stride.0])?;
        let width = self.windows(operator, x, 3, [kernel.1, 0, stride.1])?;
        let attributes = vec![ints("kernel_shape", &[kernel.0, kernel.1]), ints("strides", &[stride.0, stride.1])];
        self.node(operator, &[x], attributes, x.shape.with(2, height).with(3, width))
    }
}
