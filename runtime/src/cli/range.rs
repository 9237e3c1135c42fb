//! Refuses rows that were not prepared as in training, since their results would be wrong, and says how to prepare them.

use anyhow::{Result, bail};
use bundle::Tensor;

/// What a person wants done with the values of the rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preparation {
    /// The number to divide every value by, if any.
    pub divide: Option<f32>,
    /// Whether to move values into the range that the network takes.
    pub clip: bool,
}

/// Divides and clips rows, one block after the other.
pub struct Preparer<'a> {
    tensor: &'a Tensor,
    columns: usize,
    preparation: Preparation,
    /// The values that came, and those of them that were clipped.
    values: usize,
    clipped: usize,
}

impl<'a> Preparer<'a> {
    /// Nothing so far of rows of `columns` values for `tensor`.
    pub fn new(tensor: &'a Tensor, columns: usize, preparation: Preparation) -> Self {
        Self { tensor, columns, preparation, values: 0, clipped: 0 }
    }

    /// Divides and clips the values of the next rows.
    ///
    /// # Errors
    ///
    /// Where values are still outside the tensor's range.
    pub fn prepare(&mut self, values: &mut [f32]) -> Result<()> {
        let Self { tensor, preparation, .. } = *self;
        let before = self.values;
        self.values += values.len();
        let Some([low, high]) = tensor.range else {
            values.iter_mut().for_each(|value| *value /= preparation.divide.unwrap_or(1.));
            if preparation.clip {
                bail!("--clip: the values of `{}` have no range to be clipped to; leave the option out", tensor.name);
            }
            return Ok(());
        };
        let raw = Extent::of(values);
        if let Some(divisor) = preparation.divide.filter(|divisor| *divisor > 1.)
            && before == 0
            && !raw.whole
            && raw.within([low, high])
        {
            let Extent { least, largest, .. } = raw;
            bail!(
                "expected raw values to divide by {divisor}, found values from {least} to {largest}; without `--divide` \
                 they are in {low}..={high}"
            );
        }
        values.iter_mut().for_each(|value| *value /= preparation.divide.unwrap_or(1.));
        let outside = |value: &f32| !(low..=high).contains(value);
        let count = values.iter().filter(|value| outside(value)).count();
        let Some(first) = values.iter().position(outside) else { return Ok(()) };
        if preparation.clip {
            values.iter_mut().for_each(|value| *value = value.clamp(low, high));
            self.clipped += count;
            return Ok(());
        }
        let found = Extent::of(values);
        let (row, column) = ((before + first) / self.columns + 1, (before + first) % self.columns + 1);
        let after = preparation.divide.map_or(String::new(), |divisor| format!(" after the division by {divisor}"));
        bail!(
            "row {row}, column {column}: expected values in {low}..={high}, found {}{after}, and {count} of {} values \
             outside, from {} to {}; {}",
            values[first],
            self.values,
            found.least,
            found.largest,
            advice(&raw, [low, high], tensor, preparation.divide),
        );
    }

    /// The rows that came.
    pub fn rows(&self) -> usize {
        self.values / self.columns.max(1)
    }

    /// What was clipped, if anything was.
    pub fn note(&self) -> Option<String> {
        let [low, high] = self.tensor.range?;
        let note = || format!("{} of {} values clipped to {low}..={high}", self.clipped, self.values);
        (self.clipped > 0).then(note)
    }
}

/// The least and the largest of some values, and whether all are whole numbers.
#[derive(Debug)]
struct Extent {
    least: f32,
    largest: f32,
    whole: bool,
}

impl Extent {
    fn of(values: &[f32]) -> Self {
        let least = values.iter().copied().fold(f32::INFINITY, f32::min);
        let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self { least, largest, whole: values.iter().all(|value| value.fract() == 0.) }
    }

    fn within(&self, [low, high]: [f32; 2]) -> bool {
        self.least >= low && self.largest <= high
    }

    /// Whether raw values of this extent could be meant to be divided by `divisor`, which brings them into 0..=1: whole
    /// numbers, or such that come near it.
    fn fits(&self, divisor: f32) -> bool {
        self.least >= 0. && self.largest <= divisor && (self.whole || self.largest > divisor / 4.)
    }
}

