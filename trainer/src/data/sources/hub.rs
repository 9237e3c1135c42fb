//! MNIST and Fashion-MNIST through candle-datasets: the Hugging Face hub and its cache.

use crate::data::samples::Images;
use crate::error::{Error, Result};

const MNIST: (&str, &str) = ("mnist", "ylecun/mnist");
const FASHION_MNIST: (&str, &str) = ("fashion-mnist", "zalando-datasets/fashion_mnist");

#[cfg(feature = "hub")]
pub(super) fn load_mnist() -> Result<(Images, Images)> {
    convert(MNIST, candle_datasets::vision::mnist::load())
}

#[cfg(feature = "hub")]
pub(super) fn load_fashion_mnist() -> Result<(Images, Images)> {
    convert(FASHION_MNIST, candle_datasets::vision::fashion_mnist::load())
}

#[cfg(not(feature = "hub"))]
pub(super) fn load_mnist() -> Result<(Images, Images)> {
    Err(hub_error(MNIST, "this program was built without the feature `hub`"))
}

#[cfg(not(feature = "hub"))]
pub(super) fn load_fashion_mnist() -> Result<(Images, Images)> {
    Err(hub_error(FASHION_MNIST, "this program was built without the feature `hub`"))
}

fn hub_error((name, repository): (&'static str, &'static str), reason: impl ToString) -> Error {
    Error::Hub { name, repository, reason: reason.to_string() }
}

#[cfg(feature = "hub")]
fn convert(
    names: (&'static str, &'static str),
    loaded: candle_core::Result<candle_datasets::vision::Dataset>,
) -> Result<(Images, Images)> {
    use candle_core::{DType, Tensor};

    let images = |pixels: &Tensor, labels: &Tensor| -> Result<Images> {
        let side = pixels.dim(1)?.isqrt();
        // candle-datasets divides the bytes by 255; rounding gives them back.
        let pixels = (pixels * 255.)?.round()?.to_dtype(DType::U8)?.flatten_all()?.to_vec1::<u8>()?;
        Images::new(pixels, labels.to_dtype(DType::U8)?.to_vec1::<u8>()?, [side, side], 255)
    };
    let dataset = loaded.map_err(|error| hub_error(names, error))?;
    Ok((images(&dataset.train_images, &dataset.train_labels)?, images(&dataset.test_images, &dataset.test_labels)?))
}

#[cfg(all(test, feature = "hub"))]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn every_byte_survives_the_way_through_candle_datasets_floats() {
        let bytes: Vec<u8> = (0..=255).collect();
        let images = |rows: usize| {
            // As candle-datasets makes them: bytes to f32, divided by 255.
            let pixels = Tensor::from_vec(bytes.clone(), (rows, 256 / rows), &Device::Cpu).unwrap();
            let labels = Tensor::from_vec((0..rows as u8).collect::<Vec<_>>(), rows, &Device::Cpu).unwrap();
            ((pixels.to_dtype(candle_core::DType::F32).unwrap() / 255.).unwrap(), labels)
        };
        let ((train_images, train_labels), (test_images, test_labels)) = (images(4), images(4));
        let dataset =
            candle_datasets::vision::Dataset { train_images, train_labels, test_images, test_labels, labels: 10 };
        let (train, test) = convert(MNIST, Ok(dataset)).unwrap();
        assert_eq!((train.pixels(), train.shape(), train.labels()), (&bytes[..], [8, 8], &[0, 1, 2, 3][..]));
        assert_eq!((test.len(), test.max_value()), (4, 255));
    }
}
