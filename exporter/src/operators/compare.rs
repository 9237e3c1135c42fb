//! Comparisons, and selection by a condition.

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

macro_rules! comparison {
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
                    self.typed_node($operator, &[Some(a), Some(b)], vec![], (ElementType::Bool, shape))
                }
            )+
        }
    };
}

comparison! {
    /// Whether `a = b`, broadcast.
    eq => "Equal";
    /// Whether `a > b`, broadcast.
    gt => "Greater";
    /// Whether `a >= b`, broadcast.
    ge => "GreaterOrEqual";
    /// Whether `a < b`, broadcast.
    lt => "Less";
    /// Whether `a <= b`, broadcast.
    le => "LessOrEqual";
}

impl GraphBuilder {
    /// Whether `a` and `b` differ, broadcast.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (a, b) = (graph.input("a", ("batch", 4))?, graph.input("b", ("batch", 4))?);
    /// let y = graph.ne(a, b)?; // [batch, 4], Bool
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the shapes do not broadcast or the types differ.
    pub fn ne(&mut self, a: Value, b: Value) -> Result<Value> {
        let equal = self.eq(a, b)?;
        self.not(equal)
    }

    /// Whether `condition` does not hold.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (a, b) = (graph.input("a", ("batch", 4))?, graph.input("b", ("batch", 4))?);
    /// let larger = graph.gt(a, b)?;
    /// let y = graph.not(larger)?; // [batch, 4], Bool
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the condition is not of [`ElementType::Bool`].
    pub fn not(&mut self, condition: Value) -> Result<Value> {
        self.expect_type("Not", condition, ElementType::Bool)?;
        self.node("Not", &[condition], vec![], condition.shape)
    }

    /// `a` where `condition` holds, `b` elsewhere, broadcast.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let (a, b) = (graph.input("a", ("batch", 4))?, graph.input("b", ("batch", 4))?);
    /// let larger = graph.gt(a, b)?;
    /// let y = graph.where_cond(larger, a, b)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the shapes do not broadcast, the types differ, or the condition is not of [`ElementType::Bool`].
    pub fn where_cond(&mut self, condition: Value, a: Value, b: Value) -> Result<Value> {
        self.expect_type("Where", condition, ElementType::Bool)?;
        self.same_type("Where", a, b)?;
        let both = self.broadcast("Where", a, b)?;
        let shape = self.broadcast("Where", condition, Value { shape: both, ..a })?;
        let inputs = [Some(condition), Some(a), Some(b)];
        self.typed_node("Where", &inputs, vec![], (a.element_type, shape))
    }
}
