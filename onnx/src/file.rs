//! Reads a file whole, and writes one without a second copy of its weights.

use std::io::{self, Write};

use prost::Message;

use crate::error::{Error, Result};
use crate::proto::{ModelProto, TensorProto};

impl ModelProto {
    /// Reads the bytes of a file. No rule is checked: see [`crate::check`].
    ///
    /// ```
    /// let model = onnx::ModelProto { ir_version: 8, ..Default::default() };
    /// assert_eq!(onnx::ModelProto::from_bytes(&model.to_bytes())?, model);
    /// # Ok::<(), onnx::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] where the bytes are no messages of ONNX.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::decode(bytes).map_err(|error| Error::Decode { reason: error.to_string() })
    }

    /// The bytes of the file. [`crate::write_model`] writes it without a copy of the weights.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

/// The elements of an initializer, wherever they are.
pub trait TensorData {
    /// Their length in bytes.
    fn byte_len(&self) -> usize;

    /// Writes them in row-major order, little endian: as many bytes as [`TensorData::byte_len`] says.
    ///
    /// # Errors
    ///
    /// Those of `output`.
    fn write_to(&self, output: &mut dyn Write) -> io::Result<()>;
}

impl TensorData for Vec<u8> {
    fn byte_len(&self) -> usize {
        self.len()
    }

    fn write_to(&self, output: &mut dyn Write) -> io::Result<()> {
        output.write_all(self)
    }
}

/// A protobuf field's number and wire type 2: a length and as many bytes.
const fn key(field: u8) -> [u8; 1] {
    [field << 3 | 2]
}

const MODEL_GRAPH: [u8; 1] = key(7);
const GRAPH_INITIALIZER: [u8; 1] = key(5);
const TENSOR_RAW_DATA: [u8; 1] = key(9);

/// A field's key, length and content.
fn field_len(content: usize) -> usize {
    1 + prost::length_delimiter_len(content) + content
}

fn tensor_len(header: &TensorProto, data: &impl TensorData) -> usize {
    header.encoded_len() + if data.byte_len() == 0 { 0 } else { field_len(data.byte_len()) }
}

/// The length of all initializers of a graph.
fn initializers_len(headers: &[TensorProto], data: &[impl TensorData]) -> usize {
    headers.iter().zip(data).map(|(header, data)| field_len(tensor_len(header, data))).sum()
}

/// The length in bytes of the file that [`write_model`] writes.
pub fn model_len(model: &ModelProto, data: &[impl TensorData]) -> usize {
    let Some(graph) = &model.graph else { return model.encoded_len() };
    let headers: usize = graph.initializer.iter().map(|header| field_len(header.encoded_len())).sum();
    let rest = graph.encoded_len() - headers;
    model.encoded_len() - field_len(graph.encoded_len()) + field_len(rest + initializers_len(&graph.initializer, data))
}

/// Writes `model`, whose initializers have no data of their own, with `data` in their places.
///
/// # Errors
///
/// Those of `output` and of `data`.
pub fn write_model(model: &ModelProto, data: &[impl TensorData], output: &mut dyn Write) -> io::Result<()> {
    let mut outer = model.clone();
    let graph = outer.graph.take();
    let delimiter = |length: usize, output: &mut dyn Write| {
        let mut bytes = Vec::new();
        prost::encode_length_delimiter(length, &mut bytes)?;
        output.write_all(&bytes)
    };
    output.write_all(&outer.encode_to_vec())?;
    let Some(mut graph) = graph else { return Ok(()) };
    let headers = std::mem::take(&mut graph.initializer);
    let rest = graph.encode_to_vec();
    output.write_all(&MODEL_GRAPH)?;
    delimiter(rest.len() + initializers_len(&headers, data), output)?;
    output.write_all(&rest)?;
    for (header, data) in headers.iter().zip(data) {
        output.write_all(&GRAPH_INITIALIZER)?;
        delimiter(tensor_len(header, data), output)?;
        output.write_all(&header.encode_to_vec())?;
        if data.byte_len() > 0 {
            output.write_all(&TENSOR_RAW_DATA)?;
            delimiter(data.byte_len(), output)?;
            data.write_to(output)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{DataType, GraphProto, OperatorSetIdProto};

    #[test]
    fn pieces_are_the_message_that_prost_would_write() {
        let header = |name: &str, length: i64| TensorProto {
            dims: vec![length],
            data_type: DataType::Float.into(),
            name: name.into(),
            ..TensorProto::default()
        };
        let graph = GraphProto {
            name: "g".into(),
            initializer: vec![header("a", 50_000), header("b", 1), header("c", 0)],
            ..GraphProto::default()
        };
        let mut model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            graph: Some(graph),
            ..ModelProto::default()
        };
        let data: [Vec<u8>; 3] =
            [(0..50_000).flat_map(|value| (value as f32).to_le_bytes()).collect(), vec![1, 2, 3, 4], vec![]];
        let mut bytes = Vec::new();
        write_model(&model, &data, &mut bytes).unwrap();
        assert_eq!(bytes.len(), model_len(&model, &data));

        let decoded = ModelProto::from_bytes(&bytes).unwrap();
        let tensors = &mut model.graph.as_mut().unwrap().initializer;
        for (tensor, data) in tensors.iter_mut().zip(data) {
            tensor.raw_data = data;
        }
        assert!(decoded == model);
    }

    #[test]
    fn a_model_without_a_graph_is_written_without_one() {
        let (model, data) = (ModelProto { ir_version: 8, ..ModelProto::default() }, [vec![0u8; 4]]);
        let mut bytes = Vec::new();
        write_model(&model, &data, &mut bytes).unwrap();
        assert_eq!((bytes.len(), ModelProto::from_bytes(&bytes).unwrap()), (model_len(&model, &data), model));
    }
}
