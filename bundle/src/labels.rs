//! The column of a table that says what each row is.

use serde::{Deserialize, Serialize};

/// The column of labels of the table that trained a network, which does not take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelColumn {
    /// The column's name.
    pub name: String,
    /// The labels of the rows that trained.
    pub usual: Vec<String>,
}

impl LabelColumn {
    /// Whether rows with this label trained; nothing for a label that says nothing.
    ///
    /// ```
    /// let label = bundle::LabelColumn { name: "fault".into(), usual: vec!["0".into()] };
    /// assert_eq!(["0", "0.0", "1", ""].map(|text| label.is_usual(text)), [Some(true), Some(true), Some(false), None]);
    /// ```
    pub fn is_usual(&self, label: &str) -> Option<bool> {
        if Self::is_missing(label) {
            return None;
        }
        // A column of numbers may be written in more than one way.
        let number = |text: &str| text.parse::<f32>().ok();
        let is_same = |usual: &String| usual == label || (number(usual).is_some() && number(usual) == number(label));
        Some(self.usual.iter().any(is_same))
    }

    /// Whether a label says nothing.
    pub fn is_missing(label: &str) -> bool {
        label.is_empty() || label == "NaN"
    }
}
