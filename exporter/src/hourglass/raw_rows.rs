//! Rows as the graphs take and give them, what turns them into the network's input, and what turns its output back.

use std::sync::Arc;

use bundle::{RowForm, Schema, Tensor as Described};
use candle_core::{Device, Tensor};
use trainer::{NetworkConfig, Samples};

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::hourglass::error::ExportError;
use crate::hourglass::options::InputType;
use crate::hourglass::preprocessing;
use crate::shape::{DimSpec, IntoDims};
use crate::value::{ElementType, Value};

/// The values of a well-prepared pixel.
const PIXELS: [f32; 2] = [0., 1.];

/// Rows as the graphs take and give them.
pub(super) enum RawRows {
    /// As the network takes them: this many floats.
    Prepared(usize),
    /// The columns of a table, in their own units.
    Table(Arc<Schema>),
    /// Pictures as decoders give them: bytes, channels last.
    Bytes {
        /// Channels, height and width.
        image: [usize; 3],
        /// The byte that stands for 1.0.
        max_value: u8,
    },
}

impl RawRows {
    /// Rows like those of `samples`.
    ///
    /// # Errors
    ///
    /// [`ExportError::Input`] where bytes are asked for, and the rows are no pictures.
    pub(super) fn new(samples: &Samples, network: &NetworkConfig, input: InputType) -> Result<Self, ExportError> {
        match (samples.schema(), input) {
            (None, InputType::F32) => Ok(Self::Prepared(network.input_dim())),
            (None, InputType::U8) => Ok(Self::Bytes { image: samples.image(), max_value: samples.max_value() }),
            (Some(schema), InputType::F32) => Ok(Self::Table(schema.clone())),
            (Some(_), InputType::U8) => Err(ExportError::Input),
        }
    }

