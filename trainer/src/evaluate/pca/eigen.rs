//! The leading eigenvectors of a covariance that is known by its products alone: subspace iteration, as in Halko, Martinsson
//! and Tropp 2011, "Finding structure with randomness", sections 4.4 and 5.1.

use candle_core::{D, DType, Device, Tensor};
use rand::RngExt;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use crate::error::{Error, Result};
use crate::random::{Purpose, stream};

/// Axes beyond those that are asked for, so that the last of them converge too.
const OVERSAMPLING: usize = 16;
const MOST_ITERATIONS: usize = 60;
/// The iteration ends when the variance that its axes hold grows by less than this part.
const CONVERGED: f64 = 1e-9;
/// Added to the covariance, as a part of its trace: the same axes, and products that stay independent of each other
/// where the rows do not span the space.
const SHIFT: f64 = 1e-7;

/// `count` orthonormal axes as columns `[width, count]`, the one with the most variance first, and the variance they hold.
/// `multiply` takes `[width, n]` to the covariance times it; `trace` is the covariance's.
pub(super) fn leading(
    width: usize,
    count: usize,
    trace: f64,
    multiply: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<(Tensor, f64)> {
    if !trace.is_finite() {
        return Err(Error::setting("data", format!("no PCA: the rows' variance is {trace}")));
    }
    // In units of the trace, so that neither tiny nor huge rows leave the range of the arithmetic.
    let unit = if trace > 0. { trace } else { 1. };
    let multiply = |basis: &Tensor| -> Result<Tensor> { Ok((multiply(basis)? / unit)?) };
    let columns = (count + OVERSAMPLING).min(width);
    let mut rng = stream(0, Purpose::Axes, 0);
    let start: Vec<f64> = (0..width * columns).map(|_| rng.random::<f64>() - 0.5).collect();
    let mut basis = orthonormal(&Tensor::from_vec(start, (width, columns), &Device::Cpu)?)?;
    let mut product = multiply(&basis)?;
    let mut held = 0.;
    for _ in 0..MOST_ITERATIONS {
        if trace <= 0. {
            break;
        }
        basis = orthonormal(&(&product + (&basis * SHIFT)?)?)?;
        product = multiply(&basis)?;
        let now = (&basis * &product)?.sum_all()?.to_scalar::<f64>()?;
        if (now - held).abs() <= CONVERGED {
            break;
        }
        held = now;
    }
    // The axes within the subspace: the eigenvectors of a small symmetric matrix.
    let small = basis.t()?.matmul(&product)?;
    let small = ((&small + small.t()?)? / 2.)?.to_vec2::<f64>()?;
    if small.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Error::setting("data", "no PCA: the rows are too large for their products"));
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
    let variance: f64 = order.iter().map(|&axis| decomposition.d[axis].max(0.)).sum();
    Ok((basis.matmul(&rotation)?, variance * unit))
}

/// An orthonormal basis of the columns: Cholesky's factor of their products, twice (Yamamoto et al. 2015, CholeskyQR2).
fn orthonormal(columns: &Tensor) -> Result<Tensor> {
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
