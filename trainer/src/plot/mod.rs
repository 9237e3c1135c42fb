//! The pictures of a run: its losses, what it makes of ten test images, and where the codes lie.

mod canvas;
mod charts;
mod reconstructions;

use std::path::Path;

use candle_core::{Device, Tensor};

use crate::data::Images;
use crate::error::Result;
use crate::evaluate::Measure;
use crate::file;
use crate::objective::Loss;
use crate::random::{Purpose, normal, stream};
use crate::run::{EpochRecord, Run, Summary};

/// Points in the scatter plot: more would hide each other and swell the file.
const SCATTER_POINTS: usize = 1000;
/// Images on a side of the map of a plane of codes.
const MAP_SIDE: usize = 16;
/// Images drawn from a variational network: rows of ten.
const SAMPLES: usize = 60;

/// Draws the validation cross-entropy of several runs over their epochs, as SVG.
///
/// # Errors
///
/// [`crate::Error::File`] when a run has no metrics, [`crate::Error::Plot`] when the picture cannot be written.
pub fn draw_comparison(path: impl AsRef<Path>, runs: &[Run]) -> Result<()> {
    let curve = |run: &Run| {
        let name = run.dir().display().to_string();
        let points = run.metrics()?.iter().map(|record| (record.epoch as f64, record.val_bce)).collect();
        Ok(charts::Curve { name, points })
    };
    charts::draw_comparison(path.as_ref(), &runs.iter().map(curve).collect::<Result<Vec<_>>>()?)
}

/// Draws into `dir`: `loss.svg`, `reconstructions.png` and `latent.svg`; `map.png` for a code of two units, and `samples.png`
/// for a variational network.
pub(crate) fn draw_all(
    dir: &Path,
    measure: &Measure,
    test: &Images,
    history: &[EpochRecord],
    summary: &Summary,
) -> Result<()> {
    file::create_dir(dir)?;
    let Measure { model, config, device, .. } = *measure;
    let unit = match (config.objective.loss, model.network().variational, config.objective.sparsity > 0.) {
        (_, true, _) => "loss of a row, summed over its values",
        (_, _, true) => "loss per value, penalty on the code included",
        (Loss::Bce, ..) => "binary cross-entropy per value",
        (Loss::Mse, ..) => "mean squared error per value",
    };
    charts::draw_losses(&dir.join("loss.svg"), history, summary, unit)?;

    let shown = one_of_each_class(test);
    let clean = test.batch(&shown, device)?;
    let input = measure.input(&clean)?;
    let latent = model.encode(&input)?;
    let (clean, output) = (clean.to_vec2()?, model.decode(&latent)?.to_vec2()?);
    let denoises = config.input_noise > 0.;
    let rows = reconstructions::Rows {
        before: vec![if denoises { ("noisy", input.to_vec2()?) } else { ("original", clean.clone()) }],
        codes: latent.to_vec2()?,
        after: if denoises { vec![("denoised", output), ("clean", clean)] } else { vec![("reconstruction", output)] },
    };
    reconstructions::draw(&dir.join("reconstructions.png"), &rows, test.shape(), &caption(summary))?;

    let points: Vec<u32> = (0..test.len().min(SCATTER_POINTS) as u32).collect();
    let codes = model.encode(&measure.input(&test.batch(&points, device)?)?)?.to_device(&Device::Cpu)?;
    charts::draw_codes(&dir.join("latent.svg"), &codes, &test.labels()[..points.len()], summary)?;

    if summary.latent_dim == 2 {
        draw_map(&dir.join("map.png"), measure, &codes.to_vec2()?, test.shape())?;
    }
    if model.network().variational {
        let noise = normal(&mut stream(config.seed, Purpose::Pictures, 0), SAMPLES * summary.latent_dim);
        let samples = model.decode(&Tensor::from_vec(noise, (SAMPLES, summary.latent_dim), device)?)?.to_vec2()?;
        let caption = [
            format!("{SAMPLES} samples"),
            "what the decoder makes of codes drawn from the standard normal distribution".into(),
        ];
        reconstructions::draw_grid(&dir.join("samples.png"), &samples, 10, test.shape(), &caption)?;
    }
    Ok(())
}

/// What the decoder makes of a plane of codes, as far as most of `codes` reach.
fn draw_map(path: &Path, measure: &Measure, codes: &[Vec<f32>], shape: [usize; 2]) -> Result<()> {
    let range = |unit: usize| {
        let mut values: Vec<f32> = codes.iter().map(|code| code[unit]).collect();
        values.sort_by(f32::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
        (at(0.02), at(0.98))
    };
    let ((left, right), (low, high)) = (range(0), range(1));
    let at = |(from, to): (f32, f32), step: usize| from + (to - from) * step as f32 / (MAP_SIDE - 1) as f32;
    let plane: Vec<f32> = (0..MAP_SIDE * MAP_SIDE)
        .flat_map(|index| [at((left, right), index % MAP_SIDE), at((high, low), index / MAP_SIDE)])
        .collect();
    let plane = Tensor::from_vec(plane, (MAP_SIDE * MAP_SIDE, 2), measure.device)?;
    let images = measure.model.decode(&plane)?.to_vec2()?;
    let caption = [
        "the plane of codes, as the decoder sees it".into(),
        format!("first unit {left:.1} to {right:.1} from left to right, second unit {low:.1} to {high:.1} upwards"),
    ];
    reconstructions::draw_grid(path, &images, MAP_SIDE as u32, shape, &caption)
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
    let compared = match test.noisy_mse {
        Some(noisy) => format!("squared error {:.4}, of the noisy images {noisy:.4}", test.metrics.mse),
        None => match pca {
            Some(pca) => format!(
                "squared error {:.4}, PCA with {} components {:.4}   |   cross-entropy {:.4}, PCA {:.4}",
                test.metrics.mse, pca.components, pca.metrics.mse, test.metrics.bce, pca.metrics.bce
            ),
            None => format!("squared error {:.4}   |   cross-entropy {:.4}", test.metrics.mse, test.metrics.bce),
        },
    };
    [format!("{network} on {}, {} test rows never trained on, epoch {}", data.name, test.rows, best.epoch), compared]
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
