//! `trainer compare`: several runs in one table and, on request, in one chart.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use trainer::{Amount, Count, Decibels, Percent, Seconds, Summary, draw_comparison};

use super::output::{print, result_width};
use super::runs;
use super::table::fitted;
use super::usage::UsageError;
use bundle::wrapped;

#[derive(Args)]
#[command(after_help = "Examples:
  trainer compare runs/simple-digits-1 runs/deep-digits-1
  trainer compare runs/*-digits-* --out compare.svg            with a chart of their courses")]
pub struct CompareArguments {
    /// The runs' folders
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Draw the validation errors over the epochs into this SVG file
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

pub fn run(arguments: &CompareArguments) -> Result<ExitCode> {
    if let Some(out) = &arguments.out
        && out.extension().is_none_or(|extension| extension != "svg")
    {
        return Err(UsageError::new(
            "compare",
            format!("`--out`: expected a file that ends in .svg, found `{}`", out.display()),
        )
        .into());
    }
    // `runs/*` names the newest run twice.
    let is_twice = |dir: &PathBuf| {
        let leads_to = |other: &PathBuf| other != dir && other.canonicalize().ok() == dir.canonicalize().ok();
        dir.is_symlink() && arguments.runs.iter().any(leads_to)
    };
    let named = arguments.runs.iter().filter(|dir| !is_twice(dir));
    let runs = named.map(|dir| runs::open(dir)).collect::<Result<Vec<_>>>()?;
    let summaries = runs.iter().map(|run| Ok(run.summary()?)).collect::<Result<Vec<_>>>()?;
    let names = runs.iter().map(|run| run.dir().display().to_string());
    let mut text = vec![table(names, &summaries)];
    let data = |summary: &Summary| summary.data.fingerprint.clone();
    if summaries.iter().any(|summary| data(summary) != data(&summaries[0])) {
        text.push("note: these runs were measured on different data, so their errors cannot be compared".into());
    }
    if let Some(out) = &arguments.out {
        draw_comparison(out, &runs)?;
        text.push(format!("chart  {}", out.display()));
    }
    print(&wrapped(&text.join("\n\n"), result_width()))?;
    Ok(ExitCode::SUCCESS)
}

fn table(names: impl Iterator<Item = String>, summaries: &[Summary]) -> String {
    let column = |value: fn(&Summary) -> f64| Amount::column(&summaries.iter().map(value).collect::<Vec<_>>());
    let of = |summary: &Summary| summary.test.metrics.bce;
    let mut known = Amount::column(&summaries.iter().filter_map(of).collect::<Vec<_>>()).into_iter();
    let mut bce = summaries.iter().map(|summary| of(summary).and_then(|_| known.next()).unwrap_or("-".into()));
    let mse = column(|summary| summary.test.metrics.mse);
    let header = ["run", "network", "data", "latent", "epochs", "test BCE", "MSE", "PSNR", "5-NN", "time"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (index, (name, summary)) in names.zip(summaries).enumerate() {
        let test = &summary.test;
        rows.push(vec![
            name,
            summary.network.clone(),
            summary.data.name.clone(),
            Count::from(summary.latent_dim).to_string(),
            Count::from(summary.epochs).to_string(),
            bce.next().unwrap_or_default(),
            mse[index].clone(),
            test.metrics.bce.map_or("-".into(), |_| Decibels(test.psnr).to_string()),
            test.neighbour_accuracy.map_or("-".into(), |part| Percent(part).to_string()),
            Seconds(summary.seconds).to_string(),
        ]);
    }
    fitted(&rows, 3)
}
