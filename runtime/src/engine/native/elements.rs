//! ONNX operators that prepare rows and restore them: bytes as numbers, arithmetic with constants, and channels that change places.

use onnx::{DataType, NodeProto};

use super::attributes::Attributes;
use super::network::{Arithmetic, Layer};
use super::reader::{Reader, Value};
use crate::engine::constants::{dims, floats};

impl Reader<'_> {
    /// The bytes that come in as numbers, which they are in memory already.
    pub(super) fn cast(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["to"])?;
        let (name, value) = self.bytes.as_ref()?;
        let fits = node.input[..] == [*name] && attributes.int("to", 0) == i64::from(i32::from(DataType::Float));
        fits.then(|| value.clone())
    }

    /// Every value with a constant: one for all, or one for each value of the last dimensions.
    pub(super) fn arithmetic(&mut self, node: &NodeProto, operation: Arithmetic) -> Option<Value> {
        Attributes::of(node, &[])?;
        let [name, constant] = self.value_and_constant(node)?;
        let is_ordered = node.input[0] == name;
        let value = self.values.get(name).filter(|value| value.batch_axis == 0 && value.shape == value.padded)?.clone();
        let constant = *self.constants.get(constant)?;
        let dims = dims(constant)?;
        let ones = dims.iter().take_while(|&&dim| dim == 1).count();
        let fits =
            self.has_batch_first() && dims.len() <= value.shape.len() + 1 && value.shape.ends_with(&dims[ones..]);
        if !fits || !is_ordered && matches!(operation, Arithmetic::Sub | Arithmetic::Div) {
            return None;
        }
        let shape = value.shape.clone();
        self.push(Layer::Arithmetic { operation, constant: floats(constant)? }, &value, shape)
    }

    /// The first dimensions of a row behind the others, as channels are put first or last.
    pub(super) fn turn(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["perm"])?;
        let value = self.input(node).filter(|_| self.has_batch_first())?;
        let perm: Vec<usize> = attributes.ints("perm")?.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
        let (&batch, order) = perm.split_first()?;
        let rank = value.shape.len();
        let first = (1..rank).find(|&first| order.iter().copied().eq((first + 1..=rank).chain(1..=first)))?;
        if batch != 0 {
            return None;
        }
        let (before, behind) = value.shape.split_at(first);
        let matrix = [before.iter().product(), behind.iter().product()];
        let shape = [behind, before].concat();
        self.push(Layer::Transpose(matrix), &value, shape)
    }
}
