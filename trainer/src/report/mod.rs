//! `report.html`: all there is to see and to know of a run, in one file.

mod page;
mod themed;

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::evaluate::PcaReport;
use crate::file;
use crate::run::{Run, StopReason, Summary};
use page::{Figure, Image, Page, Picture, Table};

/// Writes the report of a finished run into its folder, from the figures and pictures that are there.
pub(crate) fn write(run: &Run, summary: &Summary) -> Result<()> {
    let page = Page {
        title: format!("{} on {}", summary.preset, summary.data.name),
        subtitle: subtitle(summary),
        figures: figures(summary),
        tables: tables(summary),
        pictures: pictures(&run.plots(), summary)?,
        settings: run.config()?.to_toml(),
        footer: format!(
            "Hourglass {}, candle {}; weights {}",
            summary.versions.hourglass,
            summary.versions.candle,
            summary.weights.chars().take(12).collect::<String>()
        ),
    };
    file::write_atomic(&run.report(), page.to_html().as_bytes())
}

fn subtitle(summary: &Summary) -> String {
    let Summary { network, best, epochs, data, .. } = summary;
    let ended = match summary.stop_reason {
        StopReason::Epochs => "",
        StopReason::Patience => ", when the validation loss no longer fell",
        StopReason::TimeBudget => ", when the time was spent",
        StopReason::Divergence => ", after which the loss was no longer finite",
    };
    format!(
        "{network}: best of {epochs} epochs {} {}, trained on {} rows, measured on {} others{ended}",
        if *epochs == 1 { "is" } else { "was" },
        best.epoch,
        data.train_rows,
        data.test_rows
    )
}

fn decibels(psnr: Option<f64>) -> String {
    psnr.map_or("exact".into(), |psnr| format!("{psnr:.2} dB"))
}

fn percent(part: f64) -> String {
    format!("{:.1} %", 100. * part)
}

fn figures(summary: &Summary) -> Vec<Figure> {
    let Summary { test, pca, .. } = summary;
    let figure = |name: &str, value: String, note: String| Figure { name: name.into(), value, note };
    let beside = |value: &dyn Fn(&PcaReport) -> String| {
        pca.as_ref().map_or(String::new(), |pca| format!("PCA, {} components: {}", pca.components, value(pca)))
    };
    let [bce_note, mse_note] =
        [beside(&|pca| format!("{:.4}", pca.metrics.bce)), beside(&|pca| format!("{:.5}", pca.metrics.mse))];
    let mut figures = vec![
        figure("Test BCE", format!("{:.4}", test.metrics.bce), bce_note),
        figure("Test MSE", format!("{:.5}", test.metrics.mse), mse_note),
    ];
    figures.push(match test.noisy_mse {
        Some(_) => figure("PSNR", decibels(test.psnr), format!("noisy rows: {}", decibels(test.noisy_psnr()))),
        None => {
            let note = pca.as_ref().map_or(String::new(), |pca| format!("PCA: {}", decibels(pca.psnr)));
            figure("PSNR", decibels(test.psnr), note)
        }
    });
    if let Some(bound) = test.elbo {
        let parts = format!("reconstruction {:.1} + divergence {:.1}", bound.reconstruction, bound.divergence);
        figures.push(figure("ELBO of a row", format!("{:.1} nats", bound.value), parts));
    }
    if let Some(accuracy) = test.neighbour_accuracy {
        let accuracy_of_pca = pca.as_ref().and_then(|pca| pca.neighbour_accuracy);
        let note = accuracy_of_pca.map_or(String::new(), |pca| format!("PCA: {}", percent(pca)));
        figures.push(figure("5-nearest-neighbour accuracy", percent(accuracy), note));
    }
    let width: usize = summary.data.image_shape.iter().product();
    let code = format!("{} values", summary.latent_dim);
    let note = format!("for {width} of a row; {} zeros, mean {:.2}", percent(test.latent_sparsity), test.latent_mean);
    figures.push(figure("Code", code, note));
    let milliseconds = 1e3 * summary.seconds / summary.epochs as f64;
    let time = format!("{milliseconds:.1} ms an epoch, {}", summary.device);
    figures.push(figure("Training", format!("{:.1} s", summary.seconds), time));
    figures
}

fn tables(summary: &Summary) -> Vec<Table> {
    let Summary { test, pca, threshold, .. } = summary;
    let accuracy = |part: Option<f64>| part.map_or("–".into(), percent);
    let row = |name: String, bce: String, mse: f64, psnr: Option<f64>, neighbours: Option<f64>| {
        vec![name, bce, format!("{mse:.5}"), decibels(psnr), accuracy(neighbours)]
    };
    let mut rows = vec![row(
        format!("network, epoch {}", summary.best.epoch),
        format!("{:.4}", test.metrics.bce),
        test.metrics.mse,
        test.psnr,
        test.neighbour_accuracy,
    )];
    rows.extend(pca.as_ref().map(|pca| {
        row(
            format!("PCA, {} components", pca.components),
            format!("{:.4}", pca.metrics.bce),
            pca.metrics.mse,
            pca.psnr,
            pca.neighbour_accuracy,
        )
    }));
    if let Some(mse) = test.noisy_mse {
        rows.push(row("the noisy rows themselves".into(), "–".into(), mse, test.noisy_psnr(), None));
    }
    let header = ["", "BCE", "MSE", "PSNR", "5-NN accuracy"].map(str::to_owned).to_vec();
    let facts = [
        ("trained values", summary.parameters.to_string()),
        ("best validation loss", format!("{:.5} in epoch {}", summary.best.val_loss, summary.best.epoch)),
        ("variance that PCA keeps", pca.as_ref().map_or("–".into(), |pca| percent(pca.explained_variance))),
        ("99 % of validation rows have an MSE of at most", format!("{:.5}", threshold.value)),
    ];
    let mut facts = facts.map(|(name, value)| vec![name.to_owned(), value]).to_vec();
    facts.extend(summary.left_out.iter().map(|left_out| vec![left_out.baseline.to_string(), left_out.to_string()]));
    vec![
        Table { title: format!("{} test rows", test.rows), header, rows },
        Table { title: "Also measured".into(), header: vec![String::new(), "value".into()], rows: facts },
    ]
}

fn pictures(plots: &Path, summary: &Summary) -> Result<Vec<Picture>> {
    let reconstructions = if summary.test.noisy_mse.is_some() {
        "Test rows with noise, their codes, what the decoder makes of those, and the rows as they were."
    } else {
        "Test rows, their codes, and what the decoder makes of those."
    };
    let latent = if summary.latent_dim > 2 {
        "Codes of test rows on their first two principal components, coloured by class. Training knew no classes."
    } else {
        "Codes of test rows, coloured by class. Training knew no classes."
    };
    let all = [
        ("reconstructions.png", "Reconstructions", reconstructions),
        ("samples.png", "Samples", "What the decoder makes of random codes."),
        ("map.png", "Map of the codes", "What the decoder makes of a plane of codes."),
        ("loss.svg", "Loss", "The mean of each epoch's training rows, and of the validation rows after it."),
        ("latent.svg", "Codes", latent),
    ];
    let there = all.into_iter().filter(|(name, ..)| plots.join(name).is_file());
    let picture = |(name, title, caption): (&str, &str, &str)| {
        let path = plots.join(name);
        let bytes = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
        let image = match String::from_utf8(bytes) {
            Ok(text) => Image::Svg(text),
            Err(error) => Image::Png(error.into_bytes()),
        };
        Ok(Picture { title: title.into(), caption: caption.into(), image })
    };
    there.map(picture).collect()
}
