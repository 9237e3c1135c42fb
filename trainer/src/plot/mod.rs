//! The pictures of a run: its losses, what it makes of ten test images, and where the codes lie.

mod canvas;
mod charts;
mod reconstructions;

use std::path::Path;

use candle_core::Device;

use crate::data::Images;
use crate::loss::Loss;
use crate::model::Autoencoder;
use crate::observer::EpochRecord;
use crate::summary::Summary;
use crate::{Result, file};

/// Points in the scatter plot: more would hide each other and swell the file.
const SCATTER_POINTS: usize = 1000;

/// Draws `loss.svg`, `reconstructions.png` and `latent.svg` into `dir`.
pub(crate) fn draw_all(
    dir: &Path,
    model: &Autoencoder,
    test: &Images,
    history: &[EpochRecord],
    summary: &Summary,
    loss: Loss,
) -> Result<()> {
    file::create_dir(dir)?;
    charts::draw_losses(&dir.join("loss.svg"), history, summary, loss)?;

    let device = model.parameters().first().map_or(Device::Cpu, |(_, var)| var.device().clone());
    let shown = one_of_each_class(test);
    let input = test.batch(&shown, &device)?;
    let latent = model.encode(&input)?;
    let rows = reconstructions::Rows {
        originals: input.to_vec2()?,
        codes: latent.to_vec2()?,
        reconstructions: model.decode(&latent)?.to_vec2()?,
    };
    reconstructions::draw(&dir.join("reconstructions.png"), &rows, test.shape(), &caption(summary))?;

    let points: Vec<u32> = (0..test.len().min(SCATTER_POINTS) as u32).collect();
    let codes = model.encode(&test.batch(&points, &device)?)?.to_device(&Device::Cpu)?;
    charts::draw_codes(&dir.join("latent.svg"), &codes, &test.labels()[..points.len()], summary)
}

/// The first image of each of up to ten classes, filled up to ten with the first images.
fn one_of_each_class(images: &Images) -> Vec<u32> {
    let labels = images.labels();
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let mut shown: Vec<u32> = classes
        .iter()
        .take(10)
        .filter_map(|class| labels.iter().position(|label| label == class))
        .map(|i| i as u32)
        .collect();
    let others: Vec<u32> = (0..labels.len() as u32).filter(|row| !shown.contains(row)).collect();
    shown.extend(others.into_iter().take(10 - shown.len()));
    shown
}

fn caption(summary: &Summary) -> [String; 2] {
    let Summary { network, data, best, test, pca, .. } = summary;
    [
        format!("{network} on {}, {} test images never trained on, epoch {}", data.name, test.rows, best.epoch),
        format!(
            "squared error {:.4}, PCA with {} components {:.4}   |   cross-entropy {:.4}, PCA {:.4}",
            test.metrics.mse, pca.components, pca.metrics.mse, test.metrics.bce, pca.metrics.bce
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_images_are_shown_one_of_each_class_first() {
        let images = Images::new(vec![0; 12], vec![3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1], 255).unwrap();
        assert_eq!(one_of_each_class(&images), [2, 0, 1, 3, 4, 5, 6, 7, 8, 9]);
        let images = Images::new(vec![0; 3], vec![3, 3, 1], [1, 1], 255).unwrap();
        assert_eq!(one_of_each_class(&images), [2, 0, 1]);
    }
}
