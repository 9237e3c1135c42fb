//! `trainer evaluate`: what a run is worth, on its own rows or on others.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use trainer::{Evaluation, PcaReport, Run, TestReport, evaluate_run};

use super::args::{EvaluateArguments, data};
use super::progress::print;

pub fn run(arguments: &EvaluateArguments) -> Result<ExitCode> {
    let run = Run::open(&arguments.run)?;
    let source = arguments.data.as_deref().map(data).transpose()?;
    let source = source.and_then(|value| value.as_str().map(|text| text.to_owned().into()));
    let Evaluation { network, data, test, pca, left_out } = evaluate_run(&run, source.as_ref())?;
    if arguments.json {
        let report = json!({ "run": run.dir(), "network": network, "data": data, "test": test, "pca": pca,
            "left_out": left_out });
        print(&format!("{report:#}"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = vec![format!("{network} on {data}"), String::new()];
    text.extend(lines(&run.dir().display().to_string(), &test, pca.as_ref()));
    text.extend(left_out.iter().map(ToString::to_string));
    print(&text.join("\n"));
    Ok(ExitCode::SUCCESS)
}

/// A table of the network, named `name`, beside PCA, and what else there is to say of its codes.
pub fn lines(name: &str, test: &TestReport, pca: Option<&PcaReport>) -> Vec<String> {
    let row = |name: &str, cells: [String; 4]| {
        let [bce, mse, psnr, accuracy] = cells;
        format!("{name:<26}{bce:>10}{mse:>11}{psnr:>10}{accuracy:>12}").trim_end().to_owned()
    };
    let decibels = |psnr: Option<f64>| psnr.map_or("exact".into(), |psnr| format!("{psnr:.2} dB"));
    let percent = |accuracy: Option<f64>| accuracy.map_or(String::new(), |part| format!("{:.1} %", 100. * part));
    let accuracy = if test.neighbour_accuracy.is_some() { "5-NN" } else { "" };
    let mut lines = vec![
        row(&format!("{} test rows", test.rows), ["BCE", "MSE", "PSNR", accuracy].map(str::to_owned)),
        row(
            name,
            [
                format!("{:.4}", test.metrics.bce),
                format!("{:.5}", test.metrics.mse),
                decibels(test.psnr),
                percent(test.neighbour_accuracy),
            ],
        ),
    ];
    lines.extend(pca.map(|pca| {
        row(
            &format!("PCA, {} components", pca.components),
            [
                format!("{:.4}", pca.metrics.bce),
                format!("{:.5}", pca.metrics.mse),
                decibels(pca.psnr),
                percent(pca.neighbour_accuracy),
            ],
        )
    }));
    if let Some(mse) = test.noisy_mse {
        let cells = [String::new(), format!("{mse:.5}"), decibels(test.noisy_psnr()), String::new()];
        lines.push(row("the noisy rows themselves", cells));
    }
    lines.push(String::new());
    lines.push(format!("code: mean {:.3}, {:.1} % zeros", test.latent_mean, 100. * test.latent_sparsity));
    if let Some(bound) = test.elbo {
        lines.push(format!(
            "a row, in nats: reconstruction {:.2} + divergence {:.2}, so ELBO {:.2}",
            bound.reconstruction, bound.divergence, bound.value
        ));
    }
    lines
}
