//! A traced model: input and output names, opset, metadata, and the bytes of the file.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use prost::Message;

use crate::proto::{DimensionValue, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::value::{DimSpec, IntoDims};
use crate::{Error, GraphBuilder, Result, ToOnnx, check};

/// Opsets that are written.
pub(crate) const OPSETS: RangeInclusive<i64> = 13..=21;
/// With IR version 8, the newest that onnxruntime 1.14 loads.
pub(crate) const DEFAULT_OPSET: i64 = 17;

/// An ONNX model in memory, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    proto: ModelProto,
}

impl Model {
    /// Starts to trace `module`; name its input and output, then [`Trace::build`] or [`Trace::save`] it.
    pub fn trace<M: ToOnnx + ?Sized>(module: &M) -> Trace<'_, M> {
        Trace {
            module,
            name: "model".into(),
            input: ("input".into(), vec![]),
            output: "output".into(),
            opset: DEFAULT_OPSET,
            metadata: vec![],
            doc_string: String::new(),
        }
    }

    /// The file's bytes: the same model gives the same ones.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.encode_to_vec()
    }

    /// The output's dimensions, symbolic ones by name: `["batch", "10"]`.
    pub fn output_shape(&self) -> Vec<String> {
        let output = self.proto.graph.as_ref().and_then(|graph| graph.output.first());
        let shape =
            output.and_then(|output| output.r#type.as_ref()?.tensor_type.as_ref()?.shape.clone()).unwrap_or_default();
        let describe = |value| match value {
            Some(DimensionValue::DimValue(size)) => size.to_string(),
            Some(DimensionValue::DimParam(name)) => name,
            None => "?".into(),
        };
        shape.dim.into_iter().map(|dim| describe(dim.value)).collect()
    }

    /// The names of the initializers, in the order they are stored.
    pub fn initializers(&self) -> Vec<&str> {
        let graph = self.proto.graph.iter();
        graph.flat_map(|graph| &graph.initializer).map(|initializer| initializer.name.as_str()).collect()
    }

    /// The opset and the IR version.
    pub fn versions(&self) -> (i64, i64) {
        (self.proto.opset_import.first().map_or(0, |opset| opset.version), self.proto.ir_version)
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        fs::write(path, self.to_bytes()).map_err(|source| Error::io("write", path, source))
    }
}

/// A module on its way to a [`Model`].
pub struct Trace<'a, M: ?Sized> {
    module: &'a M,
    name: String,
    input: (String, Vec<DimSpec>),
    output: String,
    opset: i64,
    metadata: Vec<(String, String)>,
    doc_string: String,
}

impl<M: ToOnnx + ?Sized> Trace<'_, M> {
    /// The graph's name. Default `model`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The input's name and dimensions, `("batch", 784)`.
    pub fn input(mut self, name: &str, dims: impl IntoDims) -> Self {
        self.input = (name.into(), dims.into_dims());
        self
    }

    /// The output's name. Default `output`.
    pub fn output(mut self, name: &str) -> Self {
        self.output = name.into();
        self
    }

    /// The version of ONNX's operators, 13 to 21. Default 17.
    pub fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    /// Adds an entry to the file's `metadata_props`.
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// The file's description.
    pub fn doc_string(mut self, text: &str) -> Self {
        self.doc_string = text.into();
        self
    }

    /// Builds the graph and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] at the layer that does not fit, [`Error::Opset`] for an opset that is not written,
    /// [`Error::Invalid`] for a graph that breaks a rule of ONNX.
    pub fn build(self) -> Result<Model> {
        if !OPSETS.contains(&self.opset) {
            return Err(Error::Opset { found: self.opset });
        }
        let mut graph = GraphBuilder::new(&self.name);
        let input = graph.input(&self.input.0, self.input.1)?;
        let output = self.module.to_onnx(&mut graph, input)?;
        graph.output(&self.output, output)?;
        let entry = |(key, value)| StringStringEntryProto { key, value };
        let proto = ModelProto {
            ir_version: ir_version(self.opset),
            producer_name: "hourglass".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            doc_string: self.doc_string,
            graph: Some(graph.finish()),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: self.opset }],
            metadata_props: self.metadata.into_iter().map(entry).collect(),
        };
        check::check_proto(&proto)?;
        Ok(Model { proto })
    }

    /// Builds the graph and writes the file.
    ///
    /// # Errors
    ///
    /// As [`Trace::build`], and [`Error::Io`] when the file cannot be written.
    pub fn save(self, path: impl AsRef<Path>) -> Result<()> {
        self.build()?.save(path)
    }
}

/// The oldest IR version that may hold the opset: the table in ONNX's `Versioning.md`.
fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::{Activation, Linear};

    use super::*;
    use crate::Value;

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
        let graph = model.proto.graph.as_ref().unwrap();
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
        assert_eq!(error.to_string(), "layer `second`: Gemm expected 5 input features, found 3");
    }

    #[test]
    fn a_weight_used_twice_is_stored_once() {
        let square = linear(3, 3);
        let model = Model::trace(&Two(square.clone(), square)).input("x", ("batch", 3)).build().unwrap();
        assert_eq!(model.initializers(), ["first.weight", "first.bias"]);
    }

    #[test]
    fn more_dimensions_take_matmul() {
        let model = Model::trace(&linear(4, 3)).input("x", ("batch", 7, 4)).build().unwrap();
        assert_eq!(model.output_shape(), ["batch", "7", "3"]);
        let operators: Vec<_> =
            model.proto.graph.as_ref().unwrap().node.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(operators, ["Transpose", "MatMul", "Add"]);
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
        let node = &model.proto.graph.as_ref().unwrap().node[0];
        assert_eq!((node.op_type.as_str(), node.output[0].as_str()), ("Identity", "y"));
    }
}
