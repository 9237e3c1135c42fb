//! Convolutions and transposed convolutions over any number of spatial dimensions.

use crate::attribute::{int, ints};
use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::graph::sums::Sum;
use crate::shape::Dim;
use crate::value::{ElementType, Value};

/// The operands and settings of [`GraphBuilder::conv`]; every spatial dimension has the same settings, as in candle.
///
/// ```
/// # exporter::Model::build("example", 17, |graph| {
/// let x = graph.input("x", ("batch", 3, 32, 32))?;
/// let weight = candle_core::Tensor::zeros((8, 3, 5, 5), candle_core::DType::F32, &candle_core::Device::Cpu)?;
/// let weight = graph.constant(&weight)?;
/// let same = exporter::Convolution { weight, bias: None, padding: 2, stride: 1, dilation: 1, groups: 1 };
/// let y = graph.conv(x, same)?; // [batch, 8, 32, 32]
/// # graph.output("y", y)
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// `[out, in / groups, kernel, ..]`.
    pub weight: Value,
    /// `[out]`.
    pub bias: Option<Value>,
    /// Zeros added on both sides, from 0.
    pub padding: usize,
    /// Elements from one window to the next, from 1.
    pub stride: usize,
    /// Elements from one element of a window to the next, from 1.
    pub dilation: usize,
    /// The number of groups of channels that are computed separately, from 1.
    pub groups: usize,
}

/// The operands and settings of [`GraphBuilder::conv_transpose`].
///
/// ```
/// # exporter::Model::build("example", 17, |graph| {
/// let x = graph.input("x", ("batch", 3, 32, 32))?;
/// let weight = candle_core::Tensor::zeros((3, 8, 3, 3), candle_core::DType::F32, &candle_core::Device::Cpu)?;
/// let weight = graph.constant(&weight)?;
/// let twice = exporter::TransposedConvolution {
///     weight, bias: None, padding: 1, output_padding: 1, stride: 2, dilation: 1, groups: 1,
/// };
/// let y = graph.conv_transpose(x, twice)?; // [batch, 8, 64, 64]
/// # graph.output("y", y)
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TransposedConvolution {
    /// `[in, out / groups, kernel, ..]`.
    pub weight: Value,
    /// `[out]`.
    pub bias: Option<Value>,
    /// Elements cut from both sides of the output, from 0.
    pub padding: usize,
    /// Elements kept beyond the right side, below the larger of stride and dilation.
    pub output_padding: usize,
    /// Elements from one window to the next, from 1.
    pub stride: usize,
    /// Elements from one element of a window to the next, from 1.
    pub dilation: usize,
    /// The number of groups of channels that are computed separately, from 1.
    pub groups: usize,
}

impl GraphBuilder {
    /// A convolution: `[batch, in, ..] -> [batch, out, ..]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let weight = graph.constant(&candle_core::Tensor::zeros((16, 8, 3, 3), candle_core::DType::F32, &candle_core::Device::Cpu)?)?;
    /// let y = graph.conv(
    ///     x,
    ///     exporter::Convolution { weight, bias: None, padding: 1, stride: 2, dilation: 1, groups: 1 },
    /// )?; // [batch, 16, 14, 14]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the channels differ or the window is larger than the input.
    pub fn conv(&mut self, x: Value, convolution: Convolution) -> Result<Value> {
        let Convolution { weight, bias, padding, stride, dilation, groups } = convolution;
        let (outputs, inputs) = self.channels("Conv", x, weight)?;
        self.expect_positive("Conv", [stride, dilation, groups])?;
        if !outputs.is_multiple_of(groups) {
            return Err(self.mismatch("Conv", format!("output channels in {groups} groups"), outputs.to_string()));
        }
        self.expect_channels("Conv", x, inputs * groups)?;
        self.expect_bias("Conv", bias, outputs)?;
        let mut shape = x.shape.with(1, Dim::Fixed(outputs));
        for axis in 2..x.rank() {
            let kernel = self.known("Conv", weight, axis)?;
            let window = dilation * (kernel - 1) + 1;
            let length = self.windows("Conv", x, axis, [window, padding, stride])?;
            shape = shape.with(axis, length);
        }
        let spatial = x.rank() - 2;
        let attributes = vec![
            ints("kernel_shape", &self.kernel(weight)?),
            ints("pads", &vec![padding; 2 * spatial]),
            ints("strides", &vec![stride; spatial]),
            ints("dilations", &vec![dilation; spatial]),
            int("group", groups as i64),
        ];
        let operands: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
        self.node("Conv", &operands, attributes, shape)
    }

