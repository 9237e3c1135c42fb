//! What turns raw values into the network's input, and back.

use serde::{Deserialize, Serialize};

/// How raw values become the network's input: each is divided by `max_value`.
///
/// ```
/// let bytes = bundle::Preprocessing { max_value: 255. };
/// let mut row = [0., 51., 255.];
/// bytes.apply(&mut row);
/// assert_eq!(row, [0., 0.2, 1.]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// The raw value that becomes 1.0, above 0.
    #[serde(rename = "divide_by")]
    pub max_value: f32,
}

impl Preprocessing {
    /// Turns raw values into the network's input, in place.
    pub fn apply(&self, values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value /= self.max_value);
    }

    /// Turns what [`Preprocessing::apply`] made into raw values again, in place.
    pub fn invert(&self, values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value *= self.max_value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_the_networks_input() {
        let preprocessing = Preprocessing { max_value: 255. };
        let bytes: Vec<f32> = (0..=255).map(|byte| byte as f32).collect();
        let mut values = bytes.clone();
        preprocessing.apply(&mut values);
        assert!(values.iter().all(|value| (0. ..=1.).contains(value)));
        preprocessing.invert(&mut values);
        assert_eq!(values.iter().map(|value| value.round()).collect::<Vec<_>>(), bytes);
    }
}
