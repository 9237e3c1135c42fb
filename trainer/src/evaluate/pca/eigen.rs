//! The leading eigenvectors of a covariance that is known by its products alone: subspace iteration, as in Halko, Martinsson
//! and Tropp 2011, "Finding structure with randomness", sections 4.4 and 5.1.

use candle_core::{D, DType, Device, Tensor};
use rand::RngExt;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use crate::error::{Error, Result};
use crate::evaluate::budget::Halt;
use crate::random::{Purpose, stream};

/// Axes beyond those that are asked for, so that the last of them converge too.
const OVERSAMPLING: usize = 16;
const MAX_ITERATIONS: usize = 60;
/// The most vectors that are sorted by variance, which takes the eigenvectors of a full matrix of this size.
const MAX_ORDERED: usize = 256;
/// The largest matrix that is factorised value by value.
const MAX_SCALAR: usize = 256;
/// The iteration ends when the variance that its axes hold grows by less than this part.
const CONVERGED: f64 = 1e-9;
/// Added to the covariance, as a part of its trace: the same axes, and products that stay independent of each other
/// where the rows do not span the space.
const SHIFT: f64 = 1e-7;

/// Told of the part that is done; fails when there is no more time.
pub(super) type Check<'a> = &'a dyn Fn(f64) -> Result<(), Halt>;

/// What is asked of a symmetric matrix `[size, size]`.
pub(super) struct Leading<'a> {
    pub(super) size: usize,
    /// How many eigenvectors.
    pub(super) count: usize,
    /// The sum of its eigenvalues.
    pub(super) trace: f64,
    /// Told of the part that is done.
    pub(super) check: Check<'a>,
}

/// How many vectors are iterated for `count` of a matrix of `size`.
pub(super) fn columns(count: usize, size: usize) -> usize {
    if count > MAX_ORDERED { count } else { (count + OVERSAMPLING).min(size) }
}

/// Orthonormal eigenvectors as columns `[size, count]`, the one with the largest eigenvalue first, and their eigenvalues; of more
/// than [`MAX_ORDERED`], vectors of the same space. `multiply` takes `[size, n]` to the matrix times it.
pub(super) fn leading(
    &Leading { size, count, trace, check }: &Leading,
    multiply: &dyn Fn(&Tensor) -> Result<Tensor, Halt>,
) -> Result<(Tensor, Vec<f64>), Halt> {
    if !trace.is_finite() {
        return Err(Error::setting("data", format!("no PCA: the rows' variance is {trace}")).into());
    }
    // In units of the trace, so that neither tiny nor huge rows leave the range of the arithmetic.
    let unit = if trace > 0. { trace } else { 1. };
    let multiply = |basis: &Tensor| -> Result<Tensor, Halt> { Ok((multiply(basis)? / unit)?) };
    let columns = columns(count, size);
    let mut rng = stream(0, Purpose::Axes, 0);
    let start: Vec<f64> = (0..size * columns).map(|_| rng.random::<f64>() - 0.5).collect();
    let mut basis = orthonormal(&Tensor::from_vec(start, (size, columns), &Device::Cpu)?)?;
    let mut product = multiply(&basis)?;
    let mut held = 0.;
    for iteration in 0..MAX_ITERATIONS {
        // The whole space needs no search.
        if trace <= 0. || count > MAX_ORDERED && columns == size {
            break;
        }
        check(iteration as f64 / MAX_ITERATIONS as f64)?;
        basis = orthonormal(&(&product + (&basis * SHIFT)?)?)?;
        product = multiply(&basis)?;
        let now = (&basis * &product)?.sum_all()?.to_scalar::<f64>()?;
        if (now - held).abs() <= CONVERGED {
            break;
        }
        held = now;
    }
    if count > MAX_ORDERED {
        let values = (&basis * &product)?.sum(0)?.to_vec1::<f64>()?;
        return Ok((basis, values.into_iter().map(|value| value.max(0.) * unit).collect()));
    }
    // The axes within the subspace: the eigenvectors of a small symmetric matrix.
    let small = basis.t()?.matmul(&product)?;
    let small = ((&small + small.t()?)? / 2.)?.to_vec2::<f64>()?;
    if small.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Error::setting("data", "no PCA: the rows are too large for their products").into());
    }
    let failed = |error: smartcore::error::Failed| Error::setting("data", format!("no PCA: {error}"));
    let decomposition = DenseMatrix::from_2d_vec(&small).and_then(|matrix| matrix.evd_mut(true)).map_err(failed)?;
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by(|&a, &b| decomposition.d[b].total_cmp(&decomposition.d[a]));
    order.truncate(count);
    let rotation: Vec<f64> = (0..columns)
        .flat_map(|row| order.iter().map(move |&axis| (row, axis)))
        .map(|place| *decomposition.V.get(place))
        .collect();
    let rotation = Tensor::from_vec(rotation, (columns, count), &Device::Cpu)?;
    let values = order.iter().map(|&axis| decomposition.d[axis].max(0.) * unit).collect();
    Ok((basis.matmul(&rotation)?, values))
}

