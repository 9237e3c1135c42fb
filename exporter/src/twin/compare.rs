//! Comparisons, and selection by a condition.

use candle_core::Result;

use super::elementwise::{Operand, number};
use super::tensor::Tensor;
use crate::graph::GraphBuilder;
use crate::value::{ElementType, Value};

macro_rules! comparison {
    ($($name:ident $broadcast:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($name), "`: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $name(&self, other: impl Operand) -> Result<Self> {
                    self.map(|graph, x| {
                        let x = number(graph, x)?;
                        let other = other.operand(graph, x.element_type())?;
                        graph.$name(x, other)
                    })
                }

                #[doc = concat!("candle's `", stringify!($broadcast), "`: [`GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $broadcast(&self, other: &Tensor) -> Result<Self> {
                    self.$name(other)
                }
            )+
        }
    };
}

comparison! {
    eq broadcast_eq
    ne broadcast_ne
    gt broadcast_gt
    ge broadcast_ge
    lt broadcast_lt
    le broadcast_le
}

/// Whether each element is not zero.
fn condition(graph: &mut GraphBuilder, x: Value) -> crate::Result<Value> {
    if x.element_type() == ElementType::Bool { Ok(x) } else { graph.cast(x, ElementType::Bool) }
}

impl Tensor {
    /// `on_true` where this condition holds, `on_false` elsewhere.
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::where_cond`].
    pub fn where_cond(&self, on_true: &Tensor, on_false: &Tensor) -> Result<Self> {
        self.map(|graph, x| {
            let holds = condition(graph, x)?;
            let (a, b) = (on_true.value_beside(graph, self)?, on_false.value_beside(graph, self)?);
            graph.where_cond(holds, a, b)
        })
    }
}
