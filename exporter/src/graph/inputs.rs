//! What a graph is given when it runs.

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::IntoDims;
use crate::value::{ElementType, Value};

impl GraphBuilder {
    /// Adds an input of f32 elements: `graph.input("image", ("batch", 1, 28, 28))`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let y = graph.input("image", ("batch", 1, 28, 28))?; // [batch, 1, 28, 28]
    /// # let y = graph.cast(y, exporter::ElementType::F32)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for a name that is taken, [`crate::Error::Shape`] for more than eight dimensions.
    pub fn input(&mut self, name: &str, dims: impl IntoDims) -> Result<Value> {
        self.input_of(ElementType::F32, name, dims)
    }

    /// Adds an input of another type: indices are [`ElementType::I64`]. Halves (f16 and bf16) are converted to f32 before use.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let y = graph.input_of(exporter::ElementType::I64, "words", ("batch", "length"))?; // [batch, length]
    /// # let y = graph.cast(y, exporter::ElementType::F32)?;
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::input`].
    pub fn input_of(&mut self, element_type: ElementType, name: &str, dims: impl IntoDims) -> Result<Value> {
        let dims = self.dims(dims)?;
        self.take(name)?;
        let shape = self.shape("Input", &dims)?;
        let value = self.value(name.into(), element_type, shape);
        let info = self.value_info(value);
        self.graph.input.push(info);
        self.widened(value)
    }

    /// Adds an input of one f32 number, `[1]`, which is `default` where the caller gives none. tract always takes the default.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let factor = graph.input_with_default("factor", 0.5)?;
    /// let y = graph.mul(x, factor)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for a name that is taken.
    pub fn input_with_default(&mut self, name: &str, default: f32) -> Result<Value> {
        self.take(name)?;
        let value = self.number(name.into(), &[1], default)?;
        let info = self.value_info(value);
        self.graph.input.push(info);
        Ok(value)
    }
}
