//! The column of a table that says what each row is.

use serde::{Deserialize, Serialize};

use crate::values::truth;

/// The most labels that are told apart.
pub const MAX_LABELS: usize = 256;

/// The column of labels of the table that trained a network, which does not take it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelColumn {
    /// The column's name.
    pub name: String,
    /// The labels of the rows that trained, at most [`MAX_LABELS`].
    pub usual: Vec<String>,
    /// Whether all labels were numbers or truth values: `1.0` is then the same label as `1` and `true`.
    #[serde(default)]
    pub are_numbers: bool,
}

impl LabelColumn {
    /// Whether rows with this label trained; nothing for a label that says nothing.
    ///
    /// ```
    /// let label = bundle::LabelColumn { name: "fault".into(), usual: vec!["0".into()], are_numbers: true };
    /// let found = ["0", "0.0", "false", "1", ""].map(|text| label.is_usual(text));
    /// assert_eq!(found, [Some(true), Some(true), Some(true), Some(false), None]);
    /// ```
    pub fn is_usual(&self, label: &str) -> Option<bool> {
        if Self::is_missing(label) {
            return None;
        }
        if !self.are_numbers {
            return Some(self.usual.iter().any(|usual| usual == label));
        }
        let number = |text: &str| truth(text).or_else(|| text.trim().parse::<f32>().ok());
        let found = number(label);
        Some(found.is_some() && self.usual.iter().any(|usual| number(usual) == found))
    }

    /// Whether a label says nothing.
    pub fn is_missing(label: &str) -> bool {
        label.is_empty() || label == "NaN"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_only_where_they_are_written_alike() {
        let label = LabelColumn { name: "code".into(), usual: vec!["1e1".into(), "false".into()], are_numbers: false };
        let found = ["1e1", "10", "false", "0", "NaN"].map(|text| label.is_usual(text));
        assert_eq!(found, [Some(true), Some(false), Some(true), Some(false), None]);
    }
}
