//! Arithmetic and functions, element by element, with NumPy's broadcasting.

use crate::attribute::int;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident => $operator:literal;)+) => {
        impl GraphBuilder {
            $(
                $(#[$doc])*
                ///
                /// ```
                /// # exporter::Model::build("example", 17, |graph| {
                /// let x = graph.input("x", ("batch", 4))?;
                #[doc = concat!("let y = graph.", stringify!($name), "(x)?; // [batch, 4]")]
                /// # graph.output("y", y)
                /// # }).unwrap();
                /// ```
                ///
                /// # Errors
                ///
                /// [`crate::Error::Shape`] when the elements are not f32.
                pub fn $name(&mut self, x: Value) -> Result<Value> {
                    self.expect_type($operator, x, ElementType::F32)?;
                    self.node($operator, &[x], vec![], x.shape)
                }
            )+
        }
    };
}

unary! {
    /// `max(x, 0)`.
    relu => "Relu";
    /// `1 / (1 + exp(-x))`.
    sigmoid => "Sigmoid";
    /// The hyperbolic tangent.
    tanh => "Tanh";
    /// The exponential.
    exp => "Exp";
    /// The natural logarithm.
    log => "Log";
    /// The square root.
    sqrt => "Sqrt";
    /// `|x|`.
    abs => "Abs";
    /// `-x`.
    neg => "Neg";
    /// `1 / x`.
    recip => "Reciprocal";
    /// The error function.
    erf => "Erf";
    /// The sine.
    sin => "Sin";
    /// The cosine.
    cos => "Cos";
    /// -1, 0 or 1.
    sign => "Sign";
    /// The largest whole number not above `x`.
    floor => "Floor";
    /// The smallest whole number not below `x`.
    ceil => "Ceil";
    /// `ln(1 + exp(x))`.
    softplus => "Softplus";
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => $operator:literal;)+) => {
        impl GraphBuilder {
            $(
                $(#[$doc])*
                ///
                /// ```
                /// # exporter::Model::build("example", 17, |graph| {
                /// let (a, b) = (graph.input("a", ("batch", 3, 4))?, graph.input("b", ("batch", 1, 4))?);
                #[doc = concat!("let y = graph.", stringify!($name), "(a, b)?; // [batch, 3, 4]")]
                /// # graph.output("y", y)
                /// # }).unwrap();
                /// ```
                ///
                /// # Errors
                ///
                /// [`crate::Error::Shape`] when the shapes do not broadcast or the types differ.
                pub fn $name(&mut self, a: Value, b: Value) -> Result<Value> {
                    self.same_type($operator, a, b)?;
                    self.expect_numbers($operator, a)?;
                    let shape = self.broadcast($operator, a, b)?;
                    self.node($operator, &[a, b], vec![], shape)
                }
            )+
        }
    };
}

binary! {
    /// `a + b`, broadcast.
    add => "Add";
    /// `a - b`, broadcast.
    sub => "Sub";
    /// `a b`, broadcast.
    mul => "Mul";
    /// `a / b`, broadcast.
    div => "Div";
    /// `a` to the power of `b`, broadcast.
    pow => "Pow";
    /// The larger of both, broadcast.
    maximum => "Max";
    /// The smaller of both, broadcast.
    minimum => "Min";
}

impl GraphBuilder {
    /// `x²`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.sqr(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// No error today.
    pub fn sqr(&mut self, x: Value) -> Result<Value> {
        self.mul(x, x)
    }

    /// `mul x + add`. Of whole numbers, both must be whole.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.affine(x, 2., -1.)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are neither f32 nor I64, or a number is not whole.
    pub fn affine(&mut self, x: Value, mul: f32, add: f32) -> Result<Value> {
        let mut x = x;
        if mul != 1. {
            let factor = self.scalar_as(x, mul)?;
            x = self.mul(x, factor)?;
        }
        if add != 0. {
            let summand = self.scalar_as(x, add)?;
            x = self.add(x, summand)?;
        }
        Ok(x)
    }

    /// `x` to the power of a number.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.powf(x, 1.5)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn powf(&mut self, x: Value, exponent: f32) -> Result<Value> {
        self.expect_type("Pow", x, ElementType::F32)?;
        let exponent = self.scalar(exponent)?;
        self.node("Pow", &[x, exponent], vec![], x.shape)
    }

    /// The whole number that is nearest; of two that are as near, the one that is farther from 0, as in candle.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.round(x)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are not f32.
    pub fn round(&mut self, x: Value) -> Result<Value> {
        // ONNX's Round takes the even one. What is less than a half beyond the whole number below stays, so that 0.49999997 is 0.
        let (sign, size) = (self.sign(x)?, self.abs(x)?);
        let whole = self.floor(size)?;
        let rest = self.sub(size, whole)?;
        let half = self.scalar(0.5)?;
        let up = self.ge(rest, half)?;
        let up = self.cast(up, ElementType::F32)?;
        let nearest = self.add(whole, up)?;
        self.mul(sign, nearest)
    }

    /// `x` no lower than `low` and no higher than `high`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.clamp(x, 0., 6.)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the elements are neither f32 nor I64, or a bound of whole numbers is not whole.
    pub fn clamp(&mut self, x: Value, low: f32, high: f32) -> Result<Value> {
        self.expect_numbers("Clip", x)?;
        let (low, high) = (self.scalar_as(x, low)?, self.scalar_as(x, high)?);
        if x.element_type == ElementType::I64 {
            // tract's Clip has floats alone.
            let x = self.maximum(x, low)?;
            return self.minimum(x, high);
        }
        self.node("Clip", &[x, low, high], vec![], x.shape)
    }

    /// A number of the type of `x`.
    fn scalar_as(&mut self, x: Value, number: f32) -> Result<Value> {
        if x.element_type != ElementType::I64 {
            return self.scalar(number);
        }
        if number.fract() != 0. || number.abs() >= i64::MAX as f32 {
            return Err(self.mismatch("Constant", "a whole number, since the elements are I64", number.to_string()));
        }
        self.whole(number as i64)
    }

    /// Halves as f32; anything else as it is.
    pub(crate) fn widened(&mut self, x: Value) -> Result<Value> {
        match x.element_type {
            ElementType::F16 | ElementType::Bf16 => self.cast(x, ElementType::F32),
            _ => Ok(x),
        }
    }

    /// `x` as elements of another type.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let y = graph.cast(x, exporter::ElementType::I64)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// No error today.
    pub fn cast(&mut self, x: Value, element_type: ElementType) -> Result<Value> {
        let to = i64::from(i32::from(element_type.data_type()));
        self.typed_node("Cast", &[Some(x)], vec![int("to", to)], (element_type, x.shape))
    }
}
