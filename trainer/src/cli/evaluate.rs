//! `trainer evaluate`: how good a run is, on its own rows or on others.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use trainer::{
    Amount, Count, DataSource, Decibels, Evaluation, FalseAlarms, PcaReport, Percent, TestReport, evaluate_run,
};

use super::anomalies::anomalies;
use super::defaults;
use super::output::{print, result_width};
use super::runs;
use super::table::fitted;
use super::values::source;
use bundle::{counted, wrapped};

#[derive(Args)]
#[command(after_help = "Examples:
  trainer evaluate                                             the newest run
  trainer evaluate runs/simple-mnist-1 --data fashion-mnist    how it does on other data")]
pub struct EvaluateArguments {
    /// The run's folder [default: the newest in runs/]
    pub run: Option<PathBuf>,
    #[arg(long, value_name = "NAME|DIR", value_parser = source, help = defaults::wrapped(
        "Other data than the run's own: a table with its columns, or pictures of the same size"
    ))]
    pub data: Option<DataSource>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub fn run(arguments: &EvaluateArguments) -> Result<ExitCode> {
    let run = match &arguments.run {
        Some(dir) => runs::open(dir)?,
        None => runs::newest()?,
    };
    let evaluation = evaluate_run(&run, arguments.data.as_ref())?;
    if arguments.json {
        print(&serde_json::to_string_pretty(&Report { run: run.dir(), evaluation: &evaluation })?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Evaluation { network, data, test, pca, left_out, anomalies: report, false_alarms } = evaluation;
    let mut text = vec![format!("{network} on {data}"), String::new()];
    text.extend(lines(&run.dir().display().to_string(), &test, pca.as_ref()));
    text.extend(left_out.iter().map(ToString::to_string));
    text.extend(report.as_ref().map(anomalies));
    match false_alarms {
        Some(FalseAlarms { usual_rows: 0, .. }) => {
            text.push("no row is known to be usual: none has a label that training rows have".into());
        }
        Some(FalseAlarms { usual_rows, rates }) => {
            let rate = |(alpha, found): &(f32, f64)| format!("{} at {}", Percent(*found), Percent(f64::from(*alpha)));
            let rates: Vec<String> = rates.iter().map(rate).collect();
            text.push(format!("false alarms among {}: {}", counted(usual_rows, "usual row"), rates.join(", ")));
        }
        None => {}
    }
    print(&wrapped(&text.join("\n"), result_width()))?;
    Ok(ExitCode::SUCCESS)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    run: &'a Path,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

/// A row of the table.
struct Row {
    name: String,
    /// Without it there is no reconstruction to take it of.
    bce: Option<f64>,
    mse: f64,
    psnr: Option<f64>,
    accuracy: Option<f64>,
}

/// A table of the network, named `name`, and PCA, and below it what is known of the latent vectors.
pub fn lines(name: &str, test: &TestReport, pca: Option<&PcaReport>) -> Vec<String> {
    let mut rows = vec![Row {
        name: name.into(),
        bce: test.metrics.bce,
        mse: test.metrics.mse,
        psnr: test.psnr,
        accuracy: test.neighbour_accuracy,
    }];
    rows.extend(pca.map(|pca| Row {
        name: format!("PCA, {}", bundle::counted(pca.components, "component")),
        bce: pca.metrics.bce,
        mse: pca.metrics.mse,
        psnr: pca.psnr,
        accuracy: pca.neighbour_accuracy,
    }));
    let name = "the noisy rows themselves".into();
    rows.extend(test.noisy_mse.map(|mse| Row { name, bce: None, mse, psnr: test.noisy_psnr(), accuracy: None }));

    let mut bce = Amount::column(&rows.iter().filter_map(|row| row.bce).collect::<Vec<_>>()).into_iter();
    let mut mse = Amount::column(&rows.iter().map(|row| row.mse).collect::<Vec<_>>()).into_iter();
    let accuracy = if rows.iter().any(|row| row.accuracy.is_some()) { "5-NN" } else { "" };
    let title = format!("{} test rows", Count::from(test.rows));
    let mut table = vec![vec![title, "BCE".into(), "MSE".into(), "PSNR".into(), accuracy.into()]];
    for row in rows {
        table.push(vec![
            row.name,
            row.bce.and_then(|_| bce.next()).unwrap_or_default(),
            mse.next().unwrap_or_default(),
            Decibels(row.psnr).to_string(),
            row.accuracy.map_or(String::new(), |part| Percent(part).to_string()),
        ]);
    }
    if test.metrics.bce.is_none() {
        // Values without bounds have neither.
        for row in &mut table {
            let [title, _, mse, _, accuracy] = std::mem::take(row).try_into().unwrap_or_default();
            *row = vec![title, mse, accuracy];
        }
    }
    let mut lines = vec![fitted(&table, 1), String::new()];
    lines.push(format!("latent: mean {}, {} zeros", Amount(test.latent_mean), Percent(test.latent_sparsity)));
    if let Some(elbo) = test.elbo {
        let [reconstruction, divergence, value] = [elbo.reconstruction, elbo.divergence, elbo.value].map(Amount);
        lines.push(format!(
            "a row, in nats: reconstruction {reconstruction} + divergence {divergence}, so ELBO {value}"
        ));
    }
    lines
}
