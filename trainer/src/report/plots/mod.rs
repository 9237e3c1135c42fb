//! The pictures of a run: its losses, what it makes of ten test images, and where the latent vectors lie.

mod axis;
mod canvas;
mod chart;
mod charts;
mod histogram;
mod reconstructions;
mod tiles;
mod viridis;

use std::path::Path;

use candle_core::{Device, Tensor};

use super::finished::Finished;
use super::page::{Image, Picture};
use crate::data::Samples;
use crate::error::Result;
use crate::evaluate::Measure;
use crate::file;
use crate::numbers::{Amount, Count};
use crate::objective::Loss;
use crate::random::{Purpose, normal, stream};
use crate::run::{Run, Summary};

/// Points in the scatter plot: more would hide each other and swell the file.
const SCATTER_POINTS: usize = 1000;
/// Images on a side of the map of a latent plane.
const MAP_SIDE: usize = 16;
/// Channels of a series that are drawn.
const MAX_CHANNELS: usize = 4;
/// Images drawn from a variational network: rows of ten.
const SAMPLES: usize = 60;

/// Draws the validation cross-entropy of several runs over their epochs, as SVG. The title says so where the runs are on different
/// data.
///
/// # Errors
///
/// [`crate::Error::File`] when a run has no metrics, [`crate::Error::Io`] when the picture cannot be written.
pub fn draw_comparison(path: impl AsRef<Path>, runs: &[Run]) -> Result<()> {
    let curve = |run: &Run| Ok((run.dir().display().to_string(), run.metrics()?));
    let summaries = runs.iter().map(Run::summary_if_finished).collect::<Result<Vec<_>>>()?;
    let data: Vec<_> = summaries.iter().flatten().map(|summary| &summary.data.fingerprint).collect();
    let title = match data.iter().all(|fingerprint| *fingerprint == data[0]) {
        true => "Validation rows",
        false => "Validation rows of different data, whose errors cannot be compared",
    };
    let chart = charts::comparison(title, runs.iter().map(curve).collect::<Result<_>>()?);
    file::write_atomic(path.as_ref(), chart.to_file().as_bytes())
}

