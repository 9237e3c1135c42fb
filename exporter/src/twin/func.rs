//! `Sequential` and functions whose content is known, so that they can be exported.

use std::sync::Arc;

use candle_core::Module as CandleModule;
use candle_core::{Result, Tensor as CandleTensor};

use super::tensor::Tensor;
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::value::Value;

type CandleFn = dyn Fn(&CandleTensor) -> Result<CandleTensor> + Send + Sync;
type TwinFn = dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync;

/// A closure as a layer, made by [`crate::func!`]: candle's `Func`, with a known content.
///
/// ```
/// use candle_core::{Device, Module, Tensor};
///
/// let flatten = exporter::func!(|x| x.relu()?.flatten_from(1));
/// let x = Tensor::new(&[[[-1f32, 2.], [3., 4.]]], &Device::Cpu)?;
/// assert_eq!(flatten.forward(&x)?.to_vec2::<f32>()?, [[0., 2., 3., 4.]]);
/// let model = exporter::Model::trace(&flatten).input("x", ("batch", 2, 2)).build()?;
/// assert_eq!(model.operators(), ["Relu", "Reshape"]);
/// # Ok::<(), exporter::Error>(())
/// ```
#[derive(Clone)]
pub struct Func {
    candle: Arc<CandleFn>,
    twin: Arc<TwinFn>,
}

impl Func {
    /// The layer of a closure and of its twin. [`crate::func!`] writes both.
    ///
    /// ```
    /// let relu = exporter::Func::new(|x| x.relu(), |x| x.relu());
    /// exporter::Model::trace(&relu).input("x", ("batch", 2)).build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn new<C, T>(candle: C, twin: T) -> Self
    where
        C: Fn(&CandleTensor) -> Result<CandleTensor> + Send + Sync + 'static,
        T: Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static,
    {
        Self { candle: Arc::new(candle), twin: Arc::new(twin) }
    }
}

impl std::fmt::Debug for Func {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("Func")
    }
}

impl CandleModule for Func {
    fn forward(&self, xs: &CandleTensor) -> Result<CandleTensor> {
        (self.candle)(xs)
    }
}

impl ToOnnx for Func {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> crate::Result<Value> {
        graph.run(&(), |()| (self.twin)(&x.into()))
    }
}

/// A layer that candle runs and that can be exported.
trait Both: CandleModule + ToOnnx + Send + Sync {}

impl<T: CandleModule + ToOnnx + Send + Sync> Both for T {}

/// candle's `Sequential`, whose layers can be exported. Their names are `0`, `1` and so on.
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::{Activation, Linear};
///
/// # fn main() -> exporter::Result<()> {
/// let linear = |inputs: usize, outputs: usize| -> exporter::Result<Linear> {
///     Ok(Linear::new(Tensor::zeros((outputs, inputs), DType::F32, &Device::Cpu)?, None))
/// };
/// let net = exporter::seq().add(linear(784, 64)?).add(Activation::Relu).add(exporter::func!(|x| x * 2.)).add(linear(64, 10)?);
/// assert_eq!(net.forward(&Tensor::zeros((1, 784), DType::F32, &Device::Cpu)?)?.dims(), [1, 10]);
/// let model = exporter::Model::trace(&net).input("x", ("batch", 784)).build()?;
/// assert_eq!(model.initializers(), ["0.weight", "2/scalar", "3.weight"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Sequential {
    layers: Vec<Arc<dyn Both>>,
}

/// An empty [`Sequential`].
///
/// ```
/// assert!(exporter::seq().is_empty());
/// ```
pub fn seq() -> Sequential {
    Sequential::default()
}

impl Sequential {
    /// The same with one more layer.
    ///
    /// ```
    /// assert_eq!(exporter::seq().add(candle_nn::Activation::Relu).len(), 1);
    /// ```
    #[allow(clippy::should_implement_trait)]
    pub fn add<M: CandleModule + ToOnnx + Send + Sync + 'static>(mut self, layer: M) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// The number of layers.
    ///
    /// ```
    /// assert_eq!(exporter::seq().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    ///
    /// ```
    /// assert!(exporter::seq().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl std::fmt::Debug for Sequential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.debug_struct("Sequential").field("layers", &self.layers.len()).finish()
    }
}

impl CandleModule for Sequential {
    fn forward(&self, xs: &CandleTensor) -> Result<CandleTensor> {
        self.layers.iter().try_fold(xs.clone(), |x, layer| layer.forward(&x))
    }
}

impl ToOnnx for Sequential {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> crate::Result<Value> {
        let mut layers = self.layers.iter().enumerate();
        layers.try_fold(x, |x, (index, layer)| graph.scoped(&index.to_string(), |graph| layer.to_onnx(graph, x)))
    }
}
