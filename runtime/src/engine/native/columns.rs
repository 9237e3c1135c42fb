//! ONNX operators that prepare the rows of a table and restore them: missing values are filled in, categories become features and come
//! back, and the parts of dates that repeat become sines.

use onnx::{DataType, NodeProto, TensorProto};

use super::attributes::Attributes;
use super::network::{Layer, Operand};
use super::reader::{Reader, Truth, Value};
use crate::engine::constants::{dims, floats, ints};

impl<'a> Reader<'a> {
    /// What a node says about values.
    pub(super) fn truth(&mut self, node: &NodeProto) -> Option<Truth> {
        Attributes::of(node, &[])?;
        match (node.op_type.as_str(), &node.input[..]) {
            ("Equal", [a, b]) if a == b => {
                let value = self.row(a)?;
                self.push_like(Layer::IsNumber, &value).map(Truth::Value)
            }
            ("Equal", [a, b]) => match (self.row(a), self.row(b)) {
                (Some(value), None) => self.equal(&value, b),
                (None, Some(value)) => self.equal(&value, a),
                _ => {
                    let (a, b) = (floats(self.constants.get(a.as_str())?)?, floats(self.constants.get(b.as_str())?)?);
                    let width = a.len().max(b.len());
                    let [a, b] = [repeated(a, width)?, repeated(b, width)?];
                    let truth = |(a, b): (&f32, &f32)| f32::from(u8::from(a == b));
                    Some(Truth::Constant(a.iter().zip(&b).map(truth).collect()))
                }
            },
            ("Not", [a]) => match self.truths.get(a.as_str())?.clone() {
                Truth::Constant(values) => Some(Truth::Constant(values.iter().map(|value| 1. - value).collect())),
                Truth::Value(value) => self.push_like(Layer::Not, &value).map(Truth::Value),
            },
            _ => None,
        }
    }

    fn equal(&mut self, value: &Value, constant: &str) -> Option<Truth> {
        let constant = self.operand(constant, value.shape[0])?;
        self.push_like(Layer::EqualTo(constant), value).map(Truth::Value)
    }

    /// Values of one of two, by what holds for each.
    pub(super) fn choose(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let [condition, yes, no] = &node.input[..] else { return None };
        let condition = self.truths.get(condition.as_str())?.clone();
        let rows = [yes, no].map(|name| self.row(name));
        let of_condition = if let Truth::Value(value) = &condition { Some(value) } else { None };
        let shape = rows.iter().flatten().chain(of_condition).next()?.shape.clone();
        let width = shape[0];
        let mut inputs: Vec<Value> = vec![];
        let mut operand = |value: Option<Value>, constant: Option<Vec<f32>>| match value {
            Some(value) if value.shape == shape => {
                inputs.push(value);
                Some(Operand::Input(inputs.len() - 1))
            }
            Some(_) => None,
            None => Some(Operand::Constant(repeated(constant?, width)?)),
        };
        let condition = match condition {
            Truth::Value(value) => operand(Some(value), None)?,
            Truth::Constant(values) => operand(None, Some(values))?,
        };
        let [of_yes, of_no] = rows;
        let constants = [yes, no].map(|name| self.operand(name, width));
        let [constant_yes, constant_no] = constants;
        let (yes, no) = (operand(of_yes, constant_yes)?, operand(of_no, constant_no)?);
        let first = inputs.first()?.clone();
        let value = self.push_like(Layer::Choose([condition, yes, no]), &first)?;
        self.also(&inputs[1..]);
        Some(value)
    }

