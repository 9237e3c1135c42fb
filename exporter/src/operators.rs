//! ONNX operators as typed methods: a typo does not compile, a wrong shape fails where it was made.

use crate::Result;
use crate::graph::{GraphBuilder, float, int};
use crate::value::{Dim, Value};

/// The operands of [`GraphBuilder::gemm`].
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
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the widths differ.
    pub fn gemm(&mut self, Gemm { x, weight, bias }: Gemm) -> Result<Value> {
        let (&[_, found], &[outputs, expected]) = (x.shape.dims(), weight.shape.dims()) else {
            let found = format!("{:?} and {:?}", self.describe(x), self.describe(weight));
            return Err(self.mismatch("Gemm", "two matrices", found));
        };
        if found != expected {
            let expected = format!("{} input features", self.describe(weight)[1]);
            let found = self.describe(x)[1].clone();
            return Err(self.mismatch("Gemm", expected, found));
        }
        if let Some(bias) = bias
            && bias.shape.dims() != [outputs]
        {
            let expected = format!("a bias of {}", self.describe(weight)[0]);
            return Err(self.mismatch("Gemm", expected, format!("{:?}", self.describe(bias))));
        }
        let inputs: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
        self.node("Gemm", &inputs, vec![int("transB", 1)], x.shape.with_last(outputs))
    }

    /// Swaps the two dimensions of a matrix: `[a, b] -> [b, a]`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` is no matrix.
    pub fn transpose_matrix(&mut self, x: Value) -> Result<Value> {
        let &[rows, columns] = x.shape.dims() else {
            let found = format!("{:?}", self.describe(x));
            return Err(self.mismatch("Transpose", "a matrix", found));
        };
        let shape = crate::value::Shape::new(&[columns, rows]).unwrap_or(x.shape);
        // Without `perm`, ONNX reverses the dimensions.
        self.node("Transpose", &[x], vec![], shape)
    }

    /// `x @ matrix` over the last dimension: `[.., in] @ [in, out] -> [.., out]`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the widths differ.
    pub fn matmul(&mut self, x: Value, matrix: Value) -> Result<Value> {
        let (Some(found), &[expected, outputs]) = (x.shape.dims().last(), matrix.shape.dims()) else {
            let found = format!("{:?} and {:?}", self.describe(x), self.describe(matrix));
            return Err(self.mismatch("MatMul", "a tensor and a matrix", found));
        };
        if *found != expected {
            let expected = format!("{} input features", self.describe(matrix)[0]);
            let found = self.describe(x).pop().unwrap_or_default();
            return Err(self.mismatch("MatMul", expected, found));
        }
        self.node("MatMul", &[x, matrix], vec![], x.shape.with_last(outputs))
    }

    /// `x + bias` over the last dimension: `[.., n] + [n] -> [.., n]`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the widths differ.
    pub fn add_bias(&mut self, x: Value, bias: Value) -> Result<Value> {
        if x.shape.dims().last() != bias.shape.dims().last() || bias.rank() != 1 {
            let expected = format!("a bias for {:?}", self.describe(x));
            return Err(self.mismatch("Add", expected, format!("{:?}", self.describe(bias))));
        }
        self.node("Add", &[x, bias], vec![], x.shape)
    }

    /// `max(x, 0)`.
    ///
    /// # Errors
    ///
    /// None today; operators on one tensor accept every shape.
    pub fn relu(&mut self, x: Value) -> Result<Value> {
        self.node("Relu", &[x], vec![], x.shape)
    }

    /// `1 / (1 + exp(-x))`.
    ///
    /// # Errors
    ///
    /// None today; operators on one tensor accept every shape.
    pub fn sigmoid(&mut self, x: Value) -> Result<Value> {
        self.node("Sigmoid", &[x], vec![], x.shape)
    }

    /// `x` where it is positive, `alpha (exp(x) - 1)` elsewhere.
    ///
    /// # Errors
    ///
    /// None today; operators on one tensor accept every shape.
    pub fn elu(&mut self, x: Value, alpha: f32) -> Result<Value> {
        self.node("Elu", &[x], vec![float("alpha", alpha)], x.shape)
    }

    /// `x` where it is positive, `alpha x` elsewhere.
    ///
    /// # Errors
    ///
    /// None today; operators on one tensor accept every shape.
    pub fn leaky_relu(&mut self, x: Value, alpha: f32) -> Result<Value> {
        self.node("LeakyRelu", &[x], vec![float("alpha", alpha)], x.shape)
    }

    /// `x sigmoid(x)`.
    ///
    /// # Errors
    ///
    /// None today; operators on one tensor accept every shape.
    pub fn silu(&mut self, x: Value) -> Result<Value> {
        let gate = self.sigmoid(x)?;
        self.mul(x, gate)
    }

    /// `a b`, element by element.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the shapes differ.
    pub fn mul(&mut self, a: Value, b: Value) -> Result<Value> {
        if a.shape != b.shape {
            let (expected, found) = (self.describe(a), self.describe(b));
            return Err(self.mismatch("Mul", format!("{expected:?}"), format!("{found:?}")));
        }
        self.node("Mul", &[a, b], vec![], a.shape)
    }

    /// Whether `x` is a matrix, the form that [`GraphBuilder::gemm`] takes.
    pub(crate) fn is_matrix(x: Value) -> bool {
        matches!(x.shape.dims(), &[_, Dim::Fixed(_)])
    }
}
