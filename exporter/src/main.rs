//! The command line of the exporter: a thin face over the library.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use exporter::{Bundle, ExportOptions, Layout, export};
use trainer::Run;

/// Writes a trained autoencoder as ONNX and proves that it computes what was trained.
#[derive(Parser)]
#[command(
    name = "exporter",
    version,
    after_help = "Examples:
  exporter --split                           the newest run, to RUN/onnx
  exporter --split runs/simple-digits-1 --out bundle"
)]
struct Arguments {
    /// The run to export [default: the newest in runs/]
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Write encoder.onnx and decoder.onnx; without it, one autoencoder.onnx
    #[arg(long)]
    split: bool,
    /// Folder for the bundle: new, empty, or an older bundle [default: RUN/onnx; without --split RUN/onnx-whole]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Version of ONNX's operators, 13 to 21
    #[arg(long, value_name = "N", default_value_t = ExportOptions::default().opset)]
    opset: i64,
    /// Largest difference from candle, relative to max(1, |value|)
    #[arg(long, value_name = "X", default_value_t = ExportOptions::default().tolerance)]
    tolerance: f32,
    /// Where the run's data is now [default: where it was]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,
}

fn main() -> ExitCode {
    // tract may panic on a graph; the library turns that into an error, and one line is enough.
    std::panic::set_hook(Box::new(|_| ()));
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.run.map_or_else(|| Run::newest("runs"), Run::open)?;
    let options = ExportOptions {
        layout: if arguments.split { Layout::Split } else { Layout::Whole },
        out: arguments.out,
        opset: arguments.opset,
        tolerance: arguments.tolerance,
        data: arguments.data.map(Into::into),
    };
    let bundle = export(&run, &options)?;
    match write(&run, &bundle, &mut std::io::stdout().lock()) {
        // A reader that has gone away is no reason to fail: the bundle is there.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the bundle is there, but its proof could not be printed"),
    }
}

fn write(run: &Run, Bundle { dir, files, parity }: &Bundle, output: &mut impl Write) -> std::io::Result<()> {
    let mut batches: Vec<usize> = parity.results.iter().map(|row| row.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    let batches: Vec<String> = batches.iter().map(usize::to_string).collect();
    let (run, rows, batches) = (run.dir().display(), parity.held_out_rows, batches.join(", "));
    writeln!(output, "exported {run}, proven on {rows} held-out rows at batches {batches}\n")?;
    writeln!(output, "by the runtime's kernels and by tract; largest differences from candle:\n")?;
    writeln!(output, "{:<14}{:>16}{:>16}", "", "max absolute", "max relative")?;
    for graph in parity.graphs() {
        let (absolute, relative) = parity.worst(graph).unwrap_or_default();
        writeln!(output, "{graph:<14}{absolute:>16.2e}{relative:>16.2e}")?;
    }
    writeln!(output, "{:<14}{:>16}{:>16.0e}   passed\n", "tolerance", "", parity.tolerance)?;
    for (name, bytes) in files {
        writeln!(output, "{bytes:>12} bytes  {}", dir.join(name).display())?;
    }
    Ok(())
}
