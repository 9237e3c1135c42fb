//! Principal component analysis: what the best linear latent of the same width would reach.

mod eigen;

use candle_core::{DType, Device, Tensor};

use super::measured::EVALUATION_ROWS;
use super::metrics::Metrics;
use crate::data::Images;
use crate::error::Result;

/// Cross-entropy clips probabilities to this distance from 0 and 1, as Keras does; PCA leaves the range 0.0..=1.0.
const CLIP: f64 = 1e-7;
/// Up to this many values a row, the covariance is kept (32 MB); beyond it, rows are multiplied anew at every iteration.
const WIDEST_COVARIANCE: usize = 2048;

/// The mean and the leading principal components of a set of rows.
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
    /// When there are no rows.
    pub fn fit(images: &Images, indices: &[u32], components: usize) -> Result<Self> {
        let width = images.width();
        let blocks = || indices.chunks(EVALUATION_ROWS).map(|block| images.batch(block, &Device::Cpu));
        Self::fit_blocks(blocks, width, components)
    }

    /// Fits `components` axes to `rows` `[n, width]`.
    pub(crate) fn fit_rows(rows: &Tensor, components: usize) -> Result<Self> {
        Self::fit_blocks(|| std::iter::once(Ok(rows.clone())), rows.dim(1)?, components)
    }

    fn fit_blocks<I>(blocks: impl Fn() -> I, width: usize, components: usize) -> Result<Self>
    where
        I: Iterator<Item = Result<Tensor>>,
    {
        let (mut rows, mut sum) = (0, Tensor::zeros(width, DType::F64, &Device::Cpu)?);
        for block in blocks() {
            let block = block?;
            rows += block.dim(0)?;
            sum = (sum + block.sum(0)?.to_dtype(DType::F64)?)?;
        }
        let mean = (sum / rows as f64)?.to_dtype(DType::F32)?;
        let centred = || blocks().map(|block| Ok(block?.broadcast_sub(&mean)?));
        // Products of a block in f32, their sum over the blocks in f64.
        let summed = |start: Tensor, product: &dyn Fn(&Tensor) -> candle_core::Result<Tensor>| {
            let sum = centred().try_fold(start, |sum, block: Result<Tensor>| -> Result<Tensor> {
                Ok((sum + product(&block?)?.to_dtype(DType::F64)?)?)
            })?;
            Ok((sum / rows as f64)?) as Result<Tensor>
        };
        let zeros = |dims: (usize, usize)| Tensor::zeros(dims, DType::F64, &Device::Cpu);
        let variance = summed(Tensor::zeros((), DType::F64, &Device::Cpu)?, &|block| block.sqr()?.sum_all())?;
        let variance = variance.to_scalar::<f64>()?;
        let components = components.min(width);

        let (axes, kept) = if width <= WIDEST_COVARIANCE {
            let covariance = summed(zeros((width, width))?, &|block| block.t()?.matmul(block))?;
            eigen::leading(width, components, variance, |basis| Ok(covariance.matmul(basis)?))?
        } else {
            eigen::leading(width, components, variance, |basis| {
                let basis = basis.to_dtype(DType::F32)?;
                summed(zeros(basis.dims2()?)?, &|block| block.t()?.matmul(&block.matmul(&basis)?))
            })?
        };
        let explained_variance = if variance > 0. { (kept / variance).min(1.) } else { 1. };
        Ok(Self { mean, components: axes.t()?.contiguous()?.to_dtype(DType::F32)?, explained_variance })
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
        self.evaluate_blocks(indices.chunks(EVALUATION_ROWS).map(|indices| {
            let rows = images.batch(indices, &Device::Cpu)?;
            Ok((rows.clone(), rows))
        }))
    }

    /// Measures how well what is made of each block's input resembles its target, `[n, width]` both.
    pub(crate) fn evaluate_blocks(&self, blocks: impl Iterator<Item = Result<(Tensor, Tensor)>>) -> Result<Metrics> {
        let (mut sum, mut elements) = (Metrics::default(), 0);
        for block in blocks {
            let (input, target) = block?;
            let restored = self.restore(&self.project(&input)?)?;
            let squared = (&restored - &target)?.sqr()?.sum_all()?.to_scalar::<f32>()?;
            sum.mse += f64::from(squared);
            let (target, p) = (target.to_dtype(DType::F64)?, restored.to_dtype(DType::F64)?.clamp(CLIP, 1. - CLIP)?);
            let likelihood = ((&target * p.log()?)? + ((1. - &target)? * (1. - p)?.log()?)?)?;
            sum.bce -= likelihood.sum_all()?.to_scalar::<f64>()?;
            elements += target.elem_count();
        }
        Ok(Metrics { bce: sum.bce / elements as f64, mse: sum.mse / elements as f64 })
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
    fn rows_wider_than_the_kept_covariance_give_the_same() {
        // 40 rows on two directions and a little of a third, 2,500 wide.
        let row = |k: u32| (0..2500u32).map(move |i| ((k * (i % 3) + (k * k % 7) * (i % 5)) % 200) as u8);
        let images = Images::new((0..40).flat_map(row).collect(), vec![0; 40], [50, 50], 255).unwrap();
        let all: Vec<u32> = (0..40).collect();
        let pca = Pca::fit(&images, &all, 40).unwrap();
        assert!(pca.explained_variance() > 0.9999, "{}", pca.explained_variance());
        assert!(pca.evaluate(&images).unwrap().mse < 1e-6);
    }

    #[test]
    fn the_cross_entropy_is_that_of_the_formula() {
        let dataset = crate::Dataset::load(&crate::DataSource::Digits).unwrap();
        let rows: Vec<u32> = (0..50).collect();
        let pca = Pca::fit(&dataset.train, &rows, 8).unwrap();
        let images = dataset.train.batch(&rows, &Device::Cpu).unwrap();
        let restored = pca.restore(&pca.project(&images).unwrap()).unwrap();
        let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (restored, target) = (values(&restored), values(&images));
        let terms = restored.iter().zip(&target).map(|(p, t)| kernels::bce(p.clamp(CLIP, 1. - CLIP), *t));
        let expected = terms.sum::<f64>() / target.len() as f64;
        let found = pca.evaluate_blocks(std::iter::once(Ok((images.clone(), images)))).unwrap().bce;
        assert!((found / expected - 1.).abs() < 1e-12, "{found}, not {expected}");
    }

    #[test]
    fn any_number_of_components_can_be_fitted() {
        let dataset = crate::Dataset::load(&crate::DataSource::Digits).unwrap();
        let all: Vec<u32> = (0..300).collect();
        for components in [1, 2, 60, 61, 62, 63, 64, 500] {
            let pca = Pca::fit(&dataset.train, &all, components).unwrap();
            assert!((0. ..=1.).contains(&pca.explained_variance()));
        }
        let constant = Images::new(vec![7; 12], vec![0; 3], [2, 2], 255).unwrap();
        assert!(Pca::fit(&constant, &[0, 1, 2], 2).unwrap().evaluate(&constant).unwrap().mse < 1e-10);
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
