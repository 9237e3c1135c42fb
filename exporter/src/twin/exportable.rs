//! What has a twin: candle's layers, numbers, and what is made of them.

use std::rc::Rc;
use std::sync::Arc;

use super::context::Scope;
use super::func::{Func, Sequential};
use super::layer::Layer;
use super::tensor::Tensor;

/// A type whose `forward` is compiled twice: for candle, and for its twin, whose tensors are values of a graph.
///
/// Two lines make it. `#[derive(Exportable)]` stands on the struct, and gives every field a twin with the field's name. `#[exportable]` stands on
/// the `impl`, inherent or of candle's `Module`, and compiles its methods a second time, unchanged. A `forward` of one tensor becomes
/// [`crate::ToOnnx`]; [`crate::GraphBuilder::run`] takes any other.
///
/// ```
/// use candle_core::{Result, Tensor};
/// use candle_nn::{Linear, Module, VarBuilder, ops};
/// use exporter::{Exportable, Model, exportable};
///
/// #[derive(Exportable)]
/// struct Block {
///     norm: candle_nn::LayerNorm,
///     dense: Linear,
/// }
///
/// #[exportable]
/// impl Block {
///     fn forward(&self, x: &Tensor) -> Result<Tensor> {
///         x + self.norm.forward(x)?.apply(&self.dense)?.gelu()?
///     }
/// }
///
/// #[derive(Exportable)]
/// struct Classifier {
///     blocks: Vec<Block>,
///     #[onnx(rename = "classifier.dense")]
///     head: Option<Linear>,
///     scale: f64,
/// }
///
/// #[exportable(use candle_nn::ops)]
/// impl Classifier {
///     fn new(vb: VarBuilder) -> Result<Self> {
///         let block = |vb: VarBuilder| -> Result<Block> {
///             Ok(Block { norm: candle_nn::layer_norm(8, 1e-5, vb.pp("norm"))?, dense: candle_nn::linear(8, 8, vb.pp("dense"))? })
///         };
///         let head = Some(candle_nn::linear(8, 3, vb.pp("classifier.dense"))?);
///         Ok(Self { blocks: vec![block(vb.pp("blocks.0"))?, block(vb.pp("blocks.1"))?], head, scale: 0.5 })
///     }
///
///     fn forward(&self, x: &Tensor) -> Result<Tensor> {
///         let (_batch, length, _width) = x.dims3()?;
///         let mut x = (x * self.scale)?;
///         for block in &self.blocks {
///             x = block.forward(&x)?;
///         }
///         let mean = (x.sum(1)? / length as f64)?; // the length is known only when the file runs
///         match &self.head {
///             Some(head) => ops::softmax_last_dim(&head.forward(&mean)?),
///             None => Ok(mean),
///         }
///     }
/// }
///
/// # fn main() -> exporter::Result<()> {
/// let variables = candle_nn::VarMap::new();
/// let vb = VarBuilder::from_varmap(&variables, candle_core::DType::F32, &candle_core::Device::Cpu);
/// let net = Classifier::new(vb)?;
/// let model = Model::trace(&net).input("x", ("batch", "length", 8)).build()?;
/// assert_eq!(model.output_shape(), ["batch", "3"]);
/// assert_eq!(model.initializers()[..3], ["/scalar", "blocks.0.norm.weight", "blocks.0.norm.bias"]);
/// assert!(model.initializers().contains(&"classifier.dense.weight"));
/// # Ok(()) }
/// ```
///
/// What may stand in it:
///
/// - A field is a layer of candle, a `Tensor`, a number, text, another such type, or an `Option`, `Vec`, array, tuple or `Box` of them. A field
///   of another type is taken as it is with `#[onnx(plain)]`, or by its own [`crate::ToOnnx`] with `#[onnx(layer)]`, and
///   `#[onnx(rename = "..")]` gives it the checkpoint's name.
/// - An enum whose variants hold layers has methods with twins, as a struct has. One without fields is taken as it is: others match on it.
/// - Lengths are [`crate::twin::Length`]s. They are calculated with and mixed with `usize`. What depends on a length that is known only when
///   the file runs, such as `if length > 512`, fails the export and says so.
/// - Methods that make the type from a checkpoint have no twin; `#[onnx(skip)]` leaves out others. A function outside is compiled twice with
///   `#[exportable]` too, and its callers name it: `#[exportable(uses(rotate_half))]`.
/// - Imports from candle that a `forward` calls by their last name are repeated: `#[exportable(use candle_nn::ops::softmax)]`.
///
/// What the twin does not know does not compile, and the compiler names it:
///
/// ```compile_fail,E0599
/// # use candle_core::{Result, Tensor};
/// # use exporter::{Exportable, exportable};
/// #[derive(Exportable)]
/// struct Reads;
///
/// #[exportable]
/// impl Reads {
///     fn forward(&self, x: &Tensor) -> Result<Tensor> {
///         let first = x.flatten_all()?.to_vec1::<f32>()?; // no method named `to_vec1` found for struct `exporter::twin::Tensor`
///         x * f64::from(first[0])
///     }
/// }
/// ```
///
/// Nor does a layer whose weights are private:
///
/// ```compile_fail,E0277
/// #[derive(exporter::Exportable)]
/// struct Private {
///     norm: candle_nn::GroupNorm, // `GroupNorm` has no twin, so that a model with it cannot be exported
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no twin, so that a model with it cannot be exported",
    label = "no twin",
    note = "a struct or an enum of yours gets one by `#[derive(Exportable)]`",
    note = "a field that holds no layer and no tensor is taken as it is with `#[onnx(plain)]`"
)]
pub trait Exportable {
    /// The same over values of a graph.
    type Twin;

