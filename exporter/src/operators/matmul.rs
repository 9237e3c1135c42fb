//! Matrix products.

use crate::attribute::int;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::Value;

/// The operands of [`GraphBuilder::gemm`].
///
/// ```
/// # exporter::Model::build("example", 17, |graph| {
/// let x = graph.input("x", ("batch", 2))?;
/// let weight = graph.constant(&candle_core::Tensor::new(&[[1f32, 2.], [3., 4.], [5., 6.]], &candle_core::Device::Cpu)?)?;
/// let y = graph.gemm(exporter::Gemm { x, weight, bias: None })?; // [batch, 3]
/// # graph.output("y", y)
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// `[rows, in]`.
    pub x: Value,
    /// `[out, in]`, as candle and PyTorch keep a dense layer's weight.
    pub weight: Value,
    /// `[out]`.
    pub bias: Option<Value>,
}

impl GraphBuilder {
    /// `x weightᵀ + bias`: `[rows, in] -> [rows, out]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 64))?;
    /// let weight = graph.constant(&candle_core::Tensor::new(&[[0f32; 64]; 10], &candle_core::Device::Cpu)?)?;
    /// let y = graph.gemm(exporter::Gemm { x, weight, bias: None })?; // [batch, 10]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the widths differ.
    pub fn gemm(&mut self, Gemm { x, weight, bias }: Gemm) -> Result<Value> {
        self.expect_floats("Gemm", &[x, weight])?;
        let (&[_, found], &[outputs, expected]) = (x.dims(), weight.dims()) else {
            let found = format!("{:?} and {:?}", self.describe(x), self.describe(weight));
            return Err(self.mismatch("Gemm", "two matrices", found));
        };
        if found != expected {
            let expected = format!("{} input features", self.symbols.describe(expected));
            return Err(self.mismatch("Gemm", expected, self.symbols.describe(found)));
        }
        if let Some(bias) = bias
            && (bias.dims() != [outputs] || bias.element_type != x.element_type)
        {
            let expected = format!("a bias of {}", self.symbols.describe(outputs));
            return Err(self.mismatch("Gemm", expected, format!("{:?}", self.describe(bias))));
        }
        let inputs: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
        self.node("Gemm", &inputs, vec![int("transB", 1)], x.shape.with(1, outputs))
    }

    /// The product over the last dimension of `a` and the last but one of `b`; dimensions before them broadcast:
    /// `[.., n, k] @ [.., k, m] -> [.., n, m]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let a = graph.input("a", ("batch", 8, "length", 16))?;
    /// let b = graph.input("b", ("batch", 8, 16, "length"))?;
    /// let y = graph.matmul(a, b)?; // [batch, 8, length, length]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the widths differ or a factor has fewer than two dimensions.
    pub fn matmul(&mut self, a: Value, b: Value) -> Result<Value> {
        self.expect_floats("MatMul", &[a, b])?;
        let (&[.., inner], &[.., expected, columns]) = (a.dims(), b.dims()) else {
            return Err(self.mismatch("MatMul", "two matrices", self.describe_pair(a, b)));
        };
        if a.rank() < 2 {
            return Err(self.mismatch("MatMul", "two matrices", self.describe_pair(a, b)));
        }
        if inner != expected {
            let expected = format!("{} input features", self.symbols.describe(expected));
            return Err(self.mismatch("MatMul", expected, self.symbols.describe(inner)));
        }
        let before = |value: Value| -> Result<Value> {
            let dims = &value.dims()[..value.rank() - 2];
            Ok(Value { shape: self.shape("MatMul", dims)?, ..value })
        };
        let mut dims: Vec<Dim> = self.broadcast("MatMul", before(a)?, before(b)?)?.dims().to_vec();
        dims.extend([a.dim(a.rank() - 2), columns]);
        let shape = self.shape("MatMul", &dims)?;
        self.node("MatMul", &[a, b], vec![], shape)
    }

    fn describe_pair(&self, a: Value, b: Value) -> String {
        format!("{:?} and {:?}", self.describe(a), self.describe(b))
    }
}
