//! The last lines of a run, for people.

use trainer::{Count, Finding, Level, Run, Seconds, StopReason, Summary};

use super::anomalies::anomalies;
use super::evaluate;
use super::output::result_width;
use bundle::{labelled_command, wrapped};

/// What came of `run`, where it lies, and what to do `next`. What has failed comes first, with what to try.
pub fn lines(run: &Run, summary: &Summary, next: &[(&str, String)]) -> String {
    let width = result_width();
    let [failed, warnings] = findings(&summary.findings);
    let mut lines = failed;
    lines.extend(trained(summary));
    lines.push(String::new());
    let name = format!("best, epoch {}", Count::from(summary.best.epoch));
    lines.extend(evaluate::lines(&name, &summary.test, summary.pca.as_ref()));
    lines.extend(summary.left_out.iter().map(ToString::to_string));
    lines.extend(summary.anomalies.as_ref().map(anomalies));
    lines.extend(warnings);
    lines.push(String::new());
    let (dir, report) = (run.dir().display(), run.report());
    lines.extend([format!("{:<16}{dir}", "run"), format!("{:<16}{}", "report", report.display())]);
    let mut lines = vec![wrapped(&lines.join("\n"), width)];
    // A command that is copied must stay one.
    lines.extend(next.iter().map(|(what, command)| labelled_command(what, command, width)));
    lines.join("\n")
}

/// What was trained, how long, and why not longer.
fn trained(summary: &Summary) -> Vec<String> {
    let Summary { best, epochs, .. } = summary;
    let (data, time) = (&summary.data.name, Seconds(summary.seconds));
    let mut lines = vec![format!("trained {} on {data} in {time}", summary.network)];
    match summary.stop_reason {
        StopReason::Epochs => (),
        StopReason::Patience => {
            let waited = Count::from(epochs - best.epoch);
            lines.push(format!("stopped after epoch {epochs}: {waited} epochs without a lower validation loss"));
        }
        StopReason::Divergence => lines.push(format!("stopped after epoch {epochs}: the loss was no longer finite")),
        StopReason::TimeBudget => lines.push(format!("stopped in epoch {epochs}: time budget reached")),
    }
    lines
}

/// What failed, with an empty line after each, and what is a warning, with one before.
fn findings(findings: &[Finding]) -> [Vec<String>; 2] {
    let (mut failed, mut warnings) = (Vec::new(), Vec::new());
    let mut advised = None;
    for Finding { level, message, advice, .. } in findings {
        // Several findings may have one cause.
        let advice = (advised.replace(advice) != Some(advice)).then(|| format!("  try: {advice}"));
        if *level == Level::Failed {
            failed.push(format!("failed: {message}"));
            failed.extend(advice);
            failed.push(String::new());
        } else {
            warnings.extend([String::new(), format!("warning: {message}")]);
            warnings.extend(advice);
        }
    }
    [failed, warnings]
}
