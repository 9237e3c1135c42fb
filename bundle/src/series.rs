//! Where a series ends and the next one begins.

use serde::{Deserialize, Serialize};

/// Where a series ends and the next one begins, beside gaps and the ends of files. The default is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesBreaks {
    /// The column that tells several series apart: one ends where it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The column of times, where steps have a usual distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeColumn>,
}

/// A column of times in which steps follow each other at a usual distance. A series ends where the next step is later than that by more
/// than a half, or earlier than the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeColumn {
    /// The column's name.
    pub name: String,
    /// The usual distance, in seconds, above 0.
    pub step: f64,
}

impl SeriesBreaks {
    /// Whether there are none.
    pub fn is_nowhere(&self) -> bool {
        *self == Self::default()
    }
}

impl TimeColumn {
    /// Takes the seconds of all steps, if nine in ten distances are within a hundredth of the median.
    ///
    /// ```
    /// let seconds = [0., 60., 120., 180., 240., 300., 360., 420., 480., 540., 600., 9000.];
    /// let time = bundle::TimeColumn::find("time", &seconds).unwrap();
    /// assert_eq!(time.step, 60.);
    /// assert!(time.is_break(600., 9000.) && time.is_break(600., 540.) && !time.is_break(540., 600.));
    /// assert_eq!(bundle::TimeColumn::find("time", &[0., 1., 10., 100.]), None);
    /// ```
    pub fn find(name: &str, seconds: &[f64]) -> Option<Self> {
        let mut distances: Vec<f64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        distances.retain(|distance| !distance.is_nan());
        distances.sort_by(f64::total_cmp);
        let step = *distances.get(distances.len() / 2).filter(|step| **step > 0.)?;
        let usual = distances.iter().filter(|distance| (**distance - step).abs() <= 0.01 * step).count();
        (usual * 10 >= distances.len() * 9).then(|| Self { name: name.into(), step })
    }

    /// Whether a series ends between steps at these seconds; never where one is unknown.
    pub fn is_break(&self, last: f64, next: f64) -> bool {
        next - last > 1.5 * self.step || next < last
    }
}
