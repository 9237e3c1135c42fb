//! Principal component analysis: what the best linear code of the same width would reach.

use candle_core::{DType, Device, Tensor};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use crate::data::Images;
use crate::evaluate::{EVALUATION_ROWS, Metrics};
use crate::{Error, Result};

/// Cross-entropy clips probabilities to this distance from 0 and 1, as Keras does; PCA leaves the range 0.0..=1.0.
const CLIP: f64 = 1e-7;

/// The mean and the leading principal components of a set of images.
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Tensor,
    components: Tensor,
    explained_variance: f64,
}

impl Pca {
    /// Fits `components` axes, at most the number of pixels, to the rows `indices` of `images`.
    ///
    /// # Errors
    ///
    /// When the eigenvalue decomposition does not converge.
    pub fn fit(images: &Images, indices: &[u32], components: usize) -> Result<Self> {
        let width = images.width();
        let components = components.min(width);
        let device = Device::Cpu;
        let mut sum = Tensor::zeros(width, DType::F64, &device)?;
        for indices in indices.chunks(EVALUATION_ROWS) {
            sum = (sum + images.batch(indices, &device)?.sum(0)?.to_dtype(DType::F64)?)?;
        }
        let rows = indices.len() as f64;
        let mean = (sum / rows)?.to_dtype(DType::F32)?;
        // Products of a block in f32, their sum over the blocks in f64.
        let mut covariance = Tensor::zeros((width, width), DType::F64, &device)?;
        for indices in indices.chunks(EVALUATION_ROWS) {
            let centred = images.batch(indices, &device)?.broadcast_sub(&mean)?;
            covariance = (covariance + centred.t()?.matmul(&centred)?.to_dtype(DType::F64)?)?;
        }
        let covariance = (covariance / rows)?.to_vec2::<f64>()?;

        let failed = |error: smartcore::error::Failed| Error::setting("data", format!("no PCA: {error}"));
        let matrix = DenseMatrix::from_2d_vec(&covariance).map_err(failed)?;
        let decomposition = matrix.evd_mut(true).map_err(failed)?;
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|&a, &b| decomposition.d[b].total_cmp(&decomposition.d[a]));
        order.truncate(components);

        let total: f64 = decomposition.d.iter().sum();
        let kept: f64 = order.iter().map(|&axis| decomposition.d[axis]).sum();
        let axes: Vec<f32> = order
            .iter()
            .flat_map(|&axis| (0..width).map(move |pixel| (pixel, axis)))
            .map(|position| *decomposition.V.get(position) as f32)
            .collect();
        debug_assert_eq!(decomposition.V.shape(), (width, width));
        Ok(Self {
            mean,
            components: Tensor::from_vec(axes, (components, width), &device)?,
            explained_variance: if total > 0. { kept / total } else { 1. },
        })
    }

    /// The part of the variance that the components keep, in 0.0..=1.0.
    pub fn explained_variance(&self) -> f64 {
        self.explained_variance
    }

    /// Coordinates on the components: `[batch, width] -> [batch, components]`.
    ///
    /// # Errors
    ///
    /// When the width is another.
    pub fn project(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.broadcast_sub(&self.mean)?.matmul(&self.components.t()?)?)
    }

    /// Back from the components: `[batch, components] -> [batch, width]`.
    ///
    /// # Errors
    ///
    /// When the number of components is another.
    pub fn restore(&self, coordinates: &Tensor) -> Result<Tensor> {
        Ok(coordinates.matmul(&self.components)?.broadcast_add(&self.mean)?)
    }

    /// Measures the reconstruction of all of `images`.
    ///
    /// # Errors
    ///
    /// When the images have another size.
    pub fn evaluate(&self, images: &Images) -> Result<Metrics> {
        let indices: Vec<u32> = (0..images.len() as u32).collect();
        let mut sum = Metrics { bce: 0., mse: 0. };
        for indices in indices.chunks(EVALUATION_ROWS) {
            let input = images.batch(indices, &Device::Cpu)?;
            let restored = self.restore(&self.project(&input)?)?;
            let squared = (&restored - &input)?.sqr()?.sum_all()?.to_scalar::<f32>()?;
            sum.mse += f64::from(squared);
            let (target, p) = (input.to_dtype(DType::F64)?, restored.to_dtype(DType::F64)?.clamp(CLIP, 1. - CLIP)?);
            let likelihood = ((&target * p.log()?)? + ((1. - target)? * (1. - p)?.log()?)?)?;
            sum.bce -= likelihood.sum_all()?.to_scalar::<f64>()?;
        }
        let elements = (images.len() * images.width()) as f64;
        Ok(Metrics { bce: sum.bce / elements, mse: sum.mse / elements })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_need_one_component() {
        // Points (2 k, 4 k, 100): one direction, (1, 2, 0) / sqrt 5.
        let pixels = (0..20).flat_map(|k| [2 * k, 4 * k, 100]).collect();
        let images = Images::new(pixels, vec![0; 20], [1, 3], 255).unwrap();
        let all: Vec<u32> = (0..20).collect();
        let pca = Pca::fit(&images, &all, 1).unwrap();
        assert!((pca.explained_variance() - 1.).abs() < 1e-6);
        let axis = pca.components.to_vec2::<f32>().unwrap();
        assert!((axis[0][1] / axis[0][0] - 2.).abs() < 1e-4);
        assert!(pca.evaluate(&images).unwrap().mse < 1e-12);
    }

    #[test]
    fn unexplained_variance_is_the_squared_error() {
        let dataset = crate::Dataset::load(&crate::DataSource::Digits).unwrap();
        let all: Vec<u32> = (0..dataset.train.len() as u32).collect();
        let total = Pca::fit(&dataset.train, &all, 64).unwrap();
        assert!(total.evaluate(&dataset.train).unwrap().mse < 1e-10);
        // On the rows it was fitted to, the mean squared error is the variance left out.
        let variance: f64 = {
            let images = dataset.train.batch(&all, &Device::Cpu).unwrap();
            let centred = images.broadcast_sub(&total.mean).unwrap();
            f64::from(centred.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap())
        };
        let pca = Pca::fit(&dataset.train, &all, 10).unwrap();
        let expected = variance * (1. - pca.explained_variance());
        let found = pca.evaluate(&dataset.train).unwrap().mse;
        assert!((found / expected - 1.).abs() < 1e-4, "expected {expected}, found {found}");
    }
}