/// An orthonormal basis of the columns: Cholesky's factor of their products, twice (Yamamoto et al. 2015, CholeskyQR2).
pub(super) fn orthonormal(columns: &Tensor) -> Result<Tensor> {
    let lengths = columns.sqr()?.sum_keepdim(0)?.sqrt()?.clamp(f64::MIN_POSITIVE, f64::MAX)?;
    let mut columns = columns.broadcast_div(&lengths)?;
    for _ in 0..2 {
        let products = columns.t()?.matmul(&columns)?;
        columns = columns.matmul(&inverse_factor(&products)?)?;
    }
    Ok(columns)
}

/// `R⁻¹` of `RᵀR = products`, upper triangular.
fn inverse_factor(products: &Tensor) -> Result<Tensor> {
    let n = products.dim(D::Minus1)?;
    if n > MAX_SCALAR {
        return inverse_factor_by_halves(products);
    }
    let g = products.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    // L of L Lᵀ, row by row; the inverse beside it.
    let mut l = vec![0.; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let rest = g[i * n + j] - dot;
            // Rounding may take a nearly dependent column below zero.
            l[i * n + j] = if i == j { rest.max(1e-14).sqrt() } else { rest / l[j * n + j] };
        }
    }
    let mut inverse = vec![0.; n * n];
    for i in 0..n {
        inverse[i * n + i] = 1. / l[i * n + i];
        for j in 0..i {
            let dot: f64 = (j..i).map(|k| l[i * n + k] * inverse[k * n + j]).sum();
            inverse[i * n + j] = -dot / l[i * n + i];
        }
    }
    Ok(Tensor::from_vec(inverse, (n, n), &Device::Cpu)?.t()?.contiguous()?)
}

/// The same by halves: with `R⁻¹ = [[A, -A Sᵀ C], [0, C]]`, where `A` is that of the upper half and `S` the lower left quarter
/// times `A`, `C` is that of the lower right quarter less `S Sᵀ`.
fn inverse_factor_by_halves(products: &Tensor) -> Result<Tensor> {
    let n = products.dim(D::Minus1)?;
    let half = n / 2;
    let quarter = |row, rows, column, columns| products.narrow(0, row, rows)?.narrow(1, column, columns)?.contiguous();
    let a = inverse_factor(&quarter(0, half, 0, half)?)?;
    let s = quarter(half, n - half, 0, half)?.matmul(&a)?;
    let c = inverse_factor(&(quarter(half, n - half, half, n - half)? - s.matmul(&s.t()?)?)?)?;
    let upper_right = a.matmul(&s.t()?)?.matmul(&c)?.neg()?;
    let upper = Tensor::cat(&[&a, &upper_right], 1)?;
    let lower = Tensor::cat(&[&Tensor::zeros((n - half, half), DType::F64, &Device::Cpu)?, &c], 1)?;
    Ok(Tensor::cat(&[&upper, &lower], 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_by_halves_is_the_factor() {
        let mut rng = stream(1, Purpose::Axes, 0);
        let values: Vec<f64> = (0..50 * 9).map(|_| rng.random::<f64>() - 0.5).collect();
        let columns = Tensor::from_vec(values, (50, 9), &Device::Cpu).unwrap();
        let products = columns.t().unwrap().matmul(&columns).unwrap();
        let [whole, halves] = [inverse_factor(&products), inverse_factor_by_halves(&products)].map(Result::unwrap);
        let distance = (whole - halves).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        // Entries about 1, products of nine terms.
        assert!(distance < 1e-12, "{distance}");
    }
}
