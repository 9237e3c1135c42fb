//! Principal component analysis: what the best linear latent of the same width would reach.

mod axes;
mod eigen;

use candle_core::{DType, Device, Tensor};

use super::budget::{Baseline, Budget, Halt, LeftOut};
use super::measured::EVALUATION_ROWS;
use super::metrics::Metrics;
use crate::data::Samples;
use crate::error::{Error, Result};
use axes::{Axes, Blocks};

/// Cross-entropy clips probabilities to this distance from 0 and 1, as Keras does; PCA leaves the range 0.0..=1.0.
const CLIP: f64 = 1e-7;

/// The mean and the leading principal components of a set of rows.
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Tensor,
    components: Tensor,
    explained_variance: f64,
}

impl Pca {
    /// Fits `components` axes to the rows `indices` of `images`: at most as many as there are pixels, and as there are rows.
    ///
    /// Up to 256 axes come in order, the one with the most variance first.
    ///
    /// # Errors
    ///
    /// When there are no rows, or they need more than 2 GB of memory.
    pub fn fit(images: &Samples, indices: &[u32], components: usize) -> Result<Self> {
        Self::fit_within(images, indices, components, Budget::unlimited()).map_err(failed)
    }

    /// The same within a budget.
    pub(super) fn fit_within(
        images: &Samples,
        indices: &[u32],
        components: usize,
        budget: Budget,
    ) -> Result<Self, Halt> {
        let blocks = Blocks {
            rows: indices.len(),
            width: images.width(),
            block_rows: EVALUATION_ROWS,
            block: &|rows| images.batch(&indices[rows], &Device::Cpu),
        };
        Self::fit_blocks(&blocks, components, budget)
    }

    /// Fits `components` axes to `rows` `[n, width]`.
    pub(crate) fn fit_rows(rows: &Tensor, components: usize) -> Result<Self> {
        let (count, width) = rows.dims2()?;
        let blocks = Blocks { rows: count, width, block_rows: count, block: &|_| Ok(rows.clone()) };
        Self::fit_blocks(&blocks, components, Budget::unlimited()).map_err(failed)
    }

    fn fit_blocks(blocks: &Blocks, components: usize, budget: Budget) -> Result<Self, Halt> {
        if blocks.rows == 0 {
            return Err(Error::setting("data", "no PCA: there are no rows").into());
        }
        let check = |part: f64| budget.check(Baseline::Pca, part);
        let Axes { mean, axes, held, variance } = Axes::fit(blocks, components, &check)?;
        let explained_variance = if variance > 0. { (held / variance).min(1.) } else { 1. };
        Ok(Self { mean, components: axes.t()?.contiguous()?.to_dtype(DType::F32)?, explained_variance })
    }

