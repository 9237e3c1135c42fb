//! Activation functions that have parameters, or need several operators.

use crate::attribute::{float, text};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

/// The opset from which ONNX has `Gelu`.
const GELU: i64 = 20;

impl GraphBuilder {
    /// `x` where it is positive, `alpha (exp(x) - 1)` elsewhere.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.elu(x, 1.)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn elu(&mut self, x: Value, alpha: f32) -> Result<Value> {
        self.expect_type("Elu", x, ElementType::F32)?;
        self.node("Elu", &[x], vec![float("alpha", alpha)], x.shape)
    }

    /// `x` where it is positive, `slope x` elsewhere.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.leaky_relu(x, 0.1)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn leaky_relu(&mut self, x: Value, slope: f32) -> Result<Value> {
        self.expect_type("LeakyRelu", x, ElementType::F32)?;
        self.node("LeakyRelu", &[x], vec![float("alpha", slope)], x.shape)
    }

    /// `x` where it is positive, `slope x` elsewhere, with a slope for each element that broadcasts to `x`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let slope = graph.scalar(0.25)?;
    /// let y = graph.prelu(x, slope)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the slopes do not broadcast.
    pub fn prelu(&mut self, x: Value, slope: Value) -> Result<Value> {
        self.expect_floats("PRelu", &[x, slope])?;
        if self.broadcast("PRelu", x, slope)? != x.shape {
            let expected = format!("slopes that broadcast to {:?}", self.describe(x));
            return Err(self.mismatch("PRelu", expected, format!("{:?}", self.describe(slope))));
        }
        self.node("PRelu", &[x, slope], vec![], x.shape)
    }

    /// `min(max(x / 6 + 0.5, 0), 1)`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.hard_sigmoid(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn hard_sigmoid(&mut self, x: Value) -> Result<Value> {
        self.expect_type("HardSigmoid", x, ElementType::F32)?;
        self.node("HardSigmoid", &[x], vec![float("alpha", 1. / 6.), float("beta", 0.5)], x.shape)
    }

    /// `x sigmoid(x)`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.silu(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn silu(&mut self, x: Value) -> Result<Value> {
        let gate = self.sigmoid(x)?;
        self.mul(x, gate)
    }

    /// The exact Gaussian error linear unit: `x (1 + erf(x / √2)) / 2`, candle's `gelu_erf`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.gelu_erf(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn gelu_erf(&mut self, x: Value) -> Result<Value> {
        if self.opset() >= GELU {
            self.expect_floats("Gelu", &[x])?;
            return self.node("Gelu", &[x], vec![text("approximate", "none")], x.shape);
        }
        let scaled = self.affine(x, std::f32::consts::FRAC_1_SQRT_2, 0.)?;
        let error = self.erf(scaled)?;
        let gate = self.affine(error, 0.5, 0.5)?;
        self.mul(x, gate)
    }

    /// The Gaussian error linear unit by tanh: `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, candle's `gelu`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.gelu(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn gelu(&mut self, x: Value) -> Result<Value> {
        if self.opset() >= GELU {
            self.expect_floats("Gelu", &[x])?;
            return self.node("Gelu", &[x], vec![text("approximate", "tanh")], x.shape);
        }
        let square = self.sqr(x)?;
        let bend = self.affine(square, 0.044715, 1.)?;
        let inner = self.mul(x, bend)?;
        let inner = self.affine(inner, (2. / std::f32::consts::PI).sqrt(), 0.)?;
        let tanh = self.tanh(inner)?;
        let gate = self.affine(tanh, 0.5, 0.5)?;
        self.mul(x, gate)
    }

    /// Rotary embeddings as `candle_nn::rotary_emb::rope`: `[batch, heads, length, width]`, with cosines and sines of `[length, width / 2]`. Each
    /// element of the first half of a row is turned with that of the second half.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 2, "length", 8))?;
    /// let angles = candle_core::Tensor::zeros((512, 4), candle_core::DType::F32, &candle_core::Device::Cpu)?;
    /// let (cos, sin) = (graph.constant(&angles.cos()?)?, graph.constant(&angles.sin()?)?);
    /// let cos = graph.narrow(cos, 0, 0, x.dim(2))?;
    /// let sin = graph.narrow(sin, 0, 0, x.dim(2))?;
    /// let y = graph.rope(x, cos, sin)?; // [batch, 2, length, 8]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the width is odd or not known, or cosines and sines have another shape.
    pub fn rope(&mut self, x: Value, cos: Value, sin: Value) -> Result<Value> {
        let fits = |table: Value| match table.dims() {
            [length, Dim::Fixed(half)] => *length == x.dim(2) && Dim::Fixed(2 * half) == x.dim(3),
            _ => false,
        };
        if x.rank() != 4 || !fits(cos) || !fits(sin) {
            let found = format!("{:?}, {:?} and {:?}", self.describe(x), self.describe(cos), self.describe(sin));
            let expected = "[batch, heads, length, width], and tables of [length, width / 2], of which `narrow` takes the first rows";
            return Err(self.mismatch("RotaryEmbedding", expected, found));
        }
        let width = self.known("RotaryEmbedding", x, 3)?;
        let (low, high) = (self.narrow(x, 3, 0, width / 2)?, self.narrow(x, 3, width / 2, width / 2)?);
        let (a, b) = (self.mul(low, cos)?, self.mul(high, sin)?);
        let (c, d) = (self.mul(low, sin)?, self.mul(high, cos)?);
        let halves = [self.sub(a, b)?, self.add(c, d)?];
        self.cat(&halves, 3)
    }

    /// `x tanh(ln(1 + exp(x)))`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.mish(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn mish(&mut self, x: Value) -> Result<Value> {
        let softplus = self.softplus(x)?;
        let gate = self.tanh(softplus)?;
        self.mul(x, gate)
    }
}
