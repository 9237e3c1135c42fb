//! Windows: convolutions and pooling; images and sequences in other sizes.

use candle_core::{Result, ToUsize2};

use super::length::Length;
use super::tensor::Tensor;
use crate::operators::conv::Convolution;
use crate::operators::pool::Pool;

macro_rules! pools {
    ($($name:ident $stride:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($name), "`: [`crate::GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $name(&self, size: impl ToUsize2) -> Result<Self> {
                    let size = size.to_usize2();
                    self.$stride(size, size)
                }

                #[doc = concat!("candle's `", stringify!($stride), "`: [`crate::GraphBuilder::", stringify!($name), "`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $stride(&self, kernel: impl ToUsize2, stride: impl ToUsize2) -> Result<Self> {
                    let pool = Pool { kernel: kernel.to_usize2(), stride: stride.to_usize2() };
                    self.map(|graph, x| graph.$name(x, pool))
                }
            )+
        }
    };
}

pools! {
    max_pool2d max_pool2d_with_stride
    avg_pool2d avg_pool2d_with_stride
}

macro_rules! convolutions {
    ($($name:ident)+) => {
        impl Tensor {
            $(
                #[doc = concat!("candle's `", stringify!($name), "`, with a weight that is a tensor: [`crate::GraphBuilder::conv`].")]
                ///
                /// # Errors
                ///
                /// As there.
                pub fn $name(
                    &self,
                    kernel: &Tensor,
                    padding: usize,
                    stride: usize,
                    dilation: usize,
                    groups: usize,
                ) -> Result<Self> {
                    self.map(|graph, x| {
                        let weight = kernel.value(graph)?;
                        graph.conv(x, Convolution { weight, bias: None, padding, stride, dilation, groups })
                    })
                }
            )+
        }
    };
}

convolutions!(conv1d conv2d);

impl Tensor {
    /// Nearest elements: `[batch, channels, length] -> [batch, channels, size]`.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::upsample_nearest1d`].
    pub fn upsample_nearest1d(&self, size: impl Into<Length>) -> Result<Self> {
        let size = size.into().dim();
        self.map(|graph, x| graph.upsample_nearest1d(x, size))
    }

    /// Another name of [`Tensor::upsample_nearest1d`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn interpolate1d(&self, size: impl Into<Length>) -> Result<Self> {
        self.upsample_nearest1d(size)
    }

    /// Nearest pixels: `[batch, channels, ..] -> [batch, channels, height, width]`.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::upsample_nearest2d`].
    pub fn upsample_nearest2d(&self, height: impl Into<Length>, width: impl Into<Length>) -> Result<Self> {
        let (height, width) = (height.into().dim(), width.into().dim());
        self.map(|graph, x| graph.upsample_nearest2d(x, height, width))
    }

    /// Another name of [`Tensor::upsample_nearest2d`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn interpolate2d(&self, height: impl Into<Length>, width: impl Into<Length>) -> Result<Self> {
        self.upsample_nearest2d(height, width)
    }

    /// Pixels between others, weighted by nearness: `[batch, channels, ..] -> [batch, channels, height, width]`.
    ///
    /// # Errors
    ///
    /// As [`crate::GraphBuilder::upsample_bilinear2d`]; with `align_corners`, which is not written.
    pub fn upsample_bilinear2d(
        &self,
        height: impl Into<Length>,
        width: impl Into<Length>,
        align_corners: bool,
    ) -> Result<Self> {
        if align_corners {
            candle_core::bail!("`upsample_bilinear2d` is not written with `align_corners`");
        }
        let [height, width] = [height.into(), width.into()].map(|length| length.expect_known("a picture's size"));
        self.map(|graph, x| graph.upsample_bilinear2d(x, height, width))
    }
}