    /// What holds, or a place, as a number.
    pub(super) fn cast_to_number(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["to"])?;
        let name = node.input.first()?.as_str();
        let value = match self.truths.get(name) {
            Some(Truth::Value(value)) => value.clone(),
            Some(Truth::Constant(_)) => return None,
            None => self.places.get(name)?.clone(),
        };
        // A copy: what reads it may change it in place.
        let fits = attributes.int("to", 0) == i64::from(i32::from(DataType::Float));
        if fits { self.push_like(Layer::Range(0), &value) } else { None }
    }

    /// The place of the largest value, the first of equal ones.
    pub(super) fn arg_max(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["axis", "keepdims", "select_last_index"])?;
        let value = self.row(node.input.first()?)?;
        let fits = is_columns(attributes.int("axis", 0))
            && attributes.int("keepdims", 1) == 0
            && attributes.int("select_last_index", 0) == 0;
        if fits { self.push(Layer::ArgMax, &value, vec![]) } else { None }
    }

    /// The values at some places of a row.
    pub(super) fn select(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["axis"])?;
        let value = self.row(node.input.first()?)?;
        let places = self.constant(node, 1).filter(|places| places.dims.len() == 1)?;
        let width = value.shape[0];
        let place = |&place: &i64| usize::try_from(place).ok().filter(|&place| place < width);
        let places: Vec<usize> = ints(places)?.iter().map(place).collect::<Option<_>>()?;
        let len = places.len();
        if !is_columns(attributes.int("axis", 0)) || len == 0 {
            return None;
        }
        self.push(Layer::Select(places), &value, vec![len])
    }

    /// Values of a row that lie beside each other.
    pub(super) fn slice_columns(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let value = self.row(node.input.first()?)?;
        let number = |index| match ints(self.constant(node, index)?)?[..] {
            [number] => Some(number),
            _ => None,
        };
        let steps = if node.input.len() > 4 { number(4)? } else { 1 };
        let (start, end) = (usize::try_from(number(1)?).ok()?, usize::try_from(number(2)?).ok()?.min(value.shape[0]));
        if !is_columns(number(3)?) || steps != 1 || start >= end {
            return None;
        }
        self.push(Layer::Range(start), &value, vec![end - start])
    }

    /// The values of several rows, one behind the other.
    pub(super) fn concat(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["axis"])?;
        let inputs: Vec<Value> = node.input.iter().map(|name| self.row(name)).collect::<Option<_>>()?;
        let width = inputs.iter().try_fold(0usize, |width, value| width.checked_add(value.shape[0]))?;
        let (first, others) = inputs.split_first().filter(|_| is_columns(attributes.int("axis", 0)))?;
        let value = self.push(Layer::Concat, first, vec![width])?;
        self.also(others);
        Some(value)
    }

    /// The exact remainder of a division by a constant.
    pub(super) fn remainder(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["fmod"])?;
        let [x, divisor] = &node.input[..] else { return None };
        let value = self.row(x).filter(|_| attributes.int("fmod", 0) == 1)?;
        let divisor = self.operand(divisor, value.shape[0])?;
        self.push_like(Layer::Remainder(divisor), &value)
    }

    /// Values held between two constants.
    pub(super) fn clamp(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let [x, _, _] = &node.input[..] else { return None };
        let value = self.row(x)?;
        let limit = |index| floats(self.constant(node, index).filter(|limit| limit.dims.is_empty())?)?.first().copied();
        let (low, high) = (limit(1)?, limit(2)?);
        if low <= high { self.push_like(Layer::Clamp([low, high]), &value) } else { None }
    }

    pub(super) fn sine(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let value = self.row(node.input.first()?)?;
        self.push_like(Layer::Sine, &value)
    }

    /// The numbers of a row without further dimensions, which this name stands for.
    fn row(&self, name: &str) -> Option<Value> {
        let value = self.values.get(name).filter(|_| self.has_batch_first())?;
        (value.batch_axis == 0 && value.shape.len() == 1 && value.shape == value.padded).then(|| value.clone())
    }

    /// A constant as a number for each of `width` values of a row.
    fn operand(&self, name: &str, width: usize) -> Option<Vec<f32>> {
        let constant: &TensorProto = self.constants.get(name)?;
        let dims = dims(constant)?;
        let is_row = dims.len() <= 2 && dims.iter().rev().skip(1).all(|&dim| dim == 1);
        floats(constant).filter(|_| is_row).and_then(|values| repeated(values, width))
    }

    fn push_like(&mut self, layer: Layer, value: &Value) -> Option<Value> {
        self.push(layer, value, value.shape.clone())
    }

    /// Further inputs of the last step.
    fn also(&mut self, values: &[Value]) {
        if let Some(step) = self.steps.last_mut() {
            step.also = values.iter().map(|value| (value.place, value.shape.iter().product())).collect();
        }
    }
}

/// Whether an axis of `[batch, columns]` is that of the columns.
fn is_columns(axis: i64) -> bool {
    axis == 1 || axis == -1
}

/// One value for all, or one for each.
fn repeated(values: Vec<f32>, width: usize) -> Option<Vec<f32>> {
    match values[..] {
        [value] => Some(vec![value; width]),
        _ => (values.len() == width).then_some(values),
    }
}
