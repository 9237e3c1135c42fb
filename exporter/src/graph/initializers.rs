//! Weights and other constants of a graph.

use candle_core::{DType, Tensor};
use candle_nn::VarMap;
use onnx::TensorProto;

use crate::data::Data;
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

impl GraphBuilder {
    /// Adds `tensor` as the initializer `name` inside the current layer; the same tensor is stored once.
    ///
    /// f16 and bf16 weights are stored as they are and converted to f32 before use, which every runtime can do.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let weight = candle_core::Tensor::new(&[1f32, 2., 3., 4.], &candle_core::Device::Cpu)?;
    /// let weight = graph.initializer("scale", &weight)?; // [4]
    /// let y = graph.mul(x, weight)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] for a type that is not written (f64), [`crate::Error::Invalid`] for a name that is taken.
    pub fn initializer(&mut self, name: &str, tensor: &Tensor) -> Result<Value> {
        self.weight(Some(name), tensor, false)
    }

    /// Gives weights the names that they have in a checkpoint, whatever the fields are called.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::{VarBuilder, VarMap};
    ///
    /// let variables = VarMap::new();
    /// let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    /// let layer = candle_nn::linear(4, 3, vb.pp("head.dense"))?;
    /// let model = exporter::Model::build("example", 17, |graph| {
    ///     graph.checkpoint_names(&variables);
    ///     let x = graph.input("x", ("batch", 4))?;
    ///     let y = graph.apply("fc", &layer, x)?;
    ///     graph.output("y", y)
    /// })?;
    /// assert_eq!(model.initializers(), ["head.dense.weight", "head.dense.bias"]);
    /// # Ok::<(), exporter::Error>(())
    /// ```
    pub fn checkpoint_names(&mut self, variables: &VarMap) {
        let variables = variables.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.names.give(variables.iter().map(|(name, variable)| (variable.as_tensor().id(), name.clone())));
    }

    /// A matrix as the initializer `name`, with its rows as columns: nothing need transpose it when the model runs.
    pub(crate) fn transposed_initializer(&mut self, name: &str, tensor: &Tensor) -> Result<Value> {
        self.weight(Some(name), tensor, true)
    }

    /// A weight by its name, or a constant without one.
    fn weight(&mut self, name: Option<&str>, tensor: &Tensor, transposed: bool) -> Result<Value> {
        let key = (tensor.id(), transposed);
        if let Some(&value) = self.initializers.get(&key) {
            return Ok(value);
        }
        if let Some(&turned) = self.initializers.get(&(tensor.id(), !transposed)) {
            let value = self.transpose(turned, 0, 1)?;
            self.initializers.insert(key, value);
            return Ok(value);
        }
        let full_name = name.map(|name| self.names.of_weight(tensor.id(), name));
        let tensor = if tensor.dtype() == DType::U32 { tensor.to_dtype(DType::I64)? } else { tensor.detach() };
        let tensor = if transposed { tensor.t()? } else { tensor };
        let Some(element_type) = ElementType::of(tensor.dtype()) else {
            let advice = "`to_dtype(DType::F32)` converts it, or a VarBuilder of f32 reads it so";
            let name = full_name.as_deref().unwrap_or("a constant");
            let found = format!("{:?} in `{name}`; {advice}", tensor.dtype());
            return Err(self.mismatch("Initializer", "f32, f16, bf16, i64, u32 or u8", found));
        };
        let full_name = match full_name {
            Some(name) => self.take(&name).map(|()| name)?,
            None => self.names.made_up("constant"),
        };
        let dims = tensor.dims().to_vec();
        let stored = self.store(full_name, element_type, &dims, Data::Tensor(tensor))?;
        let value = self.widened(stored)?;
        self.initializers.insert(key, value);
        Ok(value)
    }

    /// Adds a constant that is not a weight, under a generated name.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let mask = graph.constant(&candle_core::Tensor::new(&[1f32, 0., 1., 0.], &candle_core::Device::Cpu)?)?;
    /// let y = graph.mul(x, mask)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`GraphBuilder::initializer`].
    pub fn constant(&mut self, tensor: &Tensor) -> Result<Value> {
        self.weight(None, tensor, false)
    }

    /// Adds one f32 number. It has no dimensions, so it broadcasts with every value.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 4))?;
    /// let half = graph.scalar(0.5)?;
    /// let y = graph.mul(x, half)?; // [batch, 4]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// No error today.
    pub fn scalar(&mut self, number: f32) -> Result<Value> {
        let name = self.names.made_up("scalar");
        self.number(name, &[], number)
    }

    /// One f32 number of this shape under this name.
    pub(crate) fn number(&mut self, name: String, dims: &[usize], number: f32) -> Result<Value> {
        self.store(name, ElementType::F32, dims, Data::Bytes(number.to_le_bytes().to_vec()))
    }

    /// A constant of integers, such as a shape or axes.
    pub(crate) fn integers(&mut self, what: &str, numbers: &[i64]) -> Result<Value> {
        let name = self.names.made_up(what);
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.store(name, ElementType::I64, &[numbers.len()], Data::Bytes(bytes))
    }

    pub(super) fn store(
        &mut self,
        name: String,
        element_type: ElementType,
        dims: &[usize],
        data: Data,
    ) -> Result<Value> {
        let fixed: Vec<Dim> = dims.iter().map(|&dim| Dim::Fixed(dim)).collect();
        let shape = self.shape("Initializer", &fixed)?;
        self.graph.initializer.push(TensorProto {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: element_type.data_type().into(),
            name: name.clone(),
            ..TensorProto::default()
        });
        self.data.push(data);
        Ok(self.value(name, element_type, shape))
    }
}
