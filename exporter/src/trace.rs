//! Makes a model of a module with one input and one output: names, opset, metadata.

use std::path::Path;

use candle_nn::VarMap;
use onnx::DEFAULT_OPSET;

use crate::error::{Error, Result};
#[cfg(doc)]
use crate::graph::GraphBuilder;
use crate::graph::to_onnx::ToOnnx;
use crate::model::Model;
use crate::shape::{DimSpec, IntoDims};
use crate::value::ElementType;

impl Model {
    /// Starts to trace a module with one input and one output. Name them, then call [`Trace::build`] or [`Trace::save`].
    ///
    /// ```
    /// let model = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.output_shape(), ["batch", "4"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn trace<M: ToOnnx + ?Sized>(module: &M) -> Trace<'_, M> {
        Trace::new(module)
    }
}

/// A module that is being made into a [`Model`].
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
    input: Option<(ElementType, String, Vec<DimSpec>)>,
    output: String,
    opset: i64,
    metadata: Vec<(String, String)>,
    doc_string: String,
    variables: Option<&'a VarMap>,
    /// What is stated about named lengths.
    lengths: Vec<(String, Statement)>,
}

/// What a caller knows of a length.
enum Statement {
    AtLeast(usize),
    MultipleOf(usize),
}

impl<'a, M: ToOnnx + ?Sized> Trace<'a, M> {
    fn new(module: &'a M) -> Self {
        Self {
            module,
            name: "model".into(),
            input: None,
            output: "output".into(),
            opset: DEFAULT_OPSET,
            metadata: vec![],
            doc_string: String::new(),
            variables: None,
            lengths: vec![],
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
        self.input = Some((element_type, name.into(), dims.into_dims()));
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

    /// Gives weights the names that they have in the checkpoint, where a field is called otherwise.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::{VarBuilder, VarMap};
    ///
    /// let variables = VarMap::new();
    /// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    /// let layer = candle_nn::linear(4, 3, vb.pp("head.dense"))?;
    /// let model = exporter::Model::trace(&layer).checkpoint(&variables).input("x", ("batch", 4)).build()?;
    /// assert_eq!(model.initializers(), ["head.dense.weight", "head.dense.bias"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn checkpoint(mut self, variables: &'a VarMap) -> Self {
        self.variables = Some(variables);
        self
    }

    /// States that a named length is at least a number whenever the model runs: [`GraphBuilder::at_least`].
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", "length"));
    /// trace.at_least("length", 2).build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn at_least(mut self, length: &str, number: usize) -> Self {
        self.lengths.push((length.into(), Statement::AtLeast(number)));
        self
    }

