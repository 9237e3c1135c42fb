//! What is printed about a finished bundle.

use std::io::{Result, Write};

use bundle::GOLDEN_FILE;
use exporter::{Bundle, Layout};
use trainer::Run;

use super::program::{program, quoted};

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
        writeln!(output, "{graph:<14}{absolute:>16.2e}{relative:>16.2e}")?;
    }
    writeln!(output, "{:<14}{:>16}{:>16.0e}   passed\n", "tolerance", "", parity.tolerance)?;
    for (name, bytes) in files {
        writeln!(output, "{bytes:>12} bytes  {}", dir.join(name).display())?;
    }
    // The runtime's program runs an encoder and a decoder.
    if let (Layout::Split, Some(runtime)) = (layout, program("runtime")) {
        let (bundle, rows) = (quoted(dir), quoted(&dir.join(GOLDEN_FILE)));
        writeln!(output, "\nlatent vectors of the first held-out rows: {runtime} encode {bundle} {rows}")?;
    }
    Ok(())
}
