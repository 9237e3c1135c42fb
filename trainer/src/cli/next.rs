//! What to run after a training, as it would be typed here.

use bundle::{program, quoted};
use trainer::{Run, Summary};

/// The next commands, each with what it does. What has learned nothing is trained again before anything else.
pub fn commands(run: &Run, summary: &Summary) -> Vec<(&'static str, String)> {
    if summary.has_failed() {
        return anew(run, summary).into_iter().map(|command| ("train again", command)).collect();
    }
    let dir = quoted(run.dir());
    vec![
        ("export to ONNX", format!("{} --split {dir}", program("exporter"))),
        ("train longer", format!("{} --epochs {}", resume(run), 2 * summary.epochs)),
    ]
}

/// Trains a run from the start, with the change that its first finding advises; nothing where that is none to a setting.
pub fn anew(run: &Run, summary: &Summary) -> Option<String> {
    let advice = &summary.findings.first()?.advice;
    let change = advice.split('`').nth(1).filter(|change| change.starts_with("--"))?;
    let config = run.dir().join("config.toml");
    Some(format!("{} fit --config {} {change}", program("trainer"), quoted(&config)))
}

/// Goes on with a run.
pub fn resume(run: &Run) -> String {
    format!("{} fit --resume {}", program("trainer"), quoted(run.dir()))
}
