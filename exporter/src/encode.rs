//! Writes a model without a second copy of its weights: they go from candle's memory to the file in pieces.

use std::io::{self, Write};

use candle_core::{CpuStorage, Device, Storage, Tensor};
use prost::Message;

use crate::proto::{GraphProto, ModelProto, TensorProto};

/// An initializer's data: a shared handle on candle's tensor, or a few bytes that were made here.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Tensor(Tensor),
    Bytes(Vec<u8>),
}

impl Data {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Tensor(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn write(&self, output: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => output.write_all(bytes),
            Self::Tensor(tensor) => write_tensor(tensor, output).map_err(io::Error::other)?,
        }
    }
}

fn write_tensor(tensor: &Tensor, output: &mut impl Write) -> candle_core::Result<io::Result<()>> {
    let tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let range = layout.start_offset()..layout.start_offset() + tensor.elem_count();
    let Storage::Cpu(storage) = &*storage else { unreachable!("the tensor was moved to the CPU") };
    Ok(match storage {
        CpuStorage::F32(values) => write_values(&values[range], |value| value.to_le_bytes(), output),
        CpuStorage::F16(values) => write_values(&values[range], |value| value.to_le_bytes(), output),
        CpuStorage::BF16(values) => write_values(&values[range], |value| value.to_le_bytes(), output),
        CpuStorage::I64(values) => write_values(&values[range], |value| value.to_le_bytes(), output),
        CpuStorage::U8(values) => output.write_all(&values[range]),
        _ => unreachable!("other types are refused when an initializer is added"),
    })
}

fn write_values<T: Copy, const N: usize>(
    values: &[T],
    bytes: impl Fn(T) -> [u8; N],
    output: &mut impl Write,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 16);
    for values in values.chunks((1 << 16) / N) {
        buffer.clear();
        values.iter().for_each(|&value| buffer.extend_from_slice(&bytes(value)));
        output.write_all(&buffer)?;
    }
    Ok(())
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

fn tensor_len(header: &TensorProto, data: &Data) -> usize {
    header.encoded_len() + if data.len() == 0 { 0 } else { field_len(data.len()) }
}

fn graph_len(graph: &GraphProto, rest: usize, data: &[Data]) -> usize {
    let tensors = graph.initializer.iter().zip(data);
    rest + tensors.map(|(header, data)| field_len(tensor_len(header, data))).sum::<usize>()
}

/// The bytes of the file that [`write_model`] writes.
pub(crate) fn model_len(model: &ModelProto, data: &[Data]) -> usize {
    let Some(graph) = &model.graph else { return model.encoded_len() };
    let headers: usize = graph.initializer.iter().map(|header| field_len(header.encoded_len())).sum();
    let rest = graph.encoded_len() - headers;
    model.encoded_len() - field_len(graph.encoded_len()) + field_len(graph_len(graph, rest, data))
}

/// Writes `model`, whose initializers have no data of their own, with `data` in their places.
pub(crate) fn write_model(model: &ModelProto, data: &[Data], output: &mut impl Write) -> io::Result<()> {
    let mut outer = model.clone();
    let mut graph = outer.graph.take().unwrap_or_default();
    let headers = std::mem::take(&mut graph.initializer);
    let delimiter = |length: usize, output: &mut dyn Write| {
        let mut bytes = Vec::new();
        prost::encode_length_delimiter(length, &mut bytes)?;
        output.write_all(&bytes)
    };
    output.write_all(&outer.encode_to_vec())?;
    let rest = graph.encode_to_vec();
    output.write_all(&MODEL_GRAPH)?;
    let whole = model.graph.as_ref().map_or(0, |graph| graph_len(graph, rest.len(), data));
    delimiter(whole, output)?;
    output.write_all(&rest)?;
    for (header, data) in headers.iter().zip(data) {
        output.write_all(&GRAPH_INITIALIZER)?;
        delimiter(tensor_len(header, data), output)?;
        output.write_all(&header.encode_to_vec())?;
        if data.len() > 0 {
            output.write_all(&TENSOR_RAW_DATA)?;
            delimiter(data.len(), output)?;
            data.write(output)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{DataType, OperatorSetIdProto};

    #[test]
    fn pieces_are_the_message_that_prost_would_write() {
        let tensor = Tensor::arange(0f32, 50_000., &Device::Cpu).unwrap();
        let header = |name: &str, length: i64| TensorProto {
            dims: vec![length],
            data_type: DataType::Float.into(),
            name: name.into(),
            raw_data: vec![],
        };
        let graph = GraphProto {
            name: "g".into(),
            initializer: vec![header("a", 50_000), header("b", 1), header("c", 0)],
            ..GraphProto::default()
        };
        let model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            graph: Some(graph),
            ..ModelProto::default()
        };
        let data = [Data::Tensor(tensor), Data::Bytes(vec![1, 2, 3, 4]), Data::Bytes(vec![])];
        let mut bytes = Vec::new();
        write_model(&model, &data, &mut bytes).unwrap();
        assert_eq!(bytes.len(), model_len(&model, &data));

        let decoded = ModelProto::decode(bytes.as_slice()).unwrap();
        let mut whole = model;
        let raw: Vec<u8> = (0..50_000).flat_map(|value| (value as f32).to_le_bytes()).collect();
        let tensors = &mut whole.graph.as_mut().unwrap().initializer;
        tensors[0].raw_data = raw;
        tensors[1].raw_data = vec![1, 2, 3, 4];
        assert!(decoded == whole);
    }
}
