//! The optical digits that the crate smartcore carries: UCI, CC BY 4.0, 1,797 images of 8 x 8.

use crate::data::samples::Samples;
use crate::error::Result;

/// Training rows. The file lists its writers one after the other, so the rows after these are mostly by other hands.
const TRAIN_ROWS: usize = 1500;
const SHAPE: [usize; 2] = [8, 8];
/// Each pixel counts the ink in a block of 4 x 4: 0 to 16.
const MAX_VALUE: u8 = 16;

pub(super) fn load() -> Result<(Samples, Samples)> {
    let dataset = smartcore::dataset::digits::load_dataset();
    let pixels: Vec<u8> = dataset.data.iter().map(|&value| value as u8).collect();
    let labels: Vec<u8> = dataset.target.iter().map(|&value| value as u8).collect();
    let (train, test) = pixels.split_at(TRAIN_ROWS * SHAPE[0] * SHAPE[1]);
    let (train_labels, test_labels) = labels.split_at(TRAIN_ROWS);
    Ok((
        Samples::new(train.to_vec(), train_labels.to_vec(), SHAPE, MAX_VALUE)?,
        Samples::new(test.to_vec(), test_labels.to_vec(), SHAPE, MAX_VALUE)?,
    ))
}