    /// A transposed convolution, which enlarges by the stride: `[batch, in, ..] -> [batch, out, ..]`.
    ///
    /// ```
    /// # exporter::Model::build("example", 17, |graph| {
    /// let x = graph.input("x", ("batch", 8, 28, 28))?;
    /// let weight = graph.constant(&candle_core::Tensor::zeros((8, 4, 2, 2), candle_core::DType::F32, &candle_core::Device::Cpu)?)?;
    /// let twice = exporter::TransposedConvolution {
    ///     weight, bias: None, padding: 0, output_padding: 0, stride: 2, dilation: 1, groups: 1,
    /// };
    /// let y = graph.conv_transpose(x, twice)?; // [batch, 4, 56, 56]
    /// # graph.output("y", y)
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Shape`] when the channels differ.
    pub fn conv_transpose(&mut self, x: Value, convolution: TransposedConvolution) -> Result<Value> {
        let TransposedConvolution { weight, bias, padding, output_padding, stride, dilation, groups } = convolution;
        let (inputs, outputs) = self.channels("ConvTranspose", x, weight)?;
        self.expect_positive("ConvTranspose", [stride, dilation, groups])?;
        if !inputs.is_multiple_of(groups) {
            return Err(self.mismatch(
                "ConvTranspose",
                format!("input channels in {groups} groups"),
                inputs.to_string(),
            ));
        }
        self.expect_channels("ConvTranspose", x, inputs)?;
        self.expect_bias("ConvTranspose", bias, outputs * groups)?;
        if output_padding >= stride.max(dilation) {
            let expected = format!("output padding below {}", stride.max(dilation));
            return Err(self.mismatch("ConvTranspose", expected, output_padding.to_string()));
        }
        let mut shape = x.shape.with(1, Dim::Fixed(outputs * groups));
        for axis in 2..x.rank() {
            let kernel = self.known("ConvTranspose", weight, axis)?;
            let length = match x.dim(axis) {
                length @ Dim::Symbol(_) => {
                    let offset = (dilation * (kernel - 1) + output_padding + 1) as i64 - (2 * padding + stride) as i64;
                    let sum = self.symbols.elements(&[length, stride.into()]).plus(&Sum::number(offset));
                    self.symbols.length(sum)
                }
                Dim::Fixed(size) => {
                    let whole = size.saturating_sub(1) * stride + dilation * (kernel - 1) + output_padding + 1;
                    if whole <= 2 * padding {
                        let expected = format!("more than {} elements to cut from axis {axis}", 2 * padding);
                        return Err(self.mismatch("ConvTranspose", expected, whole.to_string()));
                    }
                    Dim::Fixed(whole - 2 * padding)
                }
            };
            shape = shape.with(axis, length);
        }
        let spatial = x.rank() - 2;
        let attributes = vec![
            ints("kernel_shape", &self.kernel(weight)?),
            ints("pads", &vec![padding; 2 * spatial]),
            ints("output_padding", &vec![output_padding; spatial]),
            ints("strides", &vec![stride; spatial]),
            ints("dilations", &vec![dilation; spatial]),
            int("group", groups as i64),
        ];
        let operands: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
        self.node("ConvTranspose", &operands, attributes, shape)
    }

    /// How many windows fit along `axis`.
    pub(super) fn windows(
        &mut self,
        operator: &'static str,
        x: Value,
        axis: usize,
        [window, padding, stride]: [usize; 3],
    ) -> Result<Dim> {
        match x.dim(axis) {
            length @ Dim::Symbol(_) => {
                let offset = (2 * padding + stride) as i64 - window as i64;
                Ok(self.symbols.windows(length, offset, stride))
            }
            Dim::Fixed(size) if size + 2 * padding < window => {
                let expected = format!("at least {} elements along axis {axis}", window - 2 * padding);
                Err(self.mismatch(operator, expected, size.to_string()))
            }
            Dim::Fixed(size) => Ok(Dim::Fixed((size + 2 * padding - window) / stride + 1)),
        }
    }

    fn channels(&self, operator: &'static str, x: Value, weight: Value) -> Result<(usize, usize)> {
        self.expect_floats(operator, &[x, weight])?;
        if x.rank() < 3 || weight.rank() != x.rank() {
            let expected = format!("{} dimensions, batch and channels first", weight.rank());
            return Err(self.mismatch(operator, expected, format!("{:?}", self.describe(x))));
        }
        if weight.dims().contains(&Dim::Fixed(0)) {
            return Err(self.mismatch(operator, "a weight of some elements", format!("{:?}", self.describe(weight))));
        }
        Ok((self.known(operator, weight, 0)?, self.known(operator, weight, 1)?))
    }

    /// Fails where a stride, dilation, number of groups or side of a window is 0.
    pub(super) fn expect_positive<const N: usize>(&self, operator: &'static str, settings: [usize; N]) -> Result<()> {
        if settings.contains(&0) {
            return Err(self.mismatch(operator, "strides, dilations, groups and windows from 1", "0"));
        }
        Ok(())
    }

    fn expect_bias(&self, operator: &'static str, bias: Option<Value>, outputs: usize) -> Result<()> {
        match bias {
            Some(bias) if bias.dims() != [Dim::Fixed(outputs)] || bias.element_type != ElementType::F32 => {
                let found = format!("{:?} of {:?}", bias.element_type, self.describe(bias));
                Err(self.mismatch(operator, format!("a bias of {outputs}"), found))
            }
            _ => Ok(()),
        }
    }

    fn expect_channels(&self, operator: &'static str, x: Value, expected: usize) -> Result<()> {
        if x.dim(1) == Dim::Fixed(expected) {
            return Ok(());
        }
        let last = x.rank() - 1;
        let order: Vec<usize> = [0, last].into_iter().chain(1..last).collect();
        let advice = match x.dims().last() == Some(&Dim::Fixed(expected)) {
            true => format!("; its channels seem to stand last: `permute(x, &{order:?})` puts them second"),
            false => String::new(),
        };
        let found = format!("{} in {:?}{advice}", self.symbols.describe(x.dim(1)), self.describe(x));
        Err(self.mismatch(operator, format!("{expected} input channels"), found))
    }

    fn kernel(&self, weight: Value) -> Result<Vec<usize>> {
        (2..weight.rank()).map(|axis| self.known("Conv", weight, axis)).collect()
    }
}
