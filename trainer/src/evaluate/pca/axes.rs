//! The principal axes of rows that come in blocks, by the smaller of two matrices: pixels by pixels, or rows by rows.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use super::eigen::{self, Check, Leading};
use crate::error::Result;
use crate::evaluate::budget::{Halt, LeftOutReason};

/// Up to this size, a matrix of products is always kept (32 MB); beyond it, only when many axes are asked for.
const ALWAYS_KEPT: usize = 2048;
/// No matrix of products beyond this size is kept (512 MB).
const MAX_KEPT: usize = 8192;
/// Keeping a matrix costs as much as this many iterations without it, times the number of axes.
const KEPT_PER_AXIS: usize = 20;
/// The most memory that a fit may take.
const MAX_BYTES: u64 = 2_000_000_000;
/// An axis with a smaller part of the variance than this cannot be told from rounding.
const MIN_PART: f64 = 1e-12;
/// The part of the work that is done once the matrix is computed.
const KEPT_PART: f64 = 0.5;

/// Rows `[rows, width]` that are made block by block, whenever they are needed.
pub(super) struct Blocks<'a> {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) block_rows: usize,
    pub(super) block: &'a dyn Fn(Range<usize>) -> Result<Tensor>,
}

/// What a fit gives.
pub(super) struct Axes {
    /// The mean row.
    pub(super) mean: Tensor,
    /// Orthonormal, as columns `[width, count]`.
    pub(super) axes: Tensor,
    /// The variance along all of them.
    pub(super) held: f64,
    /// The variance of the rows.
    pub(super) variance: f64,
}

impl Blocks<'_> {
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.rows).step_by(self.block_rows).map(|first| first..(first + self.block_rows).min(self.rows))
    }

    /// The mean row.
    fn mean(&self) -> Result<Tensor> {
        let mut sum = Tensor::zeros(self.width, DType::F64, &Device::Cpu)?;
        for range in self.ranges() {
            sum = (sum + (self.block)(range)?.sum(0)?.to_dtype(DType::F64)?)?;
        }
        Ok((sum / self.rows as f64)?.to_dtype(DType::F32)?)
    }
}

impl Axes {
    /// Fits at most `count` axes: no more than pixels, and no more than rows.
    pub(super) fn fit(blocks: &Blocks, count: usize, check: Check) -> Result<Self, Halt> {
        let Blocks { rows, width, .. } = *blocks;
        let count = count.min(width).min(rows);
        let smaller = rows.min(width);
        let kept = smaller <= ALWAYS_KEPT.max((KEPT_PER_AXIS * count).min(MAX_KEPT));
        check_memory([if kept { smaller } else { width }, width, count], kept)?;

        let mean = blocks.mean()?;
        let centred = Centred { blocks, mean: &mean, check };
        let variance = centred.sum(Tensor::zeros((), DType::F64, &Device::Cpu)?, &|block| block.sqr()?.sum_all())?;
        let variance = variance.to_scalar::<f64>()?;
        let leading = |size: usize, multiply: &dyn Fn(&Tensor) -> Result<Tensor, Halt>| {
            let check = |part: f64| check(if kept { KEPT_PART + (1. - KEPT_PART) * part } else { part });
            eigen::leading(&Leading { size, count, trace: variance, check: &check }, multiply)
        };
        let (axes, variances) = if kept && rows < width {
            let products = centred.row_products()?;
            let (weights, variances) = leading(rows, &|basis| Ok(products.matmul(basis)?))?;
            let spanned = variances.iter().map(|held| f64::from(*held > MIN_PART * variance)).collect();
            (centred.combine(&weights, spanned)?, variances)
        } else if kept {
            let zeros = Tensor::zeros((width, width), DType::F64, &Device::Cpu)?;
            let covariance = centred.sum_with(zeros, KEPT_PART, &|block| block.t()?.matmul(block))?;
            leading(width, &|basis| Ok(covariance.matmul(basis)?))?
        } else {
            leading(width, &|basis| {
                let zeros = Tensor::zeros(basis.dims2()?, DType::F64, &Device::Cpu)?;
                let basis = basis.to_dtype(DType::F32)?;
                centred.sum(zeros, &|block| block.t()?.matmul(&block.matmul(&basis)?))
            })?
        };
        Ok(Self { mean, axes, held: variances.iter().sum(), variance })
    }
}

