//! The charts of a run: `loss.svg`, `latent.svg` and the comparison of several runs.

use candle_core::Tensor;

use super::axis::Axis;
use super::chart::{Chart, Form, Series};
use crate::error::Result;
use crate::evaluate::Pca;
use crate::numbers::Count;
use crate::run::{EpochRecord, Summary};

/// Classes that can be told apart by their colours.
const CLASSES: usize = 10;

/// Training and validation loss over the epochs.
pub(super) fn losses(history: &[EpochRecord], summary: &Summary, unit: &str) -> Chart {
    let curve = |name: &str, value: fn(&EpochRecord) -> f64| {
        let points = history.iter().map(|record| (record.epoch as f64, value(record))).collect();
        Series { name: Some(name.into()), points, form: Form::Curve }
    };
    let series = vec![curve("training", |record| record.train_loss), curve("validation", |record| record.val_loss)];
    let title = format!("Loss of {} on {}", summary.network, summary.data.name);
    let best = summary.best.epoch;
    let mark = (history.len() > 1).then(|| (best as f64, format!("best epoch: {}", Count::from(best))));
    Chart { mark, ..curves(title, unit, series) }
}

/// The validation cross-entropy of several runs, each with its name; the squared error, where one has no cross-entropy.
pub(super) fn comparison(title: &str, runs: Vec<(String, Vec<EpochRecord>)>) -> Chart {
    let has_bce = runs.iter().flat_map(|(_, history)| history).all(|record| record.val_bce.is_some());
    let curve = |(name, history): (String, Vec<EpochRecord>)| {
        let error = |record: &EpochRecord| record.val_bce.filter(|_| has_bce).unwrap_or(record.val_mse);
        let points = history.iter().map(|record| (record.epoch as f64, error(record))).collect();
        Series { name: Some(name), points, form: Form::Curve }
    };
    let series = runs.into_iter().map(curve).collect();
    let unit = if has_bce { "binary cross-entropy per value" } else { "squared error per value" };
    curves(title.into(), unit, series)
}

fn curves(title: String, unit: &str, series: Vec<Series>) -> Chart {
    let points = || series.iter().flat_map(|series| &series.points);
    let (x, y) = (Axis::whole(points().map(|point| point.0)), Axis::around(points().map(|point| point.1)));
    Chart { title, x: ("epoch".into(), x), y: (unit.into(), y), series, mark: None }
}

/// Where the latent vectors lie: the plane itself for two units, the first two principal components for more.
pub(super) fn latent_plane(latent: &Tensor, labels: &[u8], summary: &Summary) -> Result<Chart> {
    let (points, [x_name, y_name]) = project(latent, labels)?;
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let cloud = |(index, &class): (usize, &u8)| {
        let of_class = points.iter().zip(labels).filter(|&(_, &label)| label == class);
        let named = classes.len() > 1 && index < CLASSES;
        Series {
            name: named.then(|| class.to_string()),
            points: of_class.map(|(&point, _)| point).collect(),
            form: Form::Cloud,
        }
    };
    Ok(Chart {
        title: format!("Latent vectors of {} test rows of {}", Count::from(points.len()), summary.data.name),
        x: (x_name.into(), Axis::around(points.iter().map(|point| point.0))),
        y: (y_name.into(), Axis::around(points.iter().map(|point| point.1))),
        series: classes.iter().enumerate().map(cloud).collect(),
        mark: None,
    })
}

/// A component in which nothing differs is 0, rather than what rounding left of it.
fn without_rounding(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let largest = points.iter().fold(0f64, |largest, (x, y)| largest.max(x.abs()).max(y.abs()));
    let round = |value: f64| if value.abs() < 1e-6 * largest { 0. } else { value };
    points.into_iter().map(|(x, y)| (round(x), round(y))).collect()
}

type Plane = (Vec<(f64, f64)>, [&'static str; 2]);

fn project(latent: &Tensor, labels: &[u8]) -> Result<Plane> {
    // Few rows have fewer components than a plane.
    let at = |row: &[f32], place: usize| row.get(place).copied().map_or(0., f64::from);
    let pairs = |rows: Vec<Vec<f32>>| rows.iter().map(|row| (at(row, 0), at(row, 1))).collect();
    Ok(match latent.dim(1)? {
        1 => {
            let units = latent.flatten_all()?.to_vec1::<f32>()?;
            let points = units.into_iter().zip(labels).map(|(unit, &label)| (f64::from(unit), f64::from(label)));
            (points.collect(), ["the only latent unit", "class"])
        }
        2 => (pairs(latent.to_vec2()?), ["first latent unit", "second latent unit"]),
        _ => {
            let plane = Pca::fit_rows(latent, 2)?.project(latent)?;
            (without_rounding(pairs(plane.to_vec2()?)), ["first principal component", "second principal component"])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_in_which_nothing_differs_has_no_axis_of_rounding_errors() {
        let points = vec![(0.125, -4e-31), (-0.25, 1e-31), (f64::NAN, 2e-5)];
        let rounded = without_rounding(points);
        assert_eq!(rounded[..2], [(0.125, 0.), (-0.25, 0.)]);
        assert!(rounded[2].0.is_nan() && rounded[2].1 == 2e-5);
    }
}
