//! Reductions along one axis, and softmax.

use candle_core::shape::Dim as Axis;

use crate::attribute::{int, ints};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

/// The opset from which every reduction takes its axes as an input; `ReduceSum` does since 13.
const AXES_ARE_INPUTS: i64 = 18;

macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident, $keep:ident => $operator:literal;)+) => {
        impl GraphBuilder {
            $(
                $(#[$doc])*
                ///
                /// ```
                /// # exporter::Model::build("example", 17, |graph| {
                /// let x = graph.input("x", ("batch", 3, 4))?;
                #[doc = concat!("let y = graph.", stringify!($name), "(x, 1)?; // [batch, 4]")]
                #[doc = concat!("let kept = graph.", stringify!($keep), "(x, 1)?; // [batch, 1, 4]")]
                /// # graph.output("y", y)?;
                /// # graph.output("kept", kept)
                /// # }).unwrap();
                /// ```
                ///
                /// # Errors
                ///
                /// [`crate::Error::Shape`] when `x` has no such axis.
                pub fn $name(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
                    self.reduce($operator, x, axis, 0)
                }

                #[doc = concat!("[`GraphBuilder::", stringify!($name), "`], with the dimension kept at length 1.")]
                ///
                /// # Errors
                ///
                /// [`crate::Error::Shape`] when `x` has no such axis.
                pub fn $keep(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
                    self.reduce($operator, x, axis, 1)
                }
            )+
        }
    };
}

reduction! {
    /// The sum along `axis`.
    sum, sum_keepdim => "ReduceSum";
    /// The mean along `axis`.
    mean, mean_keepdim => "ReduceMean";
    /// The largest value along `axis`.
    max, max_keepdim => "ReduceMax";
    /// The smallest value along `axis`.
    min, min_keepdim => "ReduceMin";
}

impl GraphBuilder {
    /// The softmax along `axis`: positive, summing to 1.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.softmax(x, candle_core::D::Minus1)?; // [batch, 3, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn softmax(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        self.expect_floats("Softmax", &[x])?;
        let axis = self.axis("Softmax", x, axis)?;
        self.node("Softmax", &[x], vec![int("axis", axis as i64)], x.shape)
    }

    /// The logarithm of the softmax along `axis`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.log_softmax(x, 1)?; // [batch, 3, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn log_softmax(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        self.expect_floats("LogSoftmax", &[x])?;
        let axis = self.axis("LogSoftmax", x, axis)?;
        self.node("LogSoftmax", &[x], vec![int("axis", axis as i64)], x.shape)
    }

    /// The index of the largest value along `axis`, as I64.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.argmax(x, 2)?; // [batch, 3], I64
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn argmax(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        self.place_of("ArgMax", x, axis)
    }

    /// The index of the smallest value along `axis`, as I64.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.argmin(x, 2)?; // [batch, 3], I64
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when `x` has no such axis.
    pub fn argmin(&mut self, x: Value, axis: impl Axis) -> Result<Value> {
        self.place_of("ArgMin", x, axis)
    }

    /// The sum of all elements, without dimensions.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 3, 4))?;
    /// let y = graph.sum_all(x)?; // []
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are neither f32 nor I64.
    pub fn sum_all(&mut self, x: Value) -> Result<Value> {
        let flat = self.flatten_all(x)?;
        self.sum(flat, 0)
    }

    fn place_of(&mut self, operator: &'static str, x: Value, axis: impl Axis) -> Result<Value> {
        self.expect_floats(operator, &[x])?;
        let axis = self.axis(operator, x, axis)?;
        let mut dims = x.dims().to_vec();
        dims.remove(axis);
        let shape = self.shape(operator, &dims)?;
        let attributes = vec![int("axis", axis as i64), int("keepdims", 0)];
        self.typed_node(operator, &[Some(x)], attributes, (ElementType::I64, shape))
    }

    fn reduce(&mut self, operator: &'static str, x: Value, axis: impl Axis, keep: i64) -> Result<Value> {
        match operator {
            "ReduceMean" => self.expect_floats(operator, &[x])?,
            _ => self.expect_numbers(operator, x)?,
        }
        let axis = self.axis(operator, x, axis)?;
        let mut dims = x.dims().to_vec();
        dims[axis] = Dim::Fixed(1);
        if keep == 0 {
            dims.remove(axis);
        }
        let shape = self.shape(operator, &dims)?;
        let keepdims = int("keepdims", keep);
        if operator == "ReduceSum" || self.opset() >= AXES_ARE_INPUTS {
            let axes = self.integers("axes", &[axis as i64])?;
            self.node(operator, &[x, axes], vec![keepdims], shape)
        } else {
            self.node(operator, &[x], vec![ints("axes", &[axis]), keepdims], shape)
        }
    }
}
