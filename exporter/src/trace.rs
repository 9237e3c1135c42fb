//! From a module of one input and one output to a model: names, opset, metadata.

use std::path::Path;

use onnx::DEFAULT_OPSET;

use crate::value::{DimSpec, ElementType, IntoDims};
use crate::{Model, Result, ToOnnx};

/// A module on its way to a [`Model`].
///
/// ```
/// let trace = exporter::Model::trace(&candle_nn::Activation::Relu);
/// let trace = trace.name("relu").input("x", ("batch", 4)).output("y").opset(13).metadata("licence", "MIT");
/// assert_eq!(trace.build()?.versions(), (13, 7));
/// # Ok::<(), exporter::Error>(())
/// ```
pub struct Trace<'a, M: ?Sized> {
    module: &'a M,
    name: String,
    input: (ElementType, String, Vec<DimSpec>),
    output: String,
    opset: i64,
    metadata: Vec<(String, String)>,
    doc_string: String,
}

impl<'a, M: ToOnnx + ?Sized> Trace<'a, M> {
    pub(crate) fn new(module: &'a M) -> Self {
        Self {
            module,
            name: "model".into(),
            input: (ElementType::F32, "input".into(), vec![]),
            output: "output".into(),
            opset: DEFAULT_OPSET,
            metadata: vec![],
            doc_string: String::new(),
        }
    }

    /// The graph's name. Default `model`.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// trace.name("relu").build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The name and dimensions of an input of f32 elements: `("batch", 784)`.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("image", ("batch", 1, 28, 28));
    /// assert_eq!(trace.build()?.output_shape(), ["batch", "1", "28", "28"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn input(self, name: &str, dims: impl IntoDims) -> Self {
        self.input_of(ElementType::F32, name, dims)
    }

    /// The type, name and dimensions of the input; indices are [`ElementType::I64`].
    ///
    /// ```
    /// # use candle_core::{DType, Device, Tensor};
    /// let words = candle_nn::Embedding::new(Tensor::zeros((100, 8), DType::F32, &Device::Cpu)?, 8);
    /// let trace = exporter::Model::trace(&words).input_of(exporter::ElementType::I64, "words", ("batch", "length"));
    /// assert_eq!(trace.build()?.output_shape(), ["batch", "length", "8"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn input_of(mut self, element_type: ElementType, name: &str, dims: impl IntoDims) -> Self {
        self.input = (element_type, name.into(), dims.into_dims());
        self
    }

    /// The output's name. Default `output`.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// trace.output("y").build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn output(mut self, name: &str) -> Self {
        self.output = name.into();
        self
    }

    /// The version of ONNX's operators, 13 to 21. Default 17.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// assert_eq!(trace.opset(21).build()?.versions(), (21, 10));
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    /// Adds an entry to the file's `metadata_props`.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// trace.metadata("licence", "MIT").build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// The file's description.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// trace.doc_string("negative numbers become zero").build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn doc_string(mut self, text: &str) -> Self {
        self.doc_string = text.into();
        self
    }

    /// Builds the graph and checks it.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// assert_eq!(trace.build()?.output_shape(), ["batch", "4"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] at the layer that does not fit, [`crate::Error::Opset`] for an opset that is not written,
    /// [`crate::Error::Invalid`] for a graph that breaks a rule of ONNX.
    pub fn build(self) -> Result<Model> {
        let model = Model::build(&self.name, self.opset, |graph| {
            let (element_type, name, dims) = self.input;
            let input = graph.input_of(element_type, &name, dims)?;
            let output = self.module.to_onnx(graph, input)?;
            graph.output(&self.output, output)
        })?;
        let mut entries = self.metadata.iter();
        let model = entries.try_fold(model, |model, (key, value)| model.with_metadata(key, value))?;
        Ok(model.with_doc_string(&self.doc_string))
    }

    /// Builds the graph and writes the file.
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4));
    /// trace.save(std::env::temp_dir().join("trace-example.onnx"))?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Trace::build`], and [`crate::Error::Io`] when the file cannot be written.
    pub fn save(self, path: impl AsRef<Path>) -> Result<()> {
        self.build()?.save(path)
    }
}