    /// The twin at its place in the model.
    fn twin(&self, scope: &Scope) -> Self::Twin;
}

/// What holds neither layers nor tensors is its own twin.
macro_rules! plain {
    ($($type:ty)+) => {
        $(
            impl Exportable for $type {
                type Twin = Self;

                fn twin(&self, _: &Scope) -> Self {
                    self.clone()
                }
            }
        )+
    };
}

plain! {
    () &'static str
    usize isize u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 bool char String
    candle_core::DType candle_core::Device candle_core::D
    candle_nn::Conv1dConfig candle_nn::Conv2dConfig candle_nn::LayerNormConfig candle_nn::BatchNormConfig
}

impl Exportable for candle_core::Tensor {
    type Twin = Tensor;

    fn twin(&self, scope: &Scope) -> Tensor {
        // A weight's name is its place.
        Tensor::weight(scope, "", self)
    }
}

/// Layers with a weight and perhaps a bias.
macro_rules! weighted {
    ($($layer:ident $weight:ident |$this:ident| $bias:expr;)+) => {
        $(
            impl Exportable for candle_nn::$layer {
                type Twin = Layer<Self>;

                fn twin(&self, scope: &Scope) -> Layer<Self> {
                    let $this = self;
                    Layer::new(self.clone(), scope).with_weights(self.$weight(), $bias)
                }
            }
        )+
    };
}

weighted! {
    Linear weight |layer| layer.bias();
    Conv1d weight |layer| layer.bias();
    Conv2d weight |layer| layer.bias();
    ConvTranspose1d weight |layer| layer.bias();
    ConvTranspose2d weight |layer| layer.bias();
    LayerNorm weight |layer| layer.bias();
    RmsNorm weight |_layer| None;
    PReLU weight |_layer| None;
    Embedding embeddings |_layer| None;
}

macro_rules! layers {
    ($($layer:ty)+) => {
        $(
            impl Exportable for $layer {
                type Twin = Layer<Self>;

                fn twin(&self, scope: &Scope) -> Layer<Self> {
                    Layer::new(self.clone(), scope)
                }
            }
        )+
    };
}

layers! {
    candle_nn::Activation candle_nn::BatchNorm candle_nn::Dropout candle_nn::ops::Identity
    crate::GroupNorm crate::Gru crate::Lstm Func Sequential
}

impl<T: Exportable> Exportable for Option<T> {
    type Twin = Option<T::Twin>;

    fn twin(&self, scope: &Scope) -> Self::Twin {
        self.as_ref().map(|inner| inner.twin(scope))
    }
}

/// What is behind a pointer is taken out: the twin is made for one export.
macro_rules! pointers {
    ($($pointer:ident)+) => {
        $(
            impl<T: Exportable> Exportable for $pointer<T> {
                type Twin = $pointer<T::Twin>;

                fn twin(&self, scope: &Scope) -> Self::Twin {
                    $pointer::new((**self).twin(scope))
                }
            }
        )+
    };
}

pointers!(Box Rc Arc);

impl<T: Exportable> Exportable for Vec<T> {
    type Twin = Vec<T::Twin>;

    fn twin(&self, scope: &Scope) -> Self::Twin {
        self.iter().enumerate().map(|(index, inner)| inner.twin(&scope.inner(&index.to_string()))).collect()
    }
}

impl<T: Exportable, const N: usize> Exportable for [T; N] {
    type Twin = [T::Twin; N];

    fn twin(&self, scope: &Scope) -> Self::Twin {
        std::array::from_fn(|index| self[index].twin(&scope.inner(&index.to_string())))
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Exportable),+> Exportable for ($($name,)+) {
            type Twin = ($($name::Twin,)+);

            fn twin(&self, scope: &Scope) -> Self::Twin {
                ($(self.$index.twin(&scope.inner(stringify!($index))),)+)
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
tuples!(A 0 B 1 C 2 D 3 E 4);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5);
