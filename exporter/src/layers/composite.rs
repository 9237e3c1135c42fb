//! Layers made of layers: optional, borrowed, boxed, and in sequence.

use candle_nn::Dropout;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

impl<T: ToOnnx + ?Sized> ToOnnx for &T {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        (**self).to_onnx(graph, x)
    }
}

impl<T: ToOnnx + ?Sized> ToOnnx for Box<T> {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        (**self).to_onnx(graph, x)
    }
}

/// A layer that may be missing: `None` changes nothing.
impl<T: ToOnnx> ToOnnx for Option<T> {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        self.as_ref().map_or(Ok(x), |layer| layer.to_onnx(graph, x))
    }
}

/// Layers in sequence, named `0`, `1` and so on, as candle's `Sequential` names its own.
impl<T: ToOnnx> ToOnnx for [T] {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        self.iter().enumerate().try_fold(x, |x, (index, layer)| graph.apply(&index.to_string(), layer, x))
    }
}

impl<T: ToOnnx> ToOnnx for Vec<T> {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        self.as_slice().to_onnx(graph, x)
    }
}

impl<T: ToOnnx, const N: usize> ToOnnx for [T; N] {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        self.as_slice().to_onnx(graph, x)
    }
}

macro_rules! tuple_to_onnx {
    ($($name:ident $index:tt)+) => {
        /// Layers of different types in sequence, named `0`, `1` and so on.
        impl<$($name: ToOnnx),+> ToOnnx for ($($name,)+) {
            fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
                $(let x = graph.apply(stringify!($index), &self.$index, x)?;)+
                Ok(x)
            }
        }
    };
}

tuple_to_onnx!(A 0);
tuple_to_onnx!(A 0 B 1);
tuple_to_onnx!(A 0 B 1 C 2);
tuple_to_onnx!(A 0 B 1 C 2 D 3);
tuple_to_onnx!(A 0 B 1 C 2 D 3 E 4);
tuple_to_onnx!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple_to_onnx!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple_to_onnx!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

/// Dropout changes nothing in inference.
impl ToOnnx for Dropout {
    fn to_onnx(&self, _graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        Ok(x)
    }
}

/// candle's identity changes nothing.
impl ToOnnx for candle_nn::ops::Identity {
    fn to_onnx(&self, _graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        Ok(x)
    }
}
