//! The last lines of a run, for people.

use trainer::{Count, Finding, Level, Run, Seconds, StopReason, Summary};

use super::evaluate;

/// What came of `run`, where it lies, and what to do `next`.
pub fn lines(run: &Run, summary: &Summary, next: &[(&str, String)]) -> String {
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
    lines.push(String::new());
    let name = format!("best, epoch {}", Count::from(best.epoch));
    lines.extend(evaluate::lines(&name, &summary.test, summary.pca.as_ref()));
    lines.extend(summary.left_out.iter().map(ToString::to_string));
    let mut advised = None;
    for Finding { level, message, advice, .. } in &summary.findings {
        let level = if *level == Level::Failed { "failed" } else { "warning" };
        lines.extend([String::new(), format!("{level}: {message}")]);
        // Several findings may have one cause.
        if advised.replace(advice) != Some(advice) {
            lines.push(format!("  try: {advice}"));
        }
    }
    lines.push(String::new());
    let (dir, report) = (run.dir().display().to_string(), run.report().display().to_string());
    let places = [("run", dir), ("report", report)];
    let named = places.iter().chain(next).map(|(what, text)| format!("{what:<16}{text}"));
    lines.extend(named);
    lines.join("\n")
}
