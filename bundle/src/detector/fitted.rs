//! A detector of unusual rows, and what it says about them.

use super::calibration::Calibration;
use super::centre::Centre;
use super::errors::RowForm;
use super::known_rows::KnownRows;
use crate::error::{Error, Result};

/// The nearest known rows whose distance counts.
pub const NEIGHBOURS: usize = 5;
/// The most values of [`Detector::known`] and of [`Detector::whitening`] each.
pub const MAX_DETECTOR_VALUES: usize = 1 << 23;

/// A detector of unusual rows, fitted to usual ones.
///
/// The score of a row is the sum of three parts times their weights. The residual is the root of the mean square of its errors (of the
/// reconstruction minus the row, as the network takes them) times `whitening`. The distance is the mean of those to the [`NEIGHBOURS`]
/// nearest of `known`. The third is [`Centre::distance`].
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    /// `[features, features]`: makes the errors of usual rows alike in size and independent of each other. Nothing: errors count as they
    /// are.
    pub whitening: Option<Vec<f32>>,
    /// Usual rows as the network takes them; nothing where distances do not count.
    pub known: Option<KnownRows>,
    /// The middle of usual rows; nothing where the distance from it does not count.
    pub centre: Option<Centre>,
    /// What residual, distance and distance from the centre count.
    pub weights: [f32; 3],
    /// For each value of a raw row, the root of the mean square of its error on usual rows, above 0.
    pub spread: Vec<f32>,
    /// The scores of usual rows that neither trained nor chose anything.
    pub calibration: Calibration,
}

/// What a detector says about rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// How unusual each row is; from 0. Not a number where all its values are missing, or one is that had to be there.
    pub scores: Vec<f32>,
    /// For each value of each raw row, how many standard deviations it is off: its error in relation to [`Detector::spread`].
    pub feature_errors: Vec<f32>,
}

impl Detector {
    /// Checks that the parts fit rows of this form.
    ///
    /// # Errors
    ///
    /// [`Error::Detector`] when one has another length, or holds a number that it cannot.
    pub fn check(&self, form: RowForm, raw_len: usize) -> Result<()> {
        let features = form.features(raw_len);
        let wrong = |what: &str| Err(Error::Detector(format!("{what} does not fit rows of {features} values")));
        if self.spread.len() != raw_len || !self.spread.iter().all(|spread| spread.is_finite() && *spread > 0.) {
            return wrong("the spread");
        }
        if self.whitening.as_ref().is_some_and(|matrix| features.checked_mul(features) != Some(matrix.len())) {
            return wrong("the whitening");
        }
        if self.known.as_ref().is_some_and(|known| known.width() != features || known.is_empty()) {
            return wrong("the known rows");
        }
        if self.centre.as_ref().is_some_and(|centre| centre.width() != features) {
            return wrong("the centre");
        }
        if !self.weights.iter().all(|weight| weight.is_finite() && *weight >= 0.) {
            return wrong("a weight");
        }
        Ok(())
    }

    /// Scores `raw` rows, `[rows, raw_len]`, with their `reconstructions`; `distances` writes those of rows, as the network takes them, from
    /// [`Detector::known`].
    pub fn score(
        &self,
        form: RowForm,
        [raw, reconstructions]: [&[f32]; 2],
        distances: impl Fn(&[f32], &mut [f32]),
    ) -> Scores {
        let raw_len = self.spread.len();
        let (count, features) = (raw.len() / raw_len, form.features(raw_len));
        let (mut rows, mut errors, mut whitened) = (vec![0.; count * features], vec![0.; features], vec![0.; features]);
        let mut found = Scores { scores: Vec::with_capacity(count), feature_errors: Vec::with_capacity(raw.len()) };
        let pairs = raw.chunks_exact(raw_len).zip(reconstructions.chunks_exact(raw_len));
        for ((raw, reconstruction), row) in pairs.zip(rows.chunks_exact_mut(features)) {
            form.errors([raw, reconstruction], row, &mut errors);
            found
                .feature_errors
                .extend(form.of_columns(&errors).zip(&self.spread).map(|(error, spread)| error / spread));
            found.scores.push(self.weights[0] * self.residual(&errors, &mut whitened));
        }
        let mut far = vec![0.; count];
        if self.known.is_some() {
            distances(&rows, &mut far);
        }
        let parts = rows.chunks_exact(features).zip(far).zip(raw.chunks_exact(raw_len));
        for (score, ((row, distance), raw)) in found.scores.iter_mut().zip(parts) {
            if self.known.is_some() {
                *score += self.weights[1] * distance;
            }
            if let Some(centre) = &self.centre {
                *score += self.weights[2] * centre.distance(row);
            }
            // A row of which nothing is known is like no other.
            if raw.iter().all(|value| value.is_nan()) {
                *score = f32::NAN;
            }
        }
        found
    }

    /// The root of the mean square of whitened errors.
    fn residual(&self, errors: &[f32], whitened: &mut [f32]) -> f32 {
        let squares = match &self.whitening {
            None => errors.iter().map(|error| error * error).sum::<f32>(),
            Some(matrix) => {
                whitened.fill(0.);
                for (error, row) in errors.iter().zip(matrix.chunks_exact(errors.len())) {
                    whitened.iter_mut().zip(row).for_each(|(sum, factor)| *sum += error * factor);
                }
                whitened.iter().map(|value| value * value).sum()
            }
        };
        (squares / errors.len().max(1) as f32).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Schema};

    fn detector() -> Detector {
        Detector {
            whitening: Some(vec![1., 0., 0., 0.5]),
            known: Some(KnownRows::new(&[0., 0., 4., 4.], 2)),
            centre: None,
            weights: [2., 1., 0.],
            spread: vec![0.5, 2.],
            calibration: Calibration::new(vec![1., 2., 3.]).unwrap(),
        }
    }

    #[test]
    fn a_score_is_made_of_residual_and_distance() {
        let schema = Schema::new(vec![Column::number("a", 10., 2.), Column::number("b", 0., 1.)]).unwrap();
        let form = RowForm::Table(&schema);
        detector().check(form, 2).unwrap();
        // Off by 1 and 4 as the network takes them; the row is [0, 3].
        let found = detector().score(form, [&[10., 3.], &[12., 7.]], |rows, out| out[0] = rows[1]);
        let residual = ((1f32 + 4.) / 2.).sqrt();
        assert_eq!((found.scores[0], &found.feature_errors[..]), (2. * residual + 3., &[2., 2.][..]));
    }

    #[test]
    fn a_row_that_could_not_be_read_has_no_score() {
        let found = detector().score(RowForm::Plain { white: 1. }, [&[f32::NAN, 3.], &[1., 1.]], |_, _| ());
        assert!(found.scores[0].is_nan());
        assert!(detector().calibration.p_value(found.scores[0]).is_nan());
    }

    #[test]
    fn parts_that_do_not_fit_are_named() {
        let form = RowForm::Plain { white: 1. };
        for (wrong, what) in [
            (Detector { spread: vec![0., 1.], ..detector() }, "the spread"),
            (Detector { whitening: Some(vec![1.]), ..detector() }, "the whitening"),
            (Detector { known: Some(KnownRows::new(&[1.], 1)), ..detector() }, "the known rows"),
            (Detector { weights: [f32::NAN, 1., 0.], ..detector() }, "a weight"),
        ] {
            let error = wrong.check(form, 2).unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
    }
}