    /// States that a named length is a multiple of a number whenever the model runs: [`GraphBuilder::multiple_of`].
    ///
    /// ```
    /// let trace = exporter::Model::trace(&candle_nn::Activation::Relu).input("x", ("batch", "length"));
    /// trace.multiple_of("length", 2).build()?;
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn multiple_of(mut self, length: &str, number: usize) -> Self {
        self.lengths.push((length.into(), Statement::MultipleOf(number)));
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
        let Some((element_type, name, dims)) = self.input else {
            let reason = "its input has no shape yet; say it with `.input(\"x\", (\"batch\", 28, 28))`, a name for each length that may change".into();
            return Err(Error::Invalid { graph: self.name, reason });
        };
        let model = Model::build(&self.name, self.opset, |graph| {
            let input = graph.input_of(element_type, &name, dims)?;
            self.variables.into_iter().for_each(|variables| graph.checkpoint_names(variables));
            for (length, statement) in &self.lengths {
                let dim = graph.named(length)?;
                match *statement {
                    Statement::AtLeast(number) => graph.at_least(dim, number)?,
                    Statement::MultipleOf(number) => graph.multiple_of(dim, number)?,
                }
            }
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

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::{Activation, Linear};

    use onnx::ModelProto;

    use super::*;
    use crate::graph::GraphBuilder;
    use crate::value::Value;

    fn linear(inputs: usize, outputs: usize) -> Linear {
        let tensor = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        Linear::new(tensor(&[outputs, inputs]), Some(tensor(&[outputs])))
    }

    struct Two(Linear, Linear);

    impl ToOnnx for Two {
        fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
            let x = graph.apply("first", &self.0, x)?;
            let x = graph.apply("activation", &Activation::Relu, x)?;
            graph.apply("second", &self.1, x)
        }
    }

    #[test]
    fn layers_are_nodes_and_weights_keep_their_names() {
        let model =
            Model::trace(&Two(linear(4, 3), linear(3, 2))).input("x", ("batch", 4)).output("y").build().unwrap();
        let graph = ModelProto::from_bytes(&model.to_bytes()).unwrap().graph.unwrap();
        let nodes: Vec<_> = graph.node.iter().map(|node| (node.name.as_str(), node.op_type.as_str())).collect();
        assert_eq!(nodes, [("first.Gemm", "Gemm"), ("activation.Relu", "Relu"), ("second.Gemm", "Gemm")]);
        assert_eq!(model.initializers(), ["first.weight", "first.bias", "second.weight", "second.bias"]);
        assert_eq!(graph.output[0].name, "y");
        assert_eq!(model.output_shape(), ["batch", "2"]);
        assert_eq!(model.versions(), (17, 8));
    }

    #[test]
    fn a_layer_that_does_not_fit_is_named() {
        let error = Model::trace(&Two(linear(4, 3), linear(5, 2))).input("x", ("batch", 4)).build().unwrap_err();
        assert_eq!(error.to_string(), r#"layer `second`: Linear expected 5 input features, found ["batch", "3"]"#);
    }

    #[test]
    fn a_weight_used_twice_is_stored_once() {
        let square = linear(3, 3);
        let model = Model::trace(&Two(square.clone(), square)).input("x", ("batch", 3)).build().unwrap();
        assert_eq!(model.initializers(), ["first.weight", "first.bias"]);
    }

    #[test]
    fn a_weight_is_stored_once_as_it_is_and_transposed() {
        for first in [0, 1] {
            let layer = linear(3, 3);
            let model = Model::build("both", 17, |graph| {
                let rows = graph.input("rows", ("batch", 3))?;
                let steps = graph.input("steps", ("batch", "length", 3))?;
                let inputs = [rows, steps];
                for (name, input) in [("y", inputs[first]), ("z", inputs[1 - first])] {
                    let output = graph.apply("head", &layer, input)?;
                    graph.output(name, output)?;
                }
                Ok(())
            });
            let model = model.unwrap();
            assert_eq!(model.initializers(), ["head.weight", "head.bias"]);
            assert_eq!(model.operators().iter().filter(|operator| **operator == "Transpose").count(), 1);
        }
    }

    #[test]
    fn more_dimensions_take_matmul() {
        let model = Model::trace(&linear(4, 3)).input("x", ("batch", 7, 4)).build().unwrap();
        assert_eq!(model.output_shape(), ["batch", "7", "3"]);
        assert_eq!(model.operators(), ["MatMul", "Add"]);
    }

    #[test]
    fn metadata_and_doc_string_are_written() {
        let trace =
            Model::trace(&Same).input("x", ("batch", 4)).name("same").metadata("licence", "MIT").doc_string("as is");
        let proto = ModelProto::from_bytes(&trace.build().unwrap().to_bytes()).unwrap();
        assert_eq!((proto.doc_string.as_str(), proto.graph.unwrap().name.as_str()), ("as is", "same"));
        assert_eq!((proto.metadata_props[0].key.as_str(), proto.metadata_props[0].value.as_str()), ("licence", "MIT"));
    }

    #[test]
    fn opsets_out_of_range_are_refused() {
        for opset in [12, 22] {
            let error = Model::trace(&linear(4, 3)).input("x", ("batch", 4)).opset(opset).build().unwrap_err();
            assert_eq!(error.to_string(), format!("opset {opset}: expected 13 to 21"));
        }
        for (opset, ir) in [(13, 7), (18, 8), (19, 9), (21, 10)] {
            let model = Model::trace(&linear(4, 3)).input("x", ("batch", 4)).opset(opset).build().unwrap();
            assert_eq!(model.versions(), (opset, ir));
        }
    }

    struct Same;

    impl ToOnnx for Same {
        fn to_onnx(&self, _graph: &mut GraphBuilder, x: Value) -> Result<Value> {
            Ok(x)
        }
    }

    #[test]
    fn a_module_that_returns_its_input_gets_an_identity() {
        let model = Model::trace(&Same).input("x", ("batch", 4)).output("y").build().unwrap();
        let node = &ModelProto::from_bytes(&model.to_bytes()).unwrap().graph.unwrap().node[0];
        assert_eq!((node.op_type.as_str(), node.output[0].as_str()), ("Identity", "y"));
    }
}
