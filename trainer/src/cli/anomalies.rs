//! How well unusual rows are told from usual ones, for people.

use trainer::{AlarmReport, AnomalyReport, Percent};

/// How well unusual rows are told from usual ones.
pub fn anomalies(report: &AnomalyReport) -> String {
    let [auc, precision] = [report.roc_auc, report.average_precision].map(Percent);
    let found = report.alarms.iter().map(|AlarmReport { alpha, recall, .. }| {
        format!("{} of them at alpha {}", Percent(*recall), Percent(f64::from(*alpha)))
    });
    let unusual = bundle::counted(report.unusual_rows, "unusual test row");
    let found: Vec<String> = found.collect();
    let others = report.baselines.iter().map(|other| {
        let name = other.name.split(',').next().unwrap_or_default();
        format!("; {name}: {} and {}", Percent(other.roc_auc), Percent(other.average_precision))
    });
    let others: String = others.collect();
    format!("{unusual}: ROC-AUC {auc}, average precision {precision}{others}\nalarms find {}", found.join(", "))
}
