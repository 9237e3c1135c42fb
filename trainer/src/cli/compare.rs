//! `trainer compare`: several runs in one table and one plot.

use std::process::ExitCode;

use anyhow::{Result, bail};
use trainer::{Run, draw_comparison};

use super::args::CompareArguments;
use super::progress::print;

pub fn run(arguments: &CompareArguments) -> Result<ExitCode> {
    if arguments.out.extension().is_none_or(|extension| extension != "svg") {
        bail!("--out: expected a file that ends in .svg, found {}", arguments.out.display());
    }
    let runs = arguments.runs.iter().map(Run::open).collect::<trainer::Result<Vec<_>>>()?;
    let mut rows = vec![
        ["run", "network", "code", "epochs", "test BCE", "MSE", "PSNR", "5-NN", "time"].map(str::to_owned).to_vec(),
    ];
    for run in &runs {
        let summary = run.summary()?;
        let test = &summary.test;
        rows.push(vec![
            run.dir().display().to_string(),
            summary.network.clone(),
            summary.latent_dim.to_string(),
            summary.epochs.to_string(),
            format!("{:.4}", test.metrics.bce),
            format!("{:.5}", test.metrics.mse),
            test.psnr.map_or("exact".into(), |psnr| format!("{psnr:.2}")),
            test.neighbour_accuracy.map_or("-".into(), |part| format!("{:.1} %", 100. * part)),
            format!("{:.1} s", summary.seconds),
        ]);
    }
    draw_comparison(&arguments.out, &runs)?;
    print(&format!("{}\n\nplot   {}", aligned(&rows), arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Columns as wide as their longest cell, the first two to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