/// Refuses what would take too much memory: bases of `count` columns in a matrix of `size`, and axes of `width` values.
fn check_memory([size, width, count]: [usize; 3], kept: bool) -> Result<(), Halt> {
    let [size, width, count] = [size, width, count].map(|number| number as u64);
    let columns = eigen::columns(count as usize, size as usize) as u64;
    let values = if kept { size * size } else { 0 } + 4 * size * columns + 2 * width * count;
    let needed = values * size_of::<f64>() as u64;
    if needed > MAX_BYTES { Err(Halt::LeftOut(LeftOutReason::Memory { needed, limit: MAX_BYTES })) } else { Ok(()) }
}

/// The blocks minus the mean row.
struct Centred<'a> {
    blocks: &'a Blocks<'a>,
    mean: &'a Tensor,
    check: Check<'a>,
}

impl Centred<'_> {
    fn block(&self, range: Range<usize>) -> Result<Tensor> {
        Ok((self.blocks.block)(range)?.broadcast_sub(self.mean)?)
    }

    /// The mean of `product` over the rows: products of a block in f32, their sum over the blocks in f64.
    fn sum(&self, start: Tensor, product: &dyn Fn(&Tensor) -> candle_core::Result<Tensor>) -> Result<Tensor, Halt> {
        self.sum_with(start, 0., product)
    }

    /// The same, as the part `part` of the whole work.
    fn sum_with(
        &self,
        mut sum: Tensor,
        part: f64,
        product: &dyn Fn(&Tensor) -> candle_core::Result<Tensor>,
    ) -> Result<Tensor, Halt> {
        for range in self.blocks.ranges() {
            (self.check)(part * range.start as f64 / self.blocks.rows as f64)?;
            sum = (sum + product(&self.block(range)?)?.to_dtype(DType::F64)?)?;
        }
        Ok((sum / self.blocks.rows as f64)?)
    }

    /// The products of the rows with each other, `[rows, rows]`, divided by their number: the same eigenvalues as the covariance.
    /// In f64: the shorter an axis, the less precise it is here.
    fn row_products(&self) -> Result<Tensor, Halt> {
        let rows = self.blocks.rows;
        let block = |range| Ok(self.block(range)?.to_dtype(DType::F64)?) as Result<Tensor>;
        let mut products = vec![0.; rows * rows];
        for left in self.blocks.ranges() {
            let left_block = block(left.clone())?;
            for right in self.blocks.ranges().take_while(|right| right.start <= left.start) {
                (self.check)(KEPT_PART * (left.start as f64 / rows as f64).powi(2))?;
                let values = left_block.matmul(&block(right.clone())?.t()?)?.to_vec2::<f64>()?;
                for (i, values) in left.clone().zip(values) {
                    for (j, value) in right.clone().zip(values) {
                        let value = value / rows as f64;
                        (products[i * rows + j], products[j * rows + i]) = (value, value);
                    }
                }
            }
        }
        Ok(Tensor::from_vec(products, (rows, rows), &Device::Cpu)?)
    }

    /// The axes that are these combinations of the rows, `[rows, count] -> [width, count]`, each times its factor, 0 or 1: beyond the
    /// axes that the rows span, they are zero.
    fn combine(&self, weights: &Tensor, factors: Vec<f64>) -> Result<Tensor, Halt> {
        let count = factors.len();
        let mut sum = Tensor::zeros((self.blocks.width, count), DType::F64, &Device::Cpu)?;
        let weights = weights.broadcast_mul(&Tensor::from_vec(factors, count, &Device::Cpu)?)?;
        for range in self.blocks.ranges() {
            (self.check)(1.)?;
            let weights = weights.narrow(0, range.start, range.len())?;
            sum = (sum + self.block(range)?.to_dtype(DType::F64)?.t()?.matmul(&weights)?)?;
        }
        Ok(eigen::orthonormal(&sum)?)
    }
}
