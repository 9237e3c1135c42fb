//! An ONNX model: built, checked, described, and written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use onnx::{ModelProto, OPSETS, OperatorSetIdProto, StringStringEntryProto, TensorData};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::graph::GraphBuilder;

/// An ONNX model that has passed [`crate::check`]'s rules. It shares its weights with candle until they are written.
///
/// ```
/// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
/// assert_eq!((model.operators(), model.versions()), (vec!["Relu"], (17, 8)));
/// # Ok::<(), exporter::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    proto: ModelProto,
    data: Vec<Data>,
    output_shape: Vec<String>,
}

impl Model {
    /// Builds a graph called `name` with any number of inputs and outputs, and checks it.
    ///
    /// ```
    /// # fn main() -> exporter::Result<()> {
    /// let model = exporter::Model::build("distance", 17, |graph| {
    ///     let a = graph.input("a", ("batch", 3))?;
    ///     let b = graph.input("b", ("batch", 3))?;
    ///     let difference = graph.sub(a, b)?;
    ///     let square = graph.sqr(difference)?;
    ///     let sum = graph.sum(square, 1)?;
    ///     let distance = graph.sqrt(sum)?;
    ///     graph.output("difference", difference)?;
    ///     graph.output("distance", distance)
    /// })?;
    /// assert_eq!(model.output_shape(), ["batch", "3"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Opset`] for an opset that is not written, [`Error::Invalid`] for a graph that breaks a rule of ONNX, and
    /// those of `build`.
    pub fn build(name: &str, opset: i64, build: impl FnOnce(&mut GraphBuilder) -> Result<()>) -> Result<Self> {
        if !OPSETS.contains(&opset) {
            return Err(Error::Opset { found: opset });
        }
        let mut graph = GraphBuilder::new(name, opset);
        build(&mut graph)?;
        let output_shape = graph.output_shape();
        let (graph, data) = graph.finish();
        let proto = ModelProto {
            ir_version: onnx::ir_version(opset),
            producer_name: "hourglass".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset }],
            ..ModelProto::default()
        };
        let model = Self { proto, data, output_shape };
        model.check()?;
        Ok(model)
    }

    /// Adds an entry to the file's `metadata_props`.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// let model = model.with_metadata("licence", "MIT")?;
    /// assert!(model.clone().with_metadata("licence", "again").is_err());
    /// # Ok::<(), exporter::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the key is there already.
    pub fn with_metadata(mut self, key: &str, value: &str) -> Result<Self> {
        self.proto.metadata_props.push(StringStringEntryProto { key: key.into(), value: value.into() });
        self.check()?;
        Ok(self)
    }

    /// Sets the file's description.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// let bytes = model.with_doc_string("negative numbers become zero").to_bytes();
    /// assert!(bytes.windows(8).any(|window| window == b"negative"));
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn with_doc_string(mut self, text: &str) -> Self {
        self.proto.doc_string = text.into();
        self
    }

    /// The file's bytes. The same model gives the same bytes.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.to_bytes().len(), model.len());
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        onnx::write_model(&self.proto, &self.data, &mut bytes).expect("memory takes every byte");
        bytes
    }

    /// The file's length in bytes.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.len(), model.to_bytes().len());
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        onnx::model_len(&self.proto, &self.data)
    }

    /// Always false: a model has at least one output.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the file, without a second copy of the weights in memory.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// model.save(std::env::temp_dir().join("relu.onnx"))?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let write = || {
            let mut file = BufWriter::new(File::create(path)?);
            onnx::write_model(&self.proto, &self.data, &mut file)?;
            file.flush()
        };
        write().map_err(|source| Error::io("write", path, source))
    }

    /// The first output's dimensions, symbolic ones as they follow from the inputs': `["batch", "2 * length", "10"]`.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.output_shape(), ["batch", "4"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn output_shape(&self) -> &[String] {
        &self.output_shape
    }

    /// The names of the initializers, in the order in which they are stored.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert!(model.initializers().is_empty());
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn initializers(&self) -> Vec<&str> {
        let graph = self.proto.graph.iter();
        graph.flat_map(|graph| &graph.initializer).map(|initializer| initializer.name.as_str()).collect()
    }

    /// The operators of the nodes, in order.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.operators(), ["Relu"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn operators(&self) -> Vec<&str> {
        let graph = self.proto.graph.iter();
        graph.flat_map(|graph| &graph.node).map(|node| node.op_type.as_str()).collect()
    }

    /// The opset and the IR version.
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.versions(), (17, 8));
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn versions(&self) -> (i64, i64) {
        (self.proto.opset().unwrap_or(0), self.proto.ir_version)
    }

    fn check(&self) -> Result<()> {
        Ok(onnx::check_model(&self.proto, self.len(), |index| self.data[index].byte_len())?)
    }
}
