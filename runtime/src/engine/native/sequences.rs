//! ONNX operators on sequences: products at every step, the LSTM, and what other frameworks write around it.

use kernels::{Activation, Dense, PackedLstm};
use onnx::NodeProto;

use super::attributes::Attributes;
use super::network::{Layer, Place};
use super::reader::{Common, MAX_VALUES, Reader, Value};
use crate::engine::constants::{dims, floats, ints};
use crate::engine::signature::Batch;

/// For each gate of the kernel (input, forget, cell, output), its place in ONNX (input, output, forget, cell).
const GATES: [usize; 4] = [0, 2, 3, 1];

impl Reader<'_> {
    /// Values that are computed from a shape alone: lengths, and the zeros with which a recurrence begins.
    pub(super) fn common_value(&self, node: &NodeProto) -> Option<Common> {
        let is = |name: &String, common| self.common.get(name.as_str()) == Some(&common);
        let lengths = |name: &String| is(name, Common::Lengths);
        let zeros =
            |index| self.constant(node, index).and_then(floats).is_some_and(|zeros| zeros.iter().all(|&x| x == 0.));
        match node.op_type.as_str() {
            _ if !node.domain.is_empty() => None,
            "Shape" => Some(Common::Lengths),
            "Slice" | "Gather" | "Squeeze" | "Unsqueeze" | "Cast" => {
                lengths(node.input.first()?).then_some(Common::Lengths)
            }
            "Concat" => node.input.iter().any(lengths).then_some(Common::Lengths),
            "Expand" => (zeros(0) && lengths(node.input.get(1)?)).then_some(Common::Zeros),
            "ConstantOfShape" if lengths(node.input.first()?) => match &node.attribute[..] {
                [] => Some(Common::Zeros),
                [value] => floats(value.t.as_ref()?).filter(|value| value[..] == [0.]).map(|_| Common::Zeros),
                _ => None,
            },
            _ => None,
        }
    }

    /// A product at every step with the same weight.
    pub(super) fn matmul(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let value = self.input(node)?;
        let weight = self.constant(node, 1)?;
        let [inputs, outputs] = dims(weight)?[..] else { return None };
        let (&last, steps) = value.shape.split_last()?;
        if last != inputs {
            return None;
        }
        let weight = floats(weight)?;
        let weight: Vec<f32> =
            (0..outputs).flat_map(|output| weight[output..].iter().step_by(outputs)).copied().collect();
        let shape = [steps, &[outputs]].concat();
        self.unbiased = Some(self.steps.len());
        self.push(Layer::Dense(Dense::new(&weight, &vec![0.; outputs])), &value, shape)
    }

    /// The bias of the product before it.
    pub(super) fn add(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let [product, bias] = self.value_and_constant(node)?;
        let value = self.values.get(product).filter(|_| self.is_read_once(product))?.clone();
        let bias = *self.constants.get(bias)?;
        let (&outputs, ones) = bias.dims.split_last()?;
        let step = self.unbiased.take().filter(|&step| value.place == Place::Between(step))?;
        let step = self.steps.get_mut(step).filter(|step| step.activation == Activation::None)?;
        let Layer::Dense(dense) = &mut step.layer else { return None };
        let outputs = usize::try_from(outputs).ok().filter(|&outputs| outputs == dense.outputs())?;
        let fits =
            value.shape.last() == Some(&outputs) && ones.len() <= value.shape.len() && value.shape == value.padded;
        if !fits || ones.iter().any(|&one| one != 1) {
            return None;
        }
        dense.set_bias(&floats(bias)?);
        Some(value)
    }

    pub(super) fn lstm(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["hidden_size", "direction", "input_forget", "layout"])?;
        let value = self.value(node, 0).filter(|value| value.batch_axis == 1 && value.shape.len() == 2)?;
        let (weight, recurrent) = (self.constant(node, 1)?, self.constant(node, 2)?);
        let (&[1, gates, inputs], &[1, rows, units]) = (&dims(weight)?[..], &dims(recurrent)?[..]) else { return None };
        let plain = attributes.text("direction", "forward") == "forward"
            && attributes.int("input_forget", 0) + attributes.int("layout", 0) == 0
            && attributes.int("hidden_size", units as i64) == units as i64;
        let given = |index: usize| node.input.get(index).filter(|name| !name.is_empty());
        let zeros = |index| given(index).is_none_or(|name| self.is_zero(name));
        let fits = gates == rows && rows == units.checked_mul(4)? && value.shape[1] == inputs;
        if !plain || !fits || given(4).is_some() || !zeros(5) || !zeros(6) || given(7).is_some() {
            return None;
        }
        let steps = value.shape[0];
        if steps.checked_mul(rows)? > MAX_VALUES {
            return None;
        }
        let bias = match given(3) {
            None => vec![0.; rows],
            Some(_) => {
                let bias = self.constant(node, 3).filter(|bias| dims(bias).as_deref() == Some(&[1, 2 * rows]))?;
                let bias = floats(bias)?;
                bias.iter().zip(&bias[rows..]).map(|(input, state)| input + state).collect()
            }
        };
        let input = Dense::new(&in_order(&floats(weight)?, units * inputs), &in_order(&bias, units));
        let recurrence = PackedLstm::new([steps, units], &in_order(&floats(recurrent)?, units * units));
        let states = self.push(Layer::Lstm { input, recurrence }, &value, vec![steps, units])?;
        match self.outputs(node)[..] {
            // [steps, direction, batch, units]
            [0] => Some(Value { shape: vec![steps, 1, units], padded: vec![steps, 1, units], batch_axis: 2, ..states }),
            // [direction, batch, units], after the last step.
            [1] => {
                let last = self.push(Layer::Range((steps - 1) * units), &states, vec![1, units])?;
                Some(Value { batch_axis: 1, ..last })
            }
            _ => None,
        }
    }

    /// Moves the batch among the dimensions, which moves nothing in memory.
    pub(super) fn transpose(&mut self, node: &NodeProto) -> Option<Value> {
        let value = self.renamed(node)?;
        let attributes = Attributes::of(node, &["perm"])?;
        let perm: Vec<usize> = attributes.ints("perm")?.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
        let batch_axis = perm.iter().position(|&axis| axis == value.batch_axis)?;
        let rest = perm.iter().filter(|&&axis| axis != value.batch_axis);
        let kept = (0..=value.shape.len()).filter(|&axis| axis != value.batch_axis);
        let fits = perm.len() == value.shape.len() + 1 && rest.copied().eq(kept);
        fits.then_some(Value { batch_axis, ..value })
    }

    pub(super) fn squeeze(&mut self, node: &NodeProto) -> Option<Value> {
        let (mut value, axis) = (self.renamed(node)?, self.axis(node, 0)?);
        let place = axis - usize::from(axis > value.batch_axis);
        if axis == value.batch_axis || value.shape.get(place) != Some(&1) {
            return None;
        }
        value.shape.remove(place);
        let batch_axis = value.batch_axis - usize::from(axis < value.batch_axis);
        Some(Value { padded: value.shape.clone(), batch_axis, ..value })
    }

    pub(super) fn unsqueeze(&mut self, node: &NodeProto) -> Option<Value> {
        let (mut value, axis) = (self.renamed(node)?, self.axis(node, 1)?);
        let before_batch = axis <= value.batch_axis;
        value.shape.insert(axis - usize::from(!before_batch), 1);
        let batch_axis = value.batch_axis + usize::from(before_batch);
        Some(Value { padded: value.shape.clone(), batch_axis, ..value })
    }

    /// The only axis of a squeeze or unsqueeze, which gives `more` dimensions than there are.
    fn axis(&self, node: &NodeProto, more: usize) -> Option<usize> {
        Attributes::of(node, &[])?;
        let rank = self.value(node, 0)?.shape.len() + 1 + more;
        let [axis] = ints(self.constant(node, 1)?)?[..] else { return None };
        let axis = if axis < 0 { axis.checked_add(rank as i64)? } else { axis };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    }

    /// One row, `[1, n]`, at every step: its product with ones, `[1, steps, 1]`.
    pub(super) fn repeat(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let [row, ones] = self.value_and_constant(node)?;
        let value = self.values.get(row).filter(|value| value.batch_axis == 0 && value.shape == value.padded)?.clone();
        let ones = self.constants.get(ones)?;
        let (&[1, values], &[1, steps, 1]) = (&value.shape[..], &dims(ones)?[..]) else { return None };
        if floats(ones)?.iter().any(|&one| one != 1.) {
            return None;
        }
        self.push(Layer::Repeat, &value, vec![steps, values])
    }

    /// Steps of a sequence that follow each other.
    pub(super) fn slice_steps(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let (value, [steps, values]) = self.sequence(node)?;
        let number = |index| match ints(self.constant(node, index)?)?[..] {
            [number] => Some(number),
            _ => None,
        };
        let (start, end) = (within(number(1)?, steps), within(number(2)?, steps));
        if number(3)? != 1 || node.input.get(4).is_some() && number(4)? != 1 || start >= end {
            return None;
        }
        self.push(Layer::Range(start * values), &value, vec![end - start, values])
    }

    /// One step of a sequence.
    pub(super) fn pick_step(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["axis"])?;
        let (value, [steps, values]) = self.sequence(node)?;
        let index = self.constant(node, 1).filter(|index| index.dims.is_empty())?;
        let [index] = ints(index)?[..] else { return None };
        let inside = (-(steps as i64)..steps as i64).contains(&index);
        if attributes.int("axis", 0) != 1 || !inside {
            return None;
        }
        self.push(Layer::Range(within(index, steps) * values), &value, vec![values])
    }

    /// The node's first input, in which only the dimensions change: no other node may read it.
    fn renamed(&self, node: &NodeProto) -> Option<Value> {
        // The rows that come in may have several names, since nothing is computed in place there.
        let value = self.value(node, 0).filter(|_| self.has_batch_first())?;
        (value.place == Place::Input || self.is_read_once(&node.input[0])).then_some(value)
    }

    /// The steps of the node's first input, and the values of each.
    fn sequence(&self, node: &NodeProto) -> Option<(Value, [usize; 2])> {
        let value = self.input(node).filter(|_| self.has_batch_first())?;
        let sequence = <[usize; 2]>::try_from(&value.shape[..]).ok()?;
        Some((value, sequence))
    }

    /// Whether axis 0 is the batch and axis 1 the first of a row.
    pub(super) fn has_batch_first(&self) -> bool {
        self.layout.before == 0 && self.layout.batch != Batch::Single
    }

    fn is_zero(&self, name: &str) -> bool {
        let constant = self.constants.get(name).copied().and_then(floats);
        self.common.get(name) == Some(&Common::Zeros) || constant.is_some_and(|values| values.iter().all(|&x| x == 0.))
    }

    /// The names of a node's two inputs, a value of the rows and a constant, in this order.
    pub(super) fn value_and_constant<'n>(&self, node: &'n NodeProto) -> Option<[&'n str; 2]> {
        let [a, b] = &node.input[..] else { return None };
        match (self.values.contains_key(a.as_str()), self.values.contains_key(b.as_str())) {
            (true, false) => Some([a, b]),
            (false, true) => Some([b, a]),
            _ => None,
        }
    }
}

/// An index that may count from the end, held within `0..=length`.
fn within(index: i64, length: usize) -> usize {
    let length = length as i64;
    let index = if index < 0 { index.saturating_add(length) } else { index };
    index.clamp(0, length) as usize
}

/// The parts of all gates, `len` values each, in the kernel's order.
fn in_order(values: &[f32], len: usize) -> Vec<f32> {
    GATES.iter().flat_map(|&gate| &values[gate * len..][..len]).copied().collect()
}
