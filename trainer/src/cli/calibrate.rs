//! `trainer calibrate`: p-values among other usual rows, without training.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use bundle::{counted, program, quoted, wrapped};
use clap::Args;
use trainer::{DataSource, calibrate_run};

use super::defaults;
use super::output::{print, result_width};
use super::runs;
use super::values::source;

#[derive(Args)]
#[command(after_help = "Examples:
  trainer calibrate runs/table-sensors-1 --data last-month.csv
  trainer calibrate runs/table-sensors-1                          its own test rows again")]
pub struct CalibrateArguments {
    /// The run's folder [default: the newest in runs/]
    pub run: Option<PathBuf>,
    #[arg(long, value_name = "NAME|PATH", value_parser = source, help = defaults::wrapped(
        "Usual rows that did not train the network; of a table with labels, its usual rows [default: the run's own test rows]"
    ))]
    pub data: Option<DataSource>,
}

pub fn run(arguments: &CalibrateArguments) -> Result<ExitCode> {
    let run = match &arguments.run {
        Some(dir) => runs::open(dir)?,
        None => runs::newest()?,
    };
    let rows = counted(calibrate_run(&run, arguments.data.as_ref())?, "usual row");
    let dir = quoted(run.dir());
    let text =
        format!("{dir}: p-values are ranks among {rows} now\n\nexport to ONNX  {} --split {dir}", program("exporter"));
    print(&wrapped(&text, result_width()))?;
    Ok(ExitCode::SUCCESS)
}
