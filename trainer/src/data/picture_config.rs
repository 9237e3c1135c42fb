//! How pictures become rows.

use serde::{Deserialize, Serialize};

use super::table_config::TableConfig;

/// How pictures become rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PictureConfig {
    /// Pixels on each side, 8 to 256: the middle of each picture is cut out square and resized. Default: the pictures' own size where
    /// all have the same and it is at most 256 x 256, else 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
}

impl PictureConfig {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a source becomes training and test rows, whatever it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preparation {
    /// Where it is a table, or a series.
    pub table: TableConfig,
    /// Where it is a folder of pictures.
    pub pictures: PictureConfig,
}
