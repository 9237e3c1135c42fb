//! `max_pool` and `avg_pool`: an image made smaller, window by window.

use bundle::Shape;
use candle_core::Tensor;
use serde::Serialize;

use super::entries::Entries;
use super::module::LayerModule;
use super::settings::{Parameters, Role, Settings, check_count, values};
use super::shapes::{Enlarge, expect_image};
use crate::fused::Chain;
use crate::ops;

/// The largest value of each window; windows lie side by side, and the last one may be cut off:
/// `[batch, c, h, w] -> [batch, c, ceil(h / size), ceil(w / size)]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaxPool {
    /// Side of the window, 1 to 65536. Default 2.
    pub size: usize,
}

/// The mean of each window; windows lie side by side, and what fills no window is left out:
/// `[batch, c, h, w] -> [batch, c, floor(h / size), floor(w / size)]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AvgPool {
    /// Side of the window, 1 to 65536. Default 2.
    pub size: usize,
}

impl Default for MaxPool {
    fn default() -> Self {
        Self { size: 2 }
    }
}

impl Default for AvgPool {
    fn default() -> Self {
        Self { size: 2 }
    }
}

impl MaxPool {
    pub(super) fn mirror<L: Enlarge>(&self, input: Shape, output: Shape) -> Result<Vec<L>, String> {
        let [_, height, width] = expect_image(input)?;
        L::enlarge(output, self.size, [height, width])
    }
}

impl AvgPool {
    pub(super) fn mirror<L: Enlarge>(&self, input: Shape, output: Shape) -> Result<Vec<L>, String> {
        let [_, height, width] = expect_image(input)?;
        L::enlarge(output, self.size, [height, width])
    }
}

impl Settings for MaxPool {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["max_pool"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { size: entries.count_or("size", Self::default().size)? })
    }

    fn role(&self) -> Role {
        Role::Pool
    }

    fn check(&self) -> Result<(), String> {
        check_count("size", self.size)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let size = self.size;
        let [channels, height, width] = expect_image(input)?;
        if height == 1 && width == 1 {
            return Err(format!("there is nothing left to pool: its input is {input}"));
        }
        if size > height.max(width) {
            return Err(format!("its window of {size} x {size} is larger than {input}"));
        }
        Ok(Shape::Image { channels, height: height.div_ceil(size), width: width.div_ceil(size) })
    }

    fn fuses(&self, _input: Shape) -> bool {
        self.size == 2
    }

    fn graph_values(&self, input: Shape, output: Shape) -> u64 {
        if self.fuses(input) { 2 * values(output) } else { 4 * values(input) }
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl Settings for AvgPool {
    type Module = Self;

    const NAMES: &'static [&'static str] = &["avg_pool"];

    fn read(_name: &str, entries: &mut Entries) -> Result<Self, String> {
        Ok(Self { size: entries.count_or("size", Self::default().size)? })
    }

    fn role(&self) -> Role {
        Role::Pool
    }

    fn check(&self) -> Result<(), String> {
        check_count("size", self.size)
    }

    fn output(&self, input: Shape) -> Result<Shape, String> {
        let size = self.size;
        let [channels, height, width] = expect_image(input)?;
        if height < size || width < size {
            return Err(format!("its window of {size} x {size} is larger than {input}: nothing would be left"));
        }
        Ok(Shape::Image { channels, height: height / size, width: width / size })
    }

    fn graph_values(&self, input: Shape, _output: Shape) -> u64 {
        3 * values(input)
    }

    fn build(&self, _input: Shape, _parameters: &mut Parameters) -> crate::Result<Option<Self>> {
        Ok(Some(self.clone()))
    }
}

impl LayerModule for MaxPool {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        ops::max_pool2d(x, self.size)
    }

    fn fuse(&self, chain: &mut Chain) -> bool {
        self.size == 2 && chain.max_pool2()
    }
}

impl LayerModule for AvgPool {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        ops::avg_pool2d(x, self.size)
    }
}
