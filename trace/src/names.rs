//! The names of weights: by the tensor itself, or by its numbers where the model keeps a copy.

use std::collections::HashMap;

use candle_core::{DType, Tensor, TensorId};

/// Weights by name.
#[derive(Default)]
pub(crate) struct Names {
    by_id: HashMap<TensorId, String>,
    /// The tensors that may be equal.
    by_numbers: HashMap<Key, Vec<(String, Tensor)>>,
}

/// A shape, and the bits of the number in the middle.
type Key = (Vec<usize>, u64);

impl Names {
    pub(crate) fn add(&mut self, name: &str, tensor: &Tensor) {
        self.by_id.entry(tensor.id()).or_insert_with(|| name.into());
        if let Some(key) = key(tensor) {
            self.by_numbers.entry(key).or_default().push((name.into(), tensor.clone()));
        }
    }

    pub(crate) fn has(&self, tensor: &Tensor) -> bool {
        self.by_id.contains_key(&tensor.id())
    }

    /// The name of a tensor, or of the only weight with the same numbers.
    pub(crate) fn of(&self, tensor: &Tensor) -> Option<String> {
        if let Some(name) = self.by_id.get(&tensor.id()) {
            return Some(name.clone());
        }
        let candidates = self.by_numbers.get(&key(tensor)?)?;
        let numbers = bits(tensor)?;
        let mut equal = candidates.iter().filter(|(_, other)| bits(other).as_ref() == Some(&numbers));
        match (equal.next(), equal.next()) {
            (Some((name, _)), None) => Some(name.clone()),
            _ => None,
        }
    }
}

/// The numbers of a tensor, in order, bit by bit.
pub(crate) fn bits(tensor: &Tensor) -> Option<Vec<u64>> {
    let flat = tensor.detach().to_dtype(DType::F64).ok()?.flatten_all().ok()?;
    Some(flat.to_vec1::<f64>().ok()?.into_iter().map(f64::to_bits).collect())
}

fn key(tensor: &Tensor) -> Option<Key> {
    // One number from the middle tells most tensors apart without a pass over all.
    let middle = tensor.detach().flatten_all().ok()?.get(tensor.elem_count() / 2).ok()?;
    let middle = middle.to_dtype(DType::F64).ok()?.to_scalar::<f64>().ok()?;
    Some((tensor.dims().to_vec(), middle.to_bits()))
}