/// Draws into the run's `plots`: `loss.svg`, `reconstructions.png` and `latent.svg`; `map.png` for two latent units, and
/// `samples.png` for a variational network. Gives the same for the report.
pub(super) fn draw_all(finished: &Finished) -> Result<Vec<Picture>> {
    let Finished { run, summary, history, measure, test, scores } = *finished;
    let Measure { model, config, device, .. } = *measure;
    let dir = &run.plots();
    file::create_dir(dir)?;
    file::create_dir(dir)?;
    let picture = |title: &str, caption: &str, image| Picture { title: title.into(), caption: caption.into(), image };
    // The rows of a table are no pictures; windows of a series are curves.
    let is_image = test.schema().is_none();
    let is_series = !is_image && test.size()[0] > 1;
    let mut pictures = Vec::new();
    if is_image {
        pictures.push(draw_reconstructions(&dir.join("reconstructions.png"), finished)?);
    }
    if is_series {
        pictures.push(draw_windows(&dir.join("reconstructions.png"), finished)?);
    }
    if is_image && model.network().variational {
        let noise = normal(&mut stream(config.seed, Purpose::Pictures, 0), SAMPLES * summary.latent_dim);
        let images = model.decode(&Tensor::from_vec(noise, (SAMPLES, summary.latent_dim), device)?)?.to_vec2()?;
        let what = "What the decoder makes of latent vectors drawn from the standard normal distribution.";
        let grid = reconstructions::Grid { images, columns: 10, shape: test.image() };
        let image = grid.draw(&dir.join("samples.png"), &[format!("{SAMPLES} samples"), what.into()])?;
        pictures.push(picture("Samples", what, image));
    }
    let points: Vec<u32> = (0..test.len().min(SCATTER_POINTS) as u32).collect();
    let latent = model.encode(&measure.input(&test.batch(&points, device)?)?)?.to_device(&Device::Cpu)?;
    if is_image && summary.latent_dim == 2 {
        pictures.push(draw_map(&dir.join("map.png"), measure, &latent.to_vec2()?, test.image())?);
    }
    let mut chart = |chart: chart::Chart, name: &str, title: &str, caption: &str| {
        pictures.push(picture(title, caption, Image::Chart(chart.to_inline())));
        file::write_atomic(&dir.join(name), chart.to_file().as_bytes())
    };
    let unit = match (config.objective.loss, model.network().variational, config.objective.sparsity > 0.) {
        (_, true, _) => "loss of a row, summed over its values",
        (_, _, true) => "loss per value, with the penalty on the latent vector",
        (Loss::Bce, ..) => "binary cross-entropy per value",
        (Loss::Mse, ..) => "mean squared error per value",
    };
    let caption = "The mean over each epoch's training rows, and over the validation rows after it.";
    chart(charts::losses(history, summary, unit), "loss.svg", "Loss", caption)?;
    if let Some(scores) = scores {
        let (chart_of_scores, caption) = histogram::histogram(scores);
        chart(chart_of_scores, "scores.svg", "Anomaly scores", &caption)?;
    }
    let labels = &test.labels()[..points.len()];
    let which = if summary.latent_dim > 2 { " on their first two principal components" } else { "" };
    let classes = if labels.iter().any(|label| *label != labels[0]) {
        ", coloured by class. Training did not use the classes."
    } else {
        "."
    };
    let caption = format!("Latent vectors of test rows{which}{classes}");
    chart(charts::latent_plane(&latent, labels, summary)?, "latent.svg", "Latent space", &caption)?;
    Ok(pictures)
}

fn draw_reconstructions(path: &Path, finished: &Finished) -> Result<Picture> {
    let Finished { summary, measure, test, .. } = *finished;
    let clean = test.batch(&one_of_each_class(test), measure.device)?;
    let input = measure.input(&clean)?;
    let latent = measure.model.encode(&input)?;
    let (clean, output) = (clean.to_vec2()?, measure.model.decode(&latent)?.to_vec2()?);
    let denoises = measure.config.input_noise > 0.;
    let rows = reconstructions::Rows {
        before: vec![if denoises { ("noisy".into(), input.to_vec2()?) } else { ("original".into(), clean.clone()) }],
        latent: latent.to_vec2()?,
        after: if denoises {
            vec![("denoised".into(), output), ("clean".into(), clean)]
        } else {
            vec![("reconstruction".into(), output)]
        },
        shape: test.image(),
    };
    let caption = if denoises {
        "Test rows with noise, their latent vectors, what the decoder makes of those, and the rows without noise."
    } else {
        "Test rows, their latent vectors, and what the decoder makes of those."
    };
    let image = rows.draw(path, &figures_of(summary))?;
    Ok(Picture { title: "Reconstructions".into(), caption: caption.into(), image })
}