    /// What a detector is told of the rows.
    pub(super) fn row_form(&self) -> RowForm<'_> {
        match self {
            Self::Prepared(_) => RowForm::Plain { white: 1. },
            Self::Table(schema) => RowForm::Table(schema),
            Self::Bytes { max_value, .. } => RowForm::Plain { white: f32::from(*max_value) },
        }
    }

    /// The shape of one row.
    pub(super) fn row_shape(&self) -> Vec<usize> {
        match self {
            Self::Prepared(width) => vec![*width],
            Self::Table(schema) => vec![schema.raw_len()],
            Self::Bytes { image: [channels, height, width], .. } => vec![*height, *width, *channels],
        }
    }

    /// The type of a value that goes into the graphs. What comes out of them is always [`ElementType::F32`].
    pub(super) fn element_type(&self) -> ElementType {
        if matches!(self, Self::Bytes { .. }) { ElementType::U8 } else { ElementType::F32 }
    }

    /// The tensor `name` of such rows, as `model.json` describes it.
    pub(super) fn describe(&self, name: &str, side: Side) -> Described {
        let mut described = Described::new(name, self.row_shape());
        described.range = match self {
            Self::Prepared(_) => Some(PIXELS),
            Self::Table(_) => None,
            Self::Bytes { max_value, .. } => Some([0., f32::from(*max_value)]),
        };
        if let (Self::Bytes { .. }, Side::Input) = (self, side) {
            described.dtype = "uint8".into();
        }
        described
    }

    /// Raw rows as the network takes them, `[batch, input_dim]`.
    pub(super) fn prepare(&self, graph: &mut GraphBuilder, raw: Value) -> Result<Value> {
        match self {
            Self::Prepared(_) => Ok(raw),
            Self::Table(schema) => preprocessing::prepare(schema, graph, raw),
            Self::Bytes { image, max_value } => {
                let floats = graph.cast(raw, ElementType::F32)?;
                let max_value = graph.scalar(f32::from(*max_value))?;
                let scaled = graph.div(floats, max_value)?;
                let rows = if image[0] == 1 { scaled } else { graph.permute(scaled, &[0, 3, 1, 2])? };
                graph.reshape(rows, (raw.dim(0), image.iter().product::<usize>()))
            }
        }
    }

    /// What the network gives, `[batch, input_dim]`, as raw rows.
    pub(super) fn restore(&self, graph: &mut GraphBuilder, rows: Value) -> Result<Value> {
        match self {
            Self::Prepared(_) => Ok(rows),
            Self::Table(schema) => preprocessing::restore(schema, graph, rows),
            Self::Bytes { image: [channels, height, width], max_value } => {
                let max_value = graph.scalar(f32::from(*max_value))?;
                let scaled = graph.mul(rows, max_value)?;
                let batch = rows.dim(0);
                if *channels == 1 {
                    return graph.reshape(scaled, (batch, *height, *width, 1));
                }
                let planes = graph.reshape(scaled, (batch, *channels, *height, *width))?;
                graph.permute(planes, &[0, 2, 3, 1])
            }
        }
    }

    /// What the network gives, as [`RawRows::restore`] computes it.
    pub(super) fn restored(&self, output: &Tensor) -> candle_core::Result<Tensor> {
        let rows = output.dim(0)?;
        match self {
            Self::Prepared(_) => Ok(output.clone()),
            Self::Table(schema) => {
                let mut raw = vec![0.; rows * schema.raw_len()];
                schema.restore(&output.flatten_all()?.to_vec1::<f32>()?, &mut raw);
                Tensor::from_vec(raw, (rows, schema.raw_len()), &Device::Cpu)
            }
            Self::Bytes { image, max_value } => (channels_last(output, *image)? * f64::from(*max_value))?.contiguous(),
        }
    }

    /// How large the rounding errors of these raw rows may be in relation to each other, as the network computed them in `output`:
    /// the numbers of a table are measured in units of their scale, or by themselves where they are larger.
    pub(super) fn sizes(&self, output: &[f32], raw: &[f32]) -> Vec<f32> {
        match self {
            Self::Prepared(_) => raw.iter().map(|value| value.abs().max(1.)).collect(),
            Self::Bytes { max_value, .. } => raw.iter().map(|value| value.abs().max(f32::from(*max_value))).collect(),
            Self::Table(schema) => {
                let scales: Vec<f32> = schema.columns().iter().map(scale).collect();
                let rows = output.chunks(schema.input_len()).zip(raw.chunks(schema.raw_len()));
                let sizes = rows.flat_map(|(output, raw)| {
                    let largest = largest(output);
                    let size = move |(raw, scale): (&f32, &f32)| raw.abs().max(scale * largest);
                    raw.iter().zip(&scales).map(size).collect::<Vec<_>>()
                });
                sizes.collect()
            }
        }
    }

    /// How [`RawRows::sizes`] are defined, for the report.
    pub(super) fn relative_to(&self) -> &'static str {
        match self {
            Self::Prepared(_) => "max(1, |candle|)",
            Self::Bytes { .. } => "the byte that stands for 1.0, or |candle| if larger",
            Self::Table(_) => {
                "the largest |candle| of the row, at least 1, in units of the column's scale; or |candle| if larger"
            }
        }
    }
}

/// Rows that go into the graphs, or come out of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Reconstruction,
}

impl IntoDims for &RawRows {
    /// The dimensions of a batch.
    fn into_dims(self) -> Vec<DimSpec> {
        let row = self.row_shape().into_iter().map(DimSpec::from);
        [DimSpec::from("batch")].into_iter().chain(row).collect()
    }
}

/// Rows of images, `[rows, channels * height * width]`, as `[rows, height, width, channels]`.
pub(super) fn channels_last(rows: &Tensor, [channels, height, width]: [usize; 3]) -> candle_core::Result<Tensor> {
    rows.reshape((rows.dim(0)?, channels, height, width))?.permute((0, 2, 3, 1))?.contiguous()
}

/// The largest absolute value of a row, at least 1.
pub(super) fn largest(row: &[f32]) -> f32 {
    row.iter().fold(1., |largest, value| largest.max(value.abs()))
}

fn scale(column: &bundle::Column) -> f32 {
    match column.kind {
        bundle::ColumnKind::Number { scale, .. } => scale,
        bundle::ColumnKind::Category { .. } => 1.,
    }
}
