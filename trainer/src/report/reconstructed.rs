//! A table's test rows, and what the network makes of them, in raw units.

use std::sync::Arc;

use bundle::Schema;

use super::finished::Finished;
use crate::error::Result;

/// Rows that are reconstructed at once.
const BLOCK: usize = 500;

/// The test rows and their reconstructions.
pub(super) struct Reconstructed {
    pub(super) schema: Arc<Schema>,
    /// `[rows, schema.raw_len()]` both.
    pub(super) raw: Vec<f32>,
    pub(super) restored: Vec<f32>,
    /// Of windows of a series, the steps of each; else 1.
    pub(super) steps: usize,
}

impl Reconstructed {
    /// All test rows; nothing where they are no table.
    pub(super) fn of(finished: &Finished) -> Result<Option<Self>> {
        let Finished { measure, test, .. } = *finished;
        let Some(schema) = test.schema() else { return Ok(None) };
        let all: Vec<u32> = (0..test.len() as u32).collect();
        let mut restored = vec![0.; test.len() * schema.raw_len()];
        for (rows, restored) in all.chunks(BLOCK).zip(restored.chunks_mut(BLOCK * schema.raw_len())) {
            let input = measure.input(&test.batch(rows, measure.device)?)?;
            let output = measure.model.reconstruct(&input)?.flatten_all()?.to_vec1::<f32>()?;
            schema.restore(&output, restored);
        }
        Ok(Some(Self { schema: schema.clone(), raw: test.raw_rows(&all), restored, steps: test.size()[0] }))
    }

    /// The columns; of windows, each channel at all steps.
    pub(super) fn columns(&self) -> Vec<bundle::Column> {
        self.schema.channels(self.steps)
    }

    /// The values of column `index` of `count`, in the rows and in their reconstructions.
    pub(super) fn pairs(&self, index: usize, count: usize) -> impl Iterator<Item = (f32, f32)> + Clone {
        (index..self.raw.len()).step_by(count).map(|place| (self.raw[place], self.restored[place]))
    }
}
