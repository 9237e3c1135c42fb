//! Nearest neighbours among codes: how well a code tells classes apart without being taught to.

use candle_core::Tensor;
use rayon::prelude::*;

use crate::Result;

/// Neighbours that vote.
pub(crate) const NEIGHBOURS: usize = 5;
/// Rows whose distances to all training rows are held at once: 61 MB for 60,000 rows.
const BLOCK_ROWS: usize = 256;

/// The part of `codes` `[m, d]` whose label most of the five nearest of `training` `[n, d]` share, by Euclidean distance; where
/// classes are level, the nearest neighbour among them decides.
pub(crate) fn accuracy(training: &Tensor, training_labels: &[u8], codes: &Tensor, labels: &[u8]) -> Result<f64> {
    let transposed = training.t()?.contiguous()?;
    let norms = training.sqr()?.sum(1)?.to_vec1::<f32>()?;
    let mut right = 0;
    for (block, labels) in labels.chunks(BLOCK_ROWS).enumerate() {
        let rows = codes.narrow(0, block * BLOCK_ROWS, labels.len())?.contiguous()?;
        let products = rows.matmul(&transposed)?.flatten_all()?.to_vec1::<f32>()?;
        let hit = |(products, label): (&[f32], &u8)| vote(products, &norms, training_labels) == *label;
        right += products.par_chunks(norms.len()).zip(labels).filter(|&row| hit(row)).count();
    }
    Ok(right as f64 / labels.len() as f64)
}

/// The class that the nearest rows vote for. Of |a - b|^2 = |a|^2 - 2 a b + |b|^2, the first term is the same for all `b`.
fn vote(products: &[f32], norms: &[f32], labels: &[u8]) -> u8 {
    let mut nearest = [(f32::INFINITY, 0u8); NEIGHBOURS];
    for ((product, norm), &label) in products.iter().zip(norms).zip(labels) {
        let distance = norm - 2. * product;
        if distance < nearest[NEIGHBOURS - 1].0 {
            // A row as far as another one comes after it: the first in the set wins.
            let place = nearest.partition_point(|&(other, _)| other <= distance);
            nearest.copy_within(place..NEIGHBOURS - 1, place + 1);
            nearest[place] = (distance, label);
        }
    }
    let found = nearest.iter().filter(|(distance, _)| distance.is_finite());
    let votes = |label: u8| found.clone().filter(|&&(_, other)| other == label).count();
    // `max_by_key` takes the last of equals, so the farthest comes first.
    found.clone().rev().max_by_key(|&&(_, label)| votes(label)).map_or(0, |&(_, label)| label)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn neighbours_vote_and_the_nearest_breaks_ties() {
        let training = Tensor::new(&[[0f32], [1.], [2.], [3.], [10.], [11.], [12.]], &Device::Cpu).unwrap();
        let labels = [0, 0, 1, 1, 1, 2, 2];
        let at = |x: f32, label: u8| {
            accuracy(&training, &labels, &Tensor::new(&[[x]], &Device::Cpu).unwrap(), &[label]).unwrap()
        };
        assert_eq!(at(-1., 1), 1.); // 0 0 1 1 1
        assert_eq!(at(12., 1), 1.); // 2 2 1 1 1
        assert_eq!(at(12., 2), 0.);
        let level = [0, 0, 1, 1, 2, 2, 2];
        let codes = Tensor::new(&[[-1f32], [2.6]], &Device::Cpu).unwrap();
        // 0 0 1 1 2 from the left: 0 is nearest; and from 2.6, 1 1 0 0 2.
        assert_eq!(accuracy(&training, &level, &codes, &[0, 1]).unwrap(), 1.);
    }

    #[test]
    fn fewer_rows_than_neighbours_are_enough() {
        let rows = Tensor::new(&[[0f32, 1.], [5., 5.]], &Device::Cpu).unwrap();
        assert_eq!(accuracy(&rows, &[3, 4], &rows, &[3, 4]).unwrap(), 1.);
    }
}
