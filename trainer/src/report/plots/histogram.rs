//! The anomaly scores of the test rows as a histogram, with the line that makes an alarm.

use super::axis::Axis;
use super::chart::{Chart, Form, Series};
use crate::evaluate::TestScores;

/// Bars between the least and the largest score.
const BARS: usize = 60;
/// The rate of false alarms at which the line is drawn.
const ALPHA: f32 = 0.01;
/// Of the rows, the part whose larger scores are counted in the last bar.
const TAIL: f64 = 0.01;

/// The histogram, and what there is to see.
pub(super) fn histogram(test: &TestScores) -> (Chart, String) {
    let of = |unusual: bool| -> Vec<f64> {
        let pairs = test.pairs().into_iter();
        pairs.filter(|(score, is)| *is == unusual && score.is_finite()).map(|(score, _)| f64::from(score)).collect()
    };
    let (usual, unusual) = (of(false), of(true));
    let mut all = [&usual[..], &unusual[..]].concat();
    all.sort_by(f64::total_cmp);
    let alarm = test.detector.calibration.alarm_score(ALPHA).map(f64::from);
    // One score of a thousand times the others would leave a single bar.
    let end = all.get(((1. - TAIL) * all.len() as f64) as usize).or(all.last()).copied().unwrap_or(1.);
    let end = end.max(alarm.unwrap_or(0.) * 1.5).max(f64::MIN_POSITIVE);
    let series = |name: &str, scores: &[f64]| {
        (!scores.is_empty()).then(|| Series { name: Some(name.into()), points: bars(scores, end), form: Form::Curve })
    };
    let series: Vec<Series> = [series("usual", &usual), series("unusual", &unusual)].into_iter().flatten().collect();
    let points = || series.iter().flat_map(|series| &series.points);
    let (x, y) = (Axis::around(points().map(|point| point.0)), Axis::around(points().map(|point| point.1)));
    let unusual_too = if unusual.is_empty() { "" } else { " and, by itself, of the unusual ones" };
    let line = match alarm {
        Some(_) => "Right of the line, a row is an alarm at 1 % false alarms.",
        None => "There are too few usual rows for alarms at 1 % false alarms.",
    };
    let caption = format!(
        "How many percent of the usual test rows{unusual_too} have which score. {line} Larger scores are in the last bar."
    );
    let chart = Chart {
        title: "Anomaly scores of the test rows".into(),
        x: ("score".into(), x),
        y: ("percent of rows".into(), y),
        series,
        mark: alarm.map(|score| (score, "1 % false alarms".into())),
    };
    (chart, caption)
}

/// The outline of the bars of some scores, from 0 to `end`.
fn bars(scores: &[f64], end: f64) -> Vec<(f64, f64)> {
    let mut counts = [0usize; BARS];
    for score in scores {
        counts[((score / end * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    let bar = |(index, count): (usize, &usize)| {
        let height = 100. * *count as f64 / scores.len() as f64;
        [index, index + 1].map(|edge| (edge as f64 * end / BARS as f64, height))
    };
    counts.iter().enumerate().flat_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_percent_and_large_scores_are_in_the_last() {
        let points = bars(&[0.5, 1.5, 1.6, 1e9], 60.);
        assert_eq!(points[..4], [(0., 25.), (1., 25.), (1., 50.), (2., 50.)]);
        assert_eq!(points[2 * BARS - 1], (60., 25.));
    }
}
