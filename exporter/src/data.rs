//! The elements of initializers, written from candle's memory without a second copy.

use std::io::{self, Write};

use candle_core::{CpuStorage, Device, Storage, Tensor};
use onnx::TensorData;

/// An initializer's elements: a shared handle to candle's tensor, or a few bytes.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Tensor(Tensor),
    Bytes(Vec<u8>),
}

impl TensorData for Data {
    fn byte_len(&self) -> usize {
        match self {
            Self::Tensor(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn write_to(&self, output: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => output.write_all(bytes),
            Self::Tensor(tensor) => write_tensor(tensor, output).map_err(io::Error::other)?,
        }
    }
}

fn write_tensor(tensor: &Tensor, output: &mut dyn Write) -> candle_core::Result<io::Result<()>> {
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
    output: &mut dyn Write,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 16);
    for values in values.chunks((1 << 16) / N) {
        buffer.clear();
        values.iter().for_each(|&value| buffer.extend_from_slice(&bytes(value)));
        output.write_all(&buffer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_is_written_in_pieces_and_whole() {
        let values: Vec<f32> = (0..50_000).map(|value| value as f32).collect();
        let tensor = Data::Tensor(Tensor::new(&values[..], &Device::Cpu).unwrap());
        let mut bytes = Vec::new();
        tensor.write_to(&mut bytes).unwrap();
        assert_eq!(bytes.len(), tensor.byte_len());
        assert!(bytes == values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    }
}