/// Windows of a series and their reconstructions, channel by channel.
fn draw_windows(path: &Path, finished: &Finished) -> Result<Picture> {
    let Finished { summary, measure, test, .. } = *finished;
    let clean = test.batch(&one_of_each_class(test), measure.device)?;
    let latent = measure.model.encode(&measure.input(&clean)?)?;
    let (clean, output) = (clean.to_vec2::<f32>()?, measure.model.decode(&latent)?.to_vec2::<f32>()?);
    let [steps, channels] = test.size();
    let described = test.schema().map(|schema| schema.channels(steps)).unwrap_or_default();
    let channel = |channel: usize| {
        let of = |window: &[f32]| window.iter().skip(channel).step_by(channels).copied().collect::<Vec<f32>>();
        let both: Vec<Vec<f32>> = clean.iter().zip(&output).map(|(x, y)| [of(x), of(y)].concat()).collect();
        let values = || both.iter().flatten().copied();
        let (low, high) = (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max));
        let scaled = |value: &f32| (value - low) / (high - low).max(f32::MIN_POSITIVE);
        (shortened(&described[channel].name), both.iter().map(|pair| pair.iter().map(scaled).collect()).collect())
    };
    let rows = reconstructions::Rows {
        before: (0..channels.min(MAX_CHANNELS)).map(channel).collect(),
        latent: latent.to_vec2()?,
        after: vec![],
        shape: [2, steps, 1],
    };
    let image = rows.draw(path, &figures_of(summary))?;
    let more = if channels > MAX_CHANNELS {
        format!(" The first {MAX_CHANNELS} of {channels} channels.")
    } else {
        String::new()
    };
    let caption =
        format!("Windows of the test rows in blue, their reconstructions in orange, and their latent vectors.{more}");
    Ok(Picture { title: "Reconstructions".into(), caption, image })
}

/// A name that fits beside a picture.
fn shortened(name: &str) -> String {
    const MOST: usize = 15;
    if name.chars().count() <= MOST { name.into() } else { name.chars().take(MOST - 2).chain("..".chars()).collect() }
}

/// What the decoder makes of a latent plane, as far as most of `latent` reaches.
fn draw_map(path: &Path, measure: &Measure, latent: &[Vec<f32>], shape: [usize; 3]) -> Result<Picture> {
    let range = |unit: usize| {
        let mut values: Vec<f32> = latent.iter().map(|vector| vector[unit]).collect();
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
    let [left, right, low, high] = [left, right, low, high].map(|value| Amount(f64::from(value)));
    let axes = format!("First unit {left} to {right} from left to right, second unit {low} to {high} upwards.");
    let grid = reconstructions::Grid { images, columns: MAP_SIDE as u32, shape };
    let image = grid.draw(path, &["What the decoder makes of the latent plane".into(), axes.clone()])?;
    let caption = format!("What the decoder makes of the latent plane. {axes}");
    Ok(Picture { title: "Map of the latent space".into(), caption, image })
}

/// The first image of each of up to ten classes, filled up to ten with the first images.
fn one_of_each_class(images: &Samples) -> Vec<u32> {
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

/// What was measured, in two lines.
fn figures_of(summary: &Summary) -> [String; 2] {
    let Summary { network, data, best, test, pca, .. } = summary;
    let compared = match (test.noisy_mse, pca) {
        (Some(noisy), _) => format!("MSE {}, of the noisy images {}", Amount(test.metrics.mse), Amount(noisy)),
        (None, None) => {
            let bce = test.metrics.bce.map_or(String::new(), |bce| format!("   |   BCE {}", Amount(bce)));
            format!("MSE {}{bce}", Amount(test.metrics.mse))
        }
        (None, Some(pca)) => {
            let both = test.metrics.bce.zip(pca.metrics.bce);
            let bce =
                both.map_or(String::new(), |(own, pca)| format!("   |   BCE {}, PCA {}", Amount(own), Amount(pca)));
            let (mse, of_pca) = (Amount(test.metrics.mse), Amount(pca.metrics.mse));
            format!("MSE {mse}, PCA with {} {of_pca}{bce}", bundle::counted(pca.components, "component"))
        }
    };
    [format!("{network} on {}, {} test rows, epoch {}", data.name, Count::from(test.rows), best.epoch), compared]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_images_are_shown_one_of_each_class_first() {
        let images = Samples::new(vec![0; 12], vec![3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1], 255).unwrap();
        assert_eq!(one_of_each_class(&images), [2, 0, 1, 3, 4, 5, 6, 7, 8, 9]);
        let images = Samples::new(vec![0; 3], vec![3, 3, 1], [1, 1], 255).unwrap();
        assert_eq!(one_of_each_class(&images), [2, 0, 1]);
    }
}
