//! Nearest neighbours among latents: how well the latent tells classes apart without being taught to.

use candle_core::Tensor;
use rayon::prelude::*;

use super::budget::Halt;
use crate::fused::with_values;

/// Neighbours that vote.
const NEIGHBOURS: usize = 5;
/// Rows whose distances to some training rows are held at once.
const ROWS: usize = 4096;

/// The part of `latents` `[m, d]` whose label is that of most of their five nearest training rows, by Euclidean distance; among
/// classes with equally many, the nearest neighbour decides. `training` has the latents `[n, d]` of the training rows in blocks,
/// since not all of them need fit into memory.
pub(crate) fn accuracy(
    training: impl Iterator<Item = Result<Tensor, Halt>>,
    mut training_labels: &[u8],
    latents: &Tensor,
    labels: &[u8],
) -> Result<f64, Halt> {
    let mut nearest = vec![Nearest::default(); labels.len()];
    for block in training {
        let block = block?;
        let norms = block.sqr()?.sum(1)?.to_vec1::<f32>()?;
        let labels = training_labels.split_off(..norms.len()).unwrap_or_default();
        for (index, nearest) in nearest.chunks_mut(ROWS).enumerate() {
            let products = latents.narrow(0, index * ROWS, nearest.len())?.matmul(&block.t()?)?;
            with_values(&[&products], |products| {
                let rows = products[0].par_chunks(norms.len()).zip(nearest);
                rows.for_each(|(products, nearest)| nearest.look_at(products, &norms, labels));
            })?;
        }
    }
    let right = nearest.iter().zip(labels).filter(|(nearest, label)| nearest.vote() == **label).count();
    Ok(right as f64 / labels.len() as f64)
}

/// The nearest rows so far: their distances, less a term that is the same for all, and their classes.
#[derive(Clone)]
struct Nearest([(f32, u8); NEIGHBOURS]);

impl Default for Nearest {
    fn default() -> Self {
        Self([(f32::INFINITY, 0); NEIGHBOURS])
    }
}

impl Nearest {
    /// Takes further rows into account. Of |a - b|^2 = |a|^2 - 2 a b + |b|^2, the first term is the same for all `b`.
    fn look_at(&mut self, products: &[f32], norms: &[f32], labels: &[u8]) {
        let Self(nearest) = self;
        for ((product, norm), &label) in products.iter().zip(norms).zip(labels) {
            let distance = norm - 2. * product;
            if distance < nearest[NEIGHBOURS - 1].0 {
                // Of two rows at the same distance, the first in the set stays first.
                let place = nearest.partition_point(|&(other, _)| other <= distance);
                nearest.copy_within(place..NEIGHBOURS - 1, place + 1);
                nearest[place] = (distance, label);
            }
        }
    }

    /// The class that they vote for.
    fn vote(&self) -> u8 {
        let found = self.0.iter().filter(|(distance, _)| distance.is_finite());
        let votes = |label: u8| found.clone().filter(|&&(_, other)| other == label).count();
        // `max_by_key` takes the last of equals, so the farthest comes first.
        found.clone().rev().max_by_key(|&&(_, label)| votes(label)).map_or(0, |&(_, label)| label)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn neighbours_vote_and_the_nearest_breaks_ties() {
        let tensor = |rows: &[f32]| Tensor::from_slice(rows, (rows.len(), 1), &Device::Cpu).map_err(Halt::from);
        let rows = [0f32, 1., 2., 3., 10., 11., 12.];
        let accuracy = |training_labels: &[u8], latents: &Tensor, labels: &[u8]| {
            // In one piece, or in several.
            let [whole, parts] =
                [7, 3].map(|size| accuracy(rows.chunks(size).map(tensor), training_labels, latents, labels));
            let (whole, parts) = (whole.unwrap(), parts.unwrap());
            assert_eq!(whole, parts);
            whole
        };
        let labels = [0, 0, 1, 1, 1, 2, 2];
        let at = |x: f32, label: u8| accuracy(&labels, &Tensor::new(&[[x]], &Device::Cpu).unwrap(), &[label]);
        assert_eq!(at(-1., 1), 1.); // 0 0 1 1 1
        assert_eq!(at(12., 1), 1.); // 2 2 1 1 1
        assert_eq!(at(12., 2), 0.);
        let level = [0, 0, 1, 1, 2, 2, 2];
        let latents = Tensor::new(&[[-1f32], [2.6]], &Device::Cpu).unwrap();
        // 0 0 1 1 2 from the left: 0 is nearest; and from 2.6, 1 1 0 0 2.
        assert_eq!(accuracy(&level, &latents, &[0, 1]), 1.);
    }

    #[test]
    fn fewer_rows_than_neighbours_are_enough() {
        let rows = Tensor::new(&[[0f32, 1.], [5., 5.]], &Device::Cpu).unwrap();
        assert_eq!(accuracy([Ok(rows.clone())].into_iter(), &[3, 4], &rows, &[3, 4]).unwrap(), 1.);
    }
}
