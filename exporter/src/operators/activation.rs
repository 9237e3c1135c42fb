//! Activation functions that have parameters, or need several operators.

use crate::attribute::{float, text};
use crate::error::Result;
use crate::graph::GraphBuilder;
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
