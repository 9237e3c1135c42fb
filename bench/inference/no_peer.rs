//! Takes the place of onnxruntime in a build without it.

use std::path::Path;

use anyhow::{Result, bail};

use crate::measure::Call;

/// Never exists.
pub enum Peer {}

impl Peer {
    pub fn open(_library: &Path) -> Result<Self> {
        bail!("built without the feature `onnxruntime`")
    }

    pub fn version(&self) -> &str {
        match *self {}
    }

    pub fn call(&self, _file: &Path, _rows: &[f32], _batch: usize, _threads: usize) -> Result<Call<'static>> {
        match *self {}
    }

    pub fn loading(&self, _bundle: &Path) -> Call<'static> {
        match *self {}
    }
}
