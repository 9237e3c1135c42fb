//! What is printed about a finished bundle.

use std::io::{Result, Write};

use bundle::{GOLDEN_FILE, find_program, program, quoted};
use exporter::{Bundle, Layout};
use trainer::{Amount, Finding, Level, Run, Summary};

/// Warnings about a network that has learned nothing: it is exported all the same, but is of no use. Advice that changes a
/// setting is a whole command.
pub fn warnings(run: &Run, summary: &Summary) -> Vec<String> {
    let config = quoted(&run.dir().join("config.toml"));
    let again = format!("`{} fit --config {config} --", program("trainer"));
    let failed = summary.findings.iter().filter(|finding| finding.level == Level::Failed);
    let warning = |Finding { message, advice, .. }: &Finding| {
        format!("warning: this training failed: {message}; {}", advice.replacen("`--", &again, 1))
    };
    failed.map(warning).collect()
}

/// Writes where the bundle is, its largest differences from candle, its files, and how to run it.
pub fn write_result(run: &Run, bundle: &Bundle, layout: Layout, output: &mut impl Write) -> Result<()> {
    let Bundle { dir, files, parity } = bundle;
    let mut batches: Vec<usize> = parity.results.iter().map(|row| row.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    let batches: Vec<String> = batches.iter().map(usize::to_string).collect();
    let (run, rows, batches) = (run.dir().display(), parity.held_out_rows, batches.join(", "));
    writeln!(output, "exported {run} to {}\n", dir.display())?;
    writeln!(output, "verified on {rows} held-out rows at batch sizes {batches}, in the runtime and in tract alone;")?;
    writeln!(output, "largest differences from candle:\n")?;
    writeln!(output, "{:<14}{:>16}{:>16}", "", "absolute", "relative")?;
    for graph in parity.graphs() {
        let (absolute, relative) = parity.worst(graph).unwrap_or_default();
        let [absolute, relative] = [absolute, relative].map(|difference| Amount(difference.into()));
        writeln!(output, "{graph:<14}{absolute:>16}{relative:>16}")?;
    }
    // As it is typed: 1e-5.
    let tolerance = if parity.tolerance == 0. { "0".into() } else { format!("{:e}", parity.tolerance) };
    writeln!(output, "{:<14}{:>16}{tolerance:>16}   passed\n", "tolerance", "")?;
    for (name, bytes) in files {
        writeln!(output, "{bytes:>12} bytes  {}", dir.join(name).display())?;
    }
    // The runtime's program runs an encoder and a decoder.
    if let (Layout::Split, Some(runtime)) = (layout, find_program("runtime")) {
        let (bundle, rows) = (quoted(dir), quoted(&dir.join(GOLDEN_FILE)));
        writeln!(output, "\nlatent vectors of the first held-out rows: {runtime} encode {bundle} {rows}")?;
    }
    Ok(())
}
