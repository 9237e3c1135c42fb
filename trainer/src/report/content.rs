//! What the report says of a run: the figures to see first, tables to compare, and sentences around them.

use super::page::{Alert, Figure, Page, Picture, Table};
use crate::evaluate::{AlarmReport, AnomalyReport, Finding, Level, Metrics};
use crate::numbers::{Amount, Count, Decibels, Percent, Seconds};
use crate::run::{StopReason, Summary};

/// The page of a run of the `network`, with these `pictures` and `settings`.
pub(super) fn page(summary: &Summary, pictures: Vec<Picture>, network: &str, settings: String) -> Page {
    Page {
        title: format!("{network} on {}", summary.data.name),
        subtitle: subtitle(summary),
        alert: alert(&summary.findings),
        figures: figures(summary),
        tables: [
            Some(comparison(summary)),
            summary.anomalies.as_ref().map(alarms),
            beside(summary),
            Some(facts(summary)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        pictures,
        settings,
        footer: format!(
            "Hourglass {}, candle {}; weights {}",
            summary.versions.hourglass,
            summary.versions.candle,
            summary.weights.chars().take(12).collect::<String>()
        ),
    }
}

/// What was found, and behind findings that have the same advice, that.
fn alert(findings: &[Finding]) -> Option<Alert> {
    let first = findings.first()?;
    let failed = first.level == Level::Failed;
    let title = match (failed, findings.len()) {
        (true, _) => "This training failed",
        (false, 1) => "Warning",
        (false, _) => "Warnings",
    };
    let sentences = |alike: &[Finding]| {
        let mut texts: Vec<String> = alike.iter().map(|finding| sentence(&finding.message)).collect();
        texts.push(sentence(&alike[0].advice));
        texts
    };
    let alike = findings.chunk_by(|a, b| a.advice == b.advice);
    Some(Alert { failed, title: title.into(), sentences: alike.flat_map(sentences).collect() })
}

/// A text as it stands on a page, with a capital and a full stop.
fn sentence(text: &str) -> String {
    format!("{}.", with_capital(text))
}

/// A sentence as it begins on a page.
fn with_capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn subtitle(summary: &Summary) -> String {
    let Summary { network, best, epochs, data, .. } = summary;
    let ended = match summary.stop_reason {
        StopReason::Epochs => "",
        StopReason::Patience => " until the validation loss no longer fell",
        StopReason::TimeBudget => " until the time budget was reached",
        StopReason::Divergence => " until the loss was no longer finite",
    };
    let epochs = match epochs {
        1 => "one epoch".into(),
        _ => format!("{} epochs{ended} (the best: {})", Count::from(*epochs), Count::from(best.epoch)),
    };
    let (train, test) = (Count::from(data.train_rows), Count::from(data.test_rows));
    format!("The network {network}, trained on {train} rows for {epochs} and tested on {test} others")
}

fn figures(summary: &Summary) -> Vec<Figure> {
    let Summary { test, pca, .. } = summary;
    let figure = |name: &str, value: String, note: String| Figure { name: name.into(), value, note };
    let error = |name: &str, of: fn(&Metrics) -> Option<f64>| {
        let own = of(&test.metrics)?;
        Some(match pca.as_ref().and_then(|pca| Some((pca, of(&pca.metrics)?))) {
            Some((pca, of_pca)) => {
                let both = Amount::column(&[own, of_pca]);
                figure(
                    name,
                    both[0].clone(),
                    format!("PCA, {}: {}", bundle::counted(pca.components, "component"), both[1]),
                )
            }
            None => figure(name, Amount(own).to_string(), String::new()),
        })
    };
    let errors = [error("Test BCE", |metrics| metrics.bce), error("Test MSE", |metrics| Some(metrics.mse))];
    let mut figures: Vec<Figure> = errors.into_iter().flatten().collect();
    let compared = match (test.noisy_mse, pca) {
        (Some(_), _) => format!("noisy rows: {}", Decibels(test.noisy_psnr())),
        (None, Some(pca)) => format!("PCA: {}", Decibels(pca.psnr)),
        (None, None) => String::new(),
    };
    match test.metrics.bce {
        Some(_) => figures.push(figure("PSNR", Decibels(test.psnr).to_string(), compared)),
        None => figures.extend(test.mean_row_mse.filter(|mean| *mean > 0.).map(|mean| {
            let note = "a network that learned nothing has 100 %".into();
            figure("Of the mean row's error", Percent(test.metrics.mse / mean).to_string(), note)
        })),
    }
    if let Some(elbo) = test.elbo {
        let parts = format!("reconstruction {} + divergence {}", Amount(elbo.reconstruction), Amount(elbo.divergence));
        figures.push(figure("ELBO of a row", format!("{} nats", Amount(elbo.value)), parts));
    }
    if let Some(accuracy) = test.neighbour_accuracy {
        let pca = pca.as_ref().and_then(|pca| pca.neighbour_accuracy);
        let note = pca.map_or(String::new(), |pca| format!("PCA: {}", Percent(pca)));
        figures.push(figure("5-nearest-neighbour accuracy", Percent(accuracy).to_string(), note));
    }
    if let Some(AnomalyReport { roc_auc, average_precision, .. }) = &summary.anomalies {
        let note = format!("average precision: {}", Percent(*average_precision));
        figures.push(figure("ROC-AUC of the score", Percent(*roc_auc).to_string(), note));
    }
    let width: usize = summary.data.image_shape.iter().product();
    let note = format!(
        "rows have {} values; of the latent values {} are zero, and their mean is {}",
        Count::from(width),
        Percent(test.latent_sparsity),
        Amount(test.latent_mean)
    );
    figures.push(figure("Latent vector", format!("{} values", Count::from(summary.latent_dim)), note));
    let per_epoch = summary.seconds / summary.epochs.max(1) as f64;
    let note = format!("{} per epoch, {}", Seconds(per_epoch), summary.device);
    figures.push(figure("Training time", Seconds(summary.seconds).to_string(), note));
    figures
}

/// The network beside PCA and, where there is noise, beside the noisy rows: a column each, which a phone has room for.
fn comparison(summary: &Summary) -> Table {
    let Summary { test, pca, .. } = summary;
    let mut header = ["", "network"].map(str::to_owned).to_vec();
    let mut bce: Vec<f64> = test.metrics.bce.into_iter().collect();
    let mut squared = vec![test.metrics.mse];
    let mut psnr = vec![test.psnr];
    let mut accuracy = vec![test.neighbour_accuracy];
    if let Some(pca) = pca {
        header.push("PCA".into());
        bce.extend(pca.metrics.bce);
        squared.push(pca.metrics.mse);
        psnr.push(pca.psnr);
        accuracy.push(pca.neighbour_accuracy);
    }
    let mut bce = Amount::column(&bce);
    if let Some(mse) = test.noisy_mse {
        header.push("noisy rows".into());
        bce.push("–".into());
        squared.push(mse);
        psnr.push(test.noisy_psnr());
        accuracy.push(None);
    }
    let row = |name: &str, cells: Vec<String>| [vec![name.to_owned()], cells].concat();
    let mut rows = vec![row("BCE", bce)];
    rows.retain(|_| test.metrics.bce.is_some());
    rows.push(row("MSE", Amount::column(&squared)));
    if test.metrics.bce.is_some() {
        rows.push(row("PSNR", psnr.into_iter().map(|psnr| Decibels(psnr).to_string()).collect()));
    }
    if accuracy.iter().any(Option::is_some) {
        let cells = accuracy.into_iter().map(|part| part.map_or("–".into(), |part| Percent(part).to_string()));
        rows.push(row("5-NN accuracy", cells.collect()));
    }
    let same_width = pca.as_ref().filter(|pca| pca.components == summary.latent_dim);
    let mut notes: Vec<String> = summary.left_out.iter().map(|left_out| format!("{left_out}.")).collect();
    notes.extend(same_width.map(|pca| {
        format!("PCA has {}, as many as the latent vector has values.", bundle::counted(pca.components, "component"))
    }));
    let title = format!("{} test rows", Count::from(test.rows));
    Table { title, header, rows, note: (!notes.is_empty()).then(|| notes.join(" ")) }
}

/// What alarms would find among the test rows.
fn alarms(report: &AnomalyReport) -> Table {
    let row = |AlarmReport { alpha, recall, precision, .. }: &AlarmReport| {
        let precision = precision.map_or("–".into(), |precision| Percent(precision).to_string());
        vec![Percent(f64::from(*alpha)).to_string(), Percent(*recall).to_string(), precision]
    };
    let [unusual, usual] = [report.unusual_rows, report.usual_rows].map(Count::from);
    let note = format!(
        "{unusual} test rows are unusual, {usual} are usual. The usual ones calibrate the alarms, so their rate of false alarms is exact by \
         construction."
    );
    Table {
        title: "Alarms".into(),
        header: ["false alarms", "recall", "precision"].map(str::to_owned).to_vec(),
        rows: report.alarms.iter().map(row).collect(),
        note: Some(note),
    }
}

/// The score beside what others make of the same rows.
fn beside(summary: &Summary) -> Option<Table> {
    let AnomalyReport { roc_auc, average_precision, baselines, .. } = summary.anomalies.as_ref()?;
    let row = |name: &str, figures: [f64; 2]| {
        let [auc, precision] = figures.map(|figure| Percent(figure).to_string());
        vec![name.to_owned(), auc, precision]
    };
    let own = row("this run's score", [*roc_auc, *average_precision]);
    let others = baselines.iter().map(|other| row(&other.name, [other.roc_auc, other.average_precision]));
    (!baselines.is_empty()).then(|| Table {
        title: "The score beside others".into(),
        header: ["", "ROC-AUC", "average precision"].map(str::to_owned).to_vec(),
        rows: [own].into_iter().chain(others).collect(),
        note: None,
    })
}

fn facts(summary: &Summary) -> Table {
    let Summary { pca, threshold, best, .. } = summary;
    let best_loss = format!("{} in epoch {}", Amount(best.val_loss), Count::from(best.epoch));
    let pca = pca.as_ref().map(|pca| Percent(pca.explained_variance).to_string());
    let facts = [
        ("parameters", Some(Count::from(summary.parameters).to_string())),
        ("best validation loss", Some(best_loss)),
        ("variance that PCA keeps", pca),
        ("99 % of validation rows have an MSE of at most", Some(Amount(threshold.value).to_string())),
    ];
    let rows = facts.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect();
    Table { title: "Also measured".into(), header: Vec::new(), rows, note: None }
}
