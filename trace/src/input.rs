//! What the model takes: names, dimensions, and which numbers make sense.

use candle_core::{DType, Device, Tensor};
use exporter::{Dim, DimSpec, ElementType, IntoDims};

use crate::error::{Error, Result};
use crate::random::Random;

/// An input of the model: its name, dimensions, type, and the numbers that it is tried with.
///
/// ```
/// use trace::Input;
/// let image = Input::f32("image", ("batch", 3, 224, 224));
/// let words = Input::indices("input_ids", ("batch", "length"), 30522);
/// ```
#[derive(Clone, Debug)]
pub struct Input {
    pub(crate) name: String,
    pub(crate) dims: Vec<DimSpec>,
    pub(crate) dtype: DType,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    Normal,
    Below(u32),
}

impl Input {
    /// Numbers around 0, f32.
    pub fn f32(name: &str, dims: impl IntoDims) -> Self {
        Self { name: name.into(), dims: dims.into_dims(), dtype: DType::F32, values: Values::Normal }
    }

    /// Whole numbers from 0 up to, but without, `below`: candle's u32, ONNX's int64. 2 makes a mask.
    pub fn indices(name: &str, dims: impl IntoDims, below: u32) -> Self {
        Self { name: name.into(), dims: dims.into_dims(), dtype: DType::U32, values: Values::Below(below.max(1)) }
    }

    /// The same with another of candle's types, which the model wants: i64 or u8 indices.
    pub fn with_dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// The names of the dimensions that are not numbers.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = &str> {
        self.dims.iter().filter_map(|dim| match dim {
            DimSpec::Named(name) => Some(name.as_str()),
            DimSpec::Known(_) => None,
        })
    }

    pub(crate) fn element_type(&self) -> Result<ElementType> {
        Ok(match self.dtype {
            DType::F32 => ElementType::F32,
            DType::U32 | DType::I64 => ElementType::I64,
            DType::U8 => ElementType::U8,
            other => {
                return Err(Error::Input(format!(
                    "input `{}`: expected f32, u32, i64 or u8, found {other:?}",
                    self.name
                )));
            }
        })
    }

    /// Random numbers of the shape that the input has at these sizes.
    pub(crate) fn tensor(&self, sizes: &dyn Fn(&str) -> usize, random: &mut Random) -> Result<Tensor> {
        let mut dims = vec![];
        for dim in &self.dims {
            dims.push(match dim {
                DimSpec::Named(name) => sizes(name),
                DimSpec::Known(Dim::Fixed(size)) => *size,
                DimSpec::Known(Dim::Symbol(_)) => {
                    return Err(Error::Input(format!("input `{}`: a dimension is a number or a name", self.name)));
                }
            });
        }
        let count = dims.iter().product();
        let tensor = match self.values {
            Values::Normal => {
                let numbers: Vec<f32> = (0..count).map(|_| random.normal()).collect();
                Tensor::from_vec(numbers, dims, &Device::Cpu)?
            }
            Values::Below(below) => {
                let numbers: Vec<u32> = (0..count).map(|_| random.below(below)).collect();
                Tensor::from_vec(numbers, dims, &Device::Cpu)?
            }
        };
        Ok(tensor.to_dtype(self.dtype)?)
    }
}