    /// The number of components.
    pub fn components(&self) -> usize {
        self.components.dims()[0]
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
    pub fn evaluate(&self, images: &Samples) -> Result<Metrics> {
        let indices: Vec<u32> = (0..images.len() as u32).collect();
        let blocks = indices.chunks(EVALUATION_ROWS).map(|indices| -> Result<_, Halt> {
            let rows = images.batch(indices, &Device::Cpu)?;
            Ok((rows.clone(), rows))
        });
        self.evaluate_blocks(blocks).map_err(failed)
    }

    /// Measures how well what is made of each block's input resembles its target, `[n, width]` both. The cross-entropy is of values in
    /// 0.0..=1.0.
    pub(super) fn evaluate_blocks(
        &self,
        blocks: impl Iterator<Item = Result<(Tensor, Tensor), Halt>>,
    ) -> Result<Metrics, Halt> {
        let ([mut bce, mut mse], mut elements) = ([0.; 2], 0);
        for block in blocks {
            let (input, target) = block?;
            let restored = self.restore(&self.project(&input)?)?;
            let squared = (&restored - &target)?.sqr()?.sum_all()?.to_scalar::<f32>()?;
            mse += f64::from(squared);
            let (target, p) = (target.to_dtype(DType::F64)?, restored.to_dtype(DType::F64)?.clamp(CLIP, 1. - CLIP)?);
            let likelihood = ((&target * p.log()?)? + ((1. - &target)? * (1. - p)?.log()?)?)?;
            bce -= likelihood.sum_all()?.to_scalar::<f64>()?;
            elements += target.elem_count();
        }
        Ok(Metrics { bce: Some(bce / elements as f64), mse: mse / elements as f64, mixed: None })
    }
}

/// Why there is no PCA, where nobody set a limit.
fn failed(halt: Halt) -> Error {
    match halt {
        Halt::Failed(error) => error,
        Halt::LeftOut(reason) => Error::setting("data", LeftOut { baseline: Baseline::Pca, reason }.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::data::{DataSource, Dataset};
    use crate::evaluate::budget::LeftOutReason;
    use crate::random::{Purpose, stream};

    #[test]
    fn points_on_a_line_need_one_component() {
        // Points (2 k, 4 k, 100): one direction, (1, 2, 0) / sqrt 5.
        let pixels = (0..20).flat_map(|k| [2 * k, 4 * k, 100]).collect();
        let images = Samples::new(pixels, vec![0; 20], [1, 3], 255).unwrap();
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
        let images = Samples::new((0..40).flat_map(row).collect(), vec![0; 40], [50, 50], 255).unwrap();
        let all: Vec<u32> = (0..40).collect();
        let pca = Pca::fit(&images, &all, 40).unwrap();
        assert!(pca.explained_variance() > 0.9999, "{}", pca.explained_variance());
        assert!(pca.evaluate(&images).unwrap().mse < 1e-6);
    }

    #[test]
    fn the_cross_entropy_is_that_of_the_formula() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let rows: Vec<u32> = (0..50).collect();
        let pca = Pca::fit(&dataset.train, &rows, 8).unwrap();
        let images = dataset.train.batch(&rows, &Device::Cpu).unwrap();
        let restored = pca.restore(&pca.project(&images).unwrap()).unwrap();
        let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (restored, target) = (values(&restored), values(&images));
        let terms = restored.iter().zip(&target).map(|(p, t)| kernels::bce(p.clamp(CLIP, 1. - CLIP), *t));
        let expected = terms.sum::<f64>() / target.len() as f64;
        let found = pca.evaluate_blocks(std::iter::once(Ok((images.clone(), images)))).unwrap().bce.unwrap();
        assert!((found / expected - 1.).abs() < 1e-12, "{found}, not {expected}");
    }

    /// `rows` rows of `width` pixels that vary in as many directions as there are rows.
    fn noise(rows: usize, width: usize) -> Samples {
        let mut rng = stream(1, Purpose::Axes, 1);
        let pixels = (0..rows * width).map(|_| rng.random::<u8>()).collect();
        Samples::new(pixels, vec![0; rows], [1, width], 255).unwrap()
    }

    #[test]
    fn fewer_rows_than_pixels_give_the_axes_that_more_rows_give() {
        // Every row twice: the same covariance, by pixels and by rows.
        let (rows, width) = (60, 90);
        let images = noise(rows, width);
        let once: Vec<u32> = (0..rows as u32).collect();
        let twice = [&once[..], &once].concat();
        let [by_rows, by_pixels] = [once, twice].map(|indices| Pca::fit(&images, &indices, 20).unwrap());
        assert!((by_rows.explained_variance() - by_pixels.explained_variance()).abs() < 1e-5);
        let [by_rows, by_pixels] = [by_rows, by_pixels].map(|pca| pca.evaluate(&images).unwrap().mse);
        assert!((by_rows / by_pixels - 1.).abs() < 1e-4, "{by_rows} {by_pixels}");
    }

    #[test]
    fn large_images_and_a_wide_latent_take_no_more_components_than_there_are_rows() {
        let images = noise(100, 128 * 128);
        let pca = Pca::fit(&images, &(0..80).collect::<Vec<u32>>(), 2048).unwrap();
        assert_eq!((pca.components(), pca.components.dims()), (80, &[80, 128 * 128][..]));
        assert!((pca.explained_variance() - 1.).abs() < 1e-4);
    }

    #[test]
    fn more_axes_than_are_ordered_are_orthonormal_and_hold_the_variance() {
        let images = noise(400, 350);
        let all: Vec<u32> = (0..400).collect();
        let [fewer, more] = [256, 300].map(|count| Pca::fit(&images, &all, count).unwrap());
        let products = more.components.matmul(&more.components.t().unwrap()).unwrap();
        let identity = Tensor::eye(300, DType::F32, &Device::Cpu).unwrap();
        let distance = (products - identity).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(distance < 1e-5, "{distance}");
        assert!(more.explained_variance() > fewer.explained_variance() && more.explained_variance() > 0.98);
    }

    #[test]
    fn a_fit_ends_with_its_budget() {
        let images = noise(100, 100);
        let all: Vec<u32> = (0..100).collect();
        let fit = |budget| Pca::fit_within(&images, &all, 10, budget).map(drop);
        let over = std::time::Duration::from_millis(5);
        let budget = Budget::new(0.001, &|_, _| true);
        std::thread::sleep(over);
        assert!(matches!(fit(budget), Err(Halt::LeftOut(LeftOutReason::Time { .. }))));
        assert!(matches!(fit(Budget::new(60., &|_, _| false)), Err(Halt::LeftOut(LeftOutReason::Stopped))));
        assert!(matches!(fit(Budget::new(0., &|_, _| true)), Err(Halt::LeftOut(LeftOutReason::NotWanted))));
        let parts = std::cell::RefCell::new(Vec::new());
        let watch = |_, part| {
            parts.borrow_mut().push(part);
            true
        };
        fit(Budget::new(60., &watch)).unwrap();
        let parts = parts.into_inner();
        assert!(parts.is_sorted() && parts[0] == 0. && parts.iter().all(|part| (0. ..=1.).contains(part)), "{parts:?}");
    }

    #[test]
    fn what_needs_too_much_memory_is_refused_in_a_line() {
        let images = noise(4, 1 << 20);
        let all: Vec<u32> = (0..4).cycle().take(200).collect();
        let error = Pca::fit(&images, &all, 200).unwrap_err().to_string();
        assert!(error.contains("GB of memory, the limit is 2.0 GB"), "{error}");
    }

    #[test]
    fn any_number_of_components_can_be_fitted() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
        let all: Vec<u32> = (0..300).collect();
        for components in [1, 2, 60, 61, 62, 63, 64, 500] {
            let pca = Pca::fit(&dataset.train, &all, components).unwrap();
            assert!((0. ..=1.).contains(&pca.explained_variance()));
        }
        let constant = Samples::new(vec![7; 12], vec![0; 3], [2, 2], 255).unwrap();
        assert!(Pca::fit(&constant, &[0, 1, 2], 2).unwrap().evaluate(&constant).unwrap().mse < 1e-10);
    }

    #[test]
    fn unexplained_variance_is_the_squared_error() {
        let dataset = Dataset::load(&DataSource::Digits).unwrap();
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