/// What makes the raw values fit; every advice given does.
fn advice(raw: &Extent, [low, high]: [f32; 2], tensor: &Tensor, divided: Option<f32>) -> String {
    let trained = tensor.preprocessing.map(|preprocessing| preprocessing.max_value);
    let clip = format!("`--clip` moves them to {low} and {high}, as for noise that leads out of the range");
    let unit = [low, high] == [0., 1.];
    // The largest values of bytes and of 16-bit pixels.
    let usual = [trained, Some(255.), Some(65535.)].into_iter().flatten();
    let divisor =
        usual.into_iter().find(|&divisor| unit && divisor != 1. && raw.fits(divisor) && Some(divisor) != divided);
    match (divisor, divided) {
        (_, Some(_)) if raw.within([low, high]) => "without `--divide` they are inside".into(),
        (Some(divisor), _) if Some(divisor) == trained => {
            format!("the rows that trained this network were divided by {divisor}, which `--divide {divisor}` does")
        }
        (Some(divisor), _) => match trained.filter(|trained| *trained != 1.) {
            Some(trained) => format!(
                "`--divide {divisor}` brings them into the range, if they are such rows as trained this network on another scale: \
                 those were divided by {trained}"
            ),
            None => format!("`--divide {divisor}` brings them into the range"),
        },
        (None, _) => clip,
    }
}

#[cfg(test)]
mod tests {
    use bundle::Preprocessing;

    use super::*;

    fn pixels(max_value: f32) -> Tensor {
        let preprocessing = Some(Preprocessing { max_value });
        Tensor { range: Some([0., 1.]), preprocessing, ..Tensor::new("input", [2]) }
    }

    /// Prepares some rows of two values.
    fn prepare(values: &mut [f32], tensor: &Tensor, preparation: Preparation) -> Result<Option<String>> {
        let mut preparer = Preparer::new(tensor, 2, preparation);
        preparer.prepare(values)?;
        Ok(preparer.note())
    }

    fn error(values: &[f32], divide: Option<f32>, max_value: f32) -> String {
        let mut values = values.to_vec();
        prepare(&mut values, &pixels(max_value), Preparation { divide, clip: false }).unwrap_err().to_string()
    }

    /// Follows the advice of a message and gives what comes of it.
    fn followed(values: &[f32], message: &str, max_value: f32) -> Result<Vec<f32>> {
        let mut values = values.to_vec();
        let word = message.split("`--divide ").nth(1).map(|rest| rest.split('`').next().unwrap().parse().unwrap());
        let clip = message.contains("`--clip`");
        assert!(word.is_some() || clip || message.contains("without `--divide`"), "{message}");
        prepare(&mut values, &pixels(max_value), Preparation { divide: word, clip })?;
        Ok(values)
    }

    #[test]
    fn every_advice_brings_the_values_into_range() {
        for (values, divide, max_value, expected) in [
            (&[0., 16.][..], None, 16., "divided by 16, which `--divide 16` does"),
            (&[0., 3.], None, 16., "`--divide 16`"),
            (&[0., 12.5], None, 16., "`--divide 16`"),
            (&[0., 255.], None, 16., "`--divide 255`"),
            (&[0., 255.], Some(16.), 16., "`--divide 255`"),
            (&[0., 40000.], None, 255., "`--divide 65535`"),
            (&[0., 1.4824], None, 16., "`--clip`"),
            (&[-0.1, 0.5], None, 16., "`--clip`"),
            (&[-3., 16.], None, 16., "`--clip`"),
            (&[0., 1.], Some(0.5), 16., "without `--divide`"),
            (&[0., 16.], Some(2.), 16., "`--divide 16`"),
            (&[0., 1e9], None, 16., "`--clip`"),
        ] {
            let message = error(values, divide, max_value);
            assert!(message.contains(expected), "{values:?}: {message}");
            let values = followed(values, &message, max_value).unwrap();
            assert!(values.iter().all(|value| (0. ..=1.).contains(value)), "{message}: {values:?}");
        }
    }

    #[test]
    fn values_that_fit_already_are_not_divided() {
        let message = error(&[0., 0.5], Some(16.), 16.);
        let expected =
            "expected raw values to divide by 16, found values from 0 to 0.5; without `--divide` they are in 0..=1";
        assert_eq!(message, expected);
        followed(&[0., 0.5], &message, 16.).unwrap();
        // Dark pixels may still be raw.
        prepare(&mut [0., 1.], &pixels(16.), Preparation { divide: Some(16.), clip: false }).unwrap();
    }

    #[test]
    fn what_was_found_is_said() {
        assert_eq!(
            error(&[0., 0.5, 1.25, -0.5], None, 16.),
            "row 2, column 1: expected values in 0..=1, found 1.25, and 2 of 4 values outside, from -0.5 to 1.25; \
             `--clip` moves them to 0 and 1, as for noise that leads out of the range"
        );
    }

    #[test]
    fn clipping_says_how_much_it_changed() {
        let mut values = [-1., 0.5, 2., 1.];
        let preparation = Preparation { divide: None, clip: true };
        let note = prepare(&mut values, &pixels(16.), preparation).unwrap();
        assert_eq!(values, [0., 0.5, 1., 1.]);
        assert_eq!(note.as_deref(), Some("2 of 4 values clipped to 0..=1"));
    }
}
