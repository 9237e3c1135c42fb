//! How far a row lies from the middle of usual rows, value by value.

use super::columns::sorted_columns;

/// The largest distance of a value that counts, in units of its scale.
const MAX_DISTANCE: f32 = 10.;

/// The middle of usual rows: for each value of the network's input its median, and its spread by quartiles, which a few unusual rows among
/// them do not move.
#[derive(Clone, Debug, PartialEq)]
pub struct Centre {
    middle: Vec<f32>,
    scale: Vec<f32>,
}

impl Centre {
    /// The largest distance of a value that counts, in units of its scale.
    pub const MAX_DISTANCE: f32 = MAX_DISTANCE;

    /// Takes `rows` `[n, width]`, which are finite. The scale is the distance of the quartiles, divided by that of the normal
    /// distribution's; where they are equal, the standard deviation.
    pub fn new(rows: &[f32], width: usize) -> Self {
        let (mut middle, mut scale) = (vec![0.; width], vec![1.; width]);
        for (place, values) in sorted_columns(rows, width).enumerate() {
            let Some(last) = values.len().checked_sub(1) else { continue };
            let quantile = |part: usize| values[last * part / 4];
            middle[place] = quantile(2);
            let quartiles = (quantile(3) - quantile(1)) / 1.349;
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
            let deviation = (squares / values.len() as f64).sqrt() as f32;
            scale[place] = [quartiles, deviation].into_iter().find(|scale| *scale > 1e-6).unwrap_or(1.);
        }
        Self { middle, scale }
    }

    /// What was stored; nothing where the lengths differ or a scale is not above 0.
    pub fn from_parts(middle: Vec<f32>, scale: Vec<f32>) -> Option<Self> {
        let is_sound =
            middle.iter().all(|value| value.is_finite()) && scale.iter().all(|scale| scale.is_finite() && *scale > 0.);
        (middle.len() == scale.len() && is_sound).then_some(Self { middle, scale })
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.middle.len()
    }

    /// The median of each value.
    pub fn middle(&self) -> &[f32] {
        &self.middle
    }

    /// The scale of each value.
    pub fn scale(&self) -> &[f32] {
        &self.scale
    }

    /// The root of the mean square of a row's distances from the middle, each at most [`Centre::MAX_DISTANCE`].
    pub fn distance(&self, row: &[f32]) -> f32 {
        let columns = self.middle.iter().zip(&self.scale);
        let square = |(value, (middle, scale)): (&f32, (&f32, &f32))| {
            ((value - middle) / scale).clamp(-MAX_DISTANCE, MAX_DISTANCE).powi(2)
        };
        (row.iter().zip(columns).map(square).sum::<f32>() / row.len().max(1) as f32).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_row_does_not_move_the_middle() {
        let rows: Vec<f32> = (0..100).map(|index| if index == 7 { 1e9 } else { index as f32 }).collect();
        let centre = Centre::new(&rows, 1);
        assert!((centre.middle()[0] - 50.).abs() <= 1. && (centre.scale()[0] - 37.).abs() < 2., "{centre:?}");
        assert_eq!(centre.distance(&[1e9]), MAX_DISTANCE);
        assert!(centre.distance(&[f32::NAN]).is_nan());
        // Quartiles that are equal say nothing.
        let centre = Centre::new(&[0., 0., 0., 0., 0., 0., 0., 8.], 1);
        assert!(centre.scale()[0] > 2., "{centre:?}");
    }
}
