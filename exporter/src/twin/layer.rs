//! Layers that write themselves, with their place in the model, and candle's traits of modules.

use candle_core::Result;

use super::context::{Scope, Scoped};
use super::tensor::Tensor;
use crate::graph::to_onnx::ToOnnx;

/// What candle's `Module` means in the twin of a `forward`.
pub trait Module {
    /// What the module computes.
    ///
    /// # Errors
    ///
    /// Those of its operators.
    fn forward(&self, xs: &Tensor) -> Result<Tensor>;
}

/// What candle's `ModuleT` means in the twin of a `forward`.
pub trait ModuleT {
    /// What the module computes; `train` must be false.
    ///
    /// # Errors
    ///
    /// Those of its operators.
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor>;
}

impl<F: Fn(&Tensor) -> Result<Tensor>> Module for F {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        self(xs)
    }
}

impl<M: Module> Module for Option<&M> {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        match self {
            None => Ok(xs.clone()),
            Some(module) => module.forward(xs),
        }
    }
}

impl<M: Module> ModuleT for M {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        inference(train)?;
        self.forward(xs)
    }
}

fn inference(train: bool) -> Result<()> {
    if train {
        candle_core::bail!("a graph is for inference: `train` must be false");
    }
    Ok(())
}

/// A layer of candle, or one with a `ToOnnx` of its own, in the twin of a model.
#[derive(Clone, Debug)]
pub struct Layer<T> {
    layer: T,
    scope: Scope,
    weight: Option<Tensor>,
    bias: Option<Tensor>,
}

impl<T> Layer<T> {
    /// The layer at its place.
    pub fn new(layer: T, scope: &Scope) -> Self {
        Self { layer, scope: scope.clone(), weight: None, bias: None }
    }

    /// The same with weights that `forward` may use by themselves.
    pub(super) fn with_weights(self, weight: &candle_core::Tensor, bias: Option<&candle_core::Tensor>) -> Self {
        let weight = Some(Tensor::weight(&self.scope, "weight", weight));
        let bias = bias.map(|bias| Tensor::weight(&self.scope, "bias", bias));
        Self { weight, bias, ..self }
    }
}

impl<T> Scoped for Layer<T> {
    fn scope(&self) -> Option<&Scope> {
        Some(&self.scope)
    }
}

impl<T: ToOnnx> Module for Layer<T> {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        self.scope
            .with(|graph| {
                let x = xs.value(graph)?;
                self.layer.to_onnx(graph, x)
            })
            .map(Tensor::from)
    }
}

macro_rules! weights {
    ($($layer:ident)+) => {
        $(
            impl Layer<candle_nn::$layer> {
                /// The weight.
                pub fn weight(&self) -> &Tensor {
                    self.weight.as_ref().expect("the layer was made with its weight")
                }
            }
        )+
    };
}

weights!(Linear Conv1d Conv2d ConvTranspose1d ConvTranspose2d LayerNorm RmsNorm PReLU);

macro_rules! biases {
    ($($layer:ident)+) => {
        $(
            impl Layer<candle_nn::$layer> {
                /// The bias, if there is one.
                pub fn bias(&self) -> Option<&Tensor> {
                    self.bias.as_ref()
                }
            }
        )+
    };
}

biases!(Linear Conv1d Conv2d ConvTranspose1d ConvTranspose2d LayerNorm);

macro_rules! configs {
    ($($layer:ident $config:ident)+) => {
        $(
            impl Layer<candle_nn::$layer> {
                /// The layer's settings.
                pub fn config(&self) -> &candle_nn::$config {
                    self.layer.config()
                }
            }
        )+
    };
}

configs! {
    Conv1d Conv1dConfig
    Conv2d Conv2dConfig
    ConvTranspose1d ConvTranspose1dConfig
    ConvTranspose2d ConvTranspose2dConfig
}

impl Layer<candle_nn::Embedding> {
    /// The rows: `[words, n]`.
    pub fn embeddings(&self) -> &Tensor {
        self.weight.as_ref().expect("the layer was made with its weight")
    }

    /// The length of a row.
    pub fn hidden_size(&self) -> usize {
        self.layer.hidden_size()
    }
}

impl Layer<candle_nn::RmsNorm> {
    /// What `forward` computes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn forward_diff(&self, xs: &Tensor) -> Result<Tensor> {
        self.forward(xs)
    }
}

impl Layer<candle_nn::Dropout> {
    /// The tensor itself; `train` must be false.
    ///
    /// # Errors
    ///
    /// When `train` is true.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        inference(train)?;
        Ok(xs.clone())
    }
}

impl Tensor {
    /// What a module computes of this tensor.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn apply<M: Module + ?Sized>(&self, module: &M) -> Result<Self> {
        module.forward(self)
    }

    /// What a module computes of this tensor; `train` must be false.
    ///
    /// # Errors
    ///
    /// The module's.
    pub fn apply_t<M: ModuleT + ?Sized>(&self, module: &M, train: bool) -> Result<Self> {
        module.forward_t(self, train)
    }
}
