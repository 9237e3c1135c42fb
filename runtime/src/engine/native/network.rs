//! A network of layers that all have a kernel, and how it computes a block of rows.

use std::iter;

use kernels::{Activation, Conv, Dense, PackedLstm, activate, crop, max_pool2, upsample2, with_scratch};

use crate::limits::{Limits, within};

/// The most values between the layers for a block of rows: 64 KiB, which a core's own cache holds beside the weights.
const MAX_BLOCK_VALUES: usize = 1 << 14;
/// The most rows of a block.
const MAX_BLOCK_ROWS: usize = 64;
/// The same where rows are longer than their outputs, since the next rows are prefetched.
const MAX_LONG_BLOCK_ROWS: usize = 256;
/// Enough blocks for each thread to share the work evenly.
const BLOCKS_PER_THREAD: usize = 8;

/// Layers in an order in which each finds its input computed.
pub(crate) struct Network {
    pub(super) input_len: usize,
    pub(super) steps: Vec<Step>,
    /// Values between the layers, for one row.
    pub(super) between: usize,
}

/// Where a layer's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Input,
    /// Between the layers, from this value of a row on.
    Between(usize),
    /// The graph's output of this number.
    Output(usize),
}

/// One layer; lengths are those of one row.
pub(super) struct Step {
    pub(super) layer: Layer,
    pub(super) activation: Activation,
    pub(super) from: Place,
    /// Further inputs, and their lengths.
    pub(super) also: Vec<(Place, usize)>,
    pub(super) to: Place,
    pub(super) from_len: usize,
    pub(super) to_len: usize,
}

/// A kernel and its parameters. The shapes of images are channels, height and width; a sequence lies step by step.
pub(super) enum Layer {
    Dense(Dense),
    Conv {
        conv: Conv,
        weight: Vec<f32>,
        bias: Vec<f32>,
    },
    MaxPool([usize; 3]),
    Upsample([usize; 3]),
    Crop {
        from: [usize; 2],
        to: [usize; 2],
    },
    /// The input's part of the gates, and the recurrence.
    Lstm {
        input: Dense,
        recurrence: PackedLstm,
    },
    /// The values from this one on.
    Range(usize),
    /// All values again and again.
    Repeat,
    /// Each value with a value of the constant, which begins anew at its end.
    Arithmetic {
        operation: Arithmetic,
        constant: Vec<f32>,
    },
    /// The values at these places.
    Select(Vec<usize>),
    /// Of each input a row, one behind the other.
    Concat,
    /// 1 for a number, 0 for what is none.
    IsNumber,
    /// 1 where a value is that of the constant, else 0.
    EqualTo(Vec<f32>),
    /// 1 for 0, and 0 for 1.
    Not,
    /// Where the first is 1, the second, else the third.
    Choose([Operand; 3]),
    /// Each value, but not below the first or above the second.
    Clamp([f32; 2]),
    /// What a division by the constant leaves.
    Remainder(Vec<f32>),
    Sine,
    /// The place of the largest value, the first of equal ones.
    ArgMax,
    /// A matrix of so many rows and columns, column after column.
    Transpose([usize; 2]),
}

/// A row of values.
pub(super) enum Operand {
    /// The same for all rows.
    Constant(Vec<f32>),
    /// The step's input of this number.
    Input(usize),
}

impl Operand {
    fn of_row<'a>(&'a self, row: usize, width: usize, input: &impl Fn(usize) -> &'a [f32]) -> &'a [f32] {
        match self {
            Self::Constant(values) => values,
            Self::Input(number) => &input(*number)[row * width..][..width],
        }
    }
}

/// What is computed of a value and a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

impl Arithmetic {
    fn run(self, x: &[f32], constant: &[f32], out: &mut [f32]) {
        match self {
            Self::Add => with_constant(x, constant, out, |x, constant| x + constant),
            Self::Sub => with_constant(x, constant, out, |x, constant| x - constant),
            Self::Mul => with_constant(x, constant, out, |x, constant| x * constant),
            Self::Div => with_constant(x, constant, out, |x, constant| x / constant),
        }
    }
}

fn with_constant(x: &[f32], constant: &[f32], out: &mut [f32], compute: impl Fn(f32, f32) -> f32) {
    if let [constant] = *constant {
        out.iter_mut().zip(x).for_each(|(out, x)| *out = compute(*x, constant));
        return;
    }
    for (out, x) in out.chunks_exact_mut(constant.len()).zip(x.chunks_exact(constant.len())) {
        out.iter_mut().zip(x).zip(constant).for_each(|((out, x), constant)| *out = compute(*x, *constant));
    }
}

impl Network {
    /// Rows to compute at once when each thread has `share` of them.
    pub(crate) fn block_rows(&self, share: usize) -> usize {
        let outputs = self.steps.iter().filter(|step| matches!(step.to, Place::Output(_)));
        let written: usize = outputs.map(|step| step.to_len).sum();
        let most = if written < self.input_len { MAX_LONG_BLOCK_ROWS } else { MAX_BLOCK_ROWS };
        let rows = (share / BLOCKS_PER_THREAD).clamp(MAX_BLOCK_ROWS, most).min(share).next_multiple_of(8);
        rows.min((MAX_BLOCK_VALUES / self.between.max(1)).max(1))
    }

    /// The work of a row, in multiplications.
    pub(crate) fn work(&self) -> usize {
        self.steps.iter().map(Step::work).fold(0, usize::saturating_add)
    }

    /// Fails where a row asks for more than the limits allow.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), String> {
        let values = self.steps.iter().map(|step| step.to_len).fold(0, usize::saturating_add);
        within("row_values", "values of a row", limits.row_values, values)?;
        within("row_work", "multiplications for a row", limits.row_work, self.work())?;
        within("layers", "layers", limits.layers, self.steps.iter().filter(|step| step.has_weights()).count())
    }

    /// Computes the outputs with these `numbers` for all `rows`, on this thread.
    pub(crate) fn run<const N: usize>(&self, rows: &[f32], numbers: [usize; N], mut outputs: [&mut [f32]; N]) {
        let batch = rows.len() / self.input_len;
        with_scratch([batch * self.between], |[between]| {
            for step in &self.steps {
                let to_len = batch * step.to_len;
                // A layer's input is always before its output.
                let middle = if let Place::Between(start) = step.to { start * batch } else { between.len() };
                let (before, behind) = between.split_at_mut(middle);
                let read = |place: Place, len: usize| match place {
                    Place::Between(start) => &before[start * batch..][..batch * len],
                    _ => rows,
                };
                let input = |number: usize| match number.checked_sub(1) {
                    None => read(step.from, step.from_len),
                    Some(further) => read(step.also[further].0, step.also[further].1),
                };
                let out = match step.to {
                    Place::Output(number) => match numbers.iter().position(|&wanted| wanted == number) {
                        Some(index) => &mut *outputs[index],
                        None => continue,
                    },
                    _ => &mut behind[..to_len],
                };
                step.run(batch, input, out);
            }
        });
    }
}

impl Step {
    fn has_weights(&self) -> bool {
        matches!(self.layer, Layer::Dense(_) | Layer::Conv { .. } | Layer::Lstm { .. })
    }

    fn work(&self) -> usize {
        let activation = if matches!(self.activation, Activation::Sigmoid | Activation::Tanh) { 32 } else { 1 };
        let sums = match &self.layer {
            Layer::Dense(dense) => self.from_len * dense.outputs(),
            Layer::Conv { weight, bias, .. } => weight.len() * self.to_len / bias.len(),
            // Each step has products with the input and with the state, and five nonlinearities a unit.
            Layer::Lstm { input, .. } => self.from_len * input.outputs() + self.to_len * (input.outputs() + 5 * 32),
            _ => self.from_len,
        };
        sums + activation * self.to_len
    }

    /// Computes all rows; `input` gives the values of the inputs, from 0.
    fn run<'a>(&'a self, batch: usize, input: impl Fn(usize) -> &'a [f32], out: &mut [f32]) {
        let x = input(0);
        match &self.layer {
            Layer::Dense(dense) => return dense.forward(x, self.activation, out),
            Layer::Conv { conv, weight, bias } => Conv { batch, ..*conv }.forward(x, weight, bias, out),
            Layer::MaxPool([channels, height, width]) => max_pool2(batch * channels, *height, *width, x, out),
            Layer::Upsample([channels, height, width]) => upsample2(batch * channels, *height, *width, x, out),
            Layer::Crop { from, to } => crop(*from, *to, x, out),
            Layer::Lstm { input, recurrence } => with_scratch([4 * out.len()], |[projected]| {
                input.forward(x, Activation::None, projected);
                recurrence.forward(projected, out);
            }),
            Layer::Range(start) => {
                for (from, to) in x.chunks_exact(self.from_len).zip(out.chunks_exact_mut(self.to_len)) {
                    to.copy_from_slice(&from[*start..][..self.to_len]);
                }
            }
            Layer::Repeat => {
                for (from, to) in x.chunks_exact(self.from_len).zip(out.chunks_exact_mut(self.to_len)) {
                    to.chunks_exact_mut(self.from_len).for_each(|to| to.copy_from_slice(from));
                }
            }
            Layer::Select(places) => {
                for (from, to) in x.chunks_exact(self.from_len).zip(out.chunks_exact_mut(self.to_len)) {
                    to.iter_mut().zip(places).for_each(|(to, place)| *to = from[*place]);
                }
            }
            Layer::Concat => {
                for (row, mut to) in out.chunks_exact_mut(self.to_len).enumerate() {
                    let lens = iter::once(self.from_len).chain(self.also.iter().map(|(_, len)| *len));
                    for (number, len) in lens.enumerate() {
                        let part = to.split_off_mut(..len).unwrap_or_default();
                        part.copy_from_slice(&input(number)[row * len..][..len]);
                    }
                }
            }
            Layer::IsNumber => {
                out.iter_mut().zip(x).for_each(|(out, x)| *out = f32::from(u8::from(!x.is_nan())));
            }
            Layer::EqualTo(constant) => {
                with_constant(x, constant, out, |x, constant| f32::from(u8::from(x == constant)))
            }
            Layer::Not => out.iter_mut().zip(x).for_each(|(out, x)| *out = 1. - x),
            Layer::Choose(operands) => {
                for (row, out) in out.chunks_exact_mut(self.to_len).enumerate() {
                    let [condition, yes, no] =
                        operands.each_ref().map(|operand| operand.of_row(row, self.to_len, &input));
                    for (index, out) in out.iter_mut().enumerate() {
                        *out = if condition[index] == 0. { no[index] } else { yes[index] };
                    }
                }
            }
            Layer::Clamp([low, high]) => out.iter_mut().zip(x).for_each(|(out, x)| *out = x.clamp(*low, *high)),
            Layer::Remainder(constant) => with_constant(x, constant, out, |x, constant| x % constant),
            Layer::Sine => out.iter_mut().zip(x).for_each(|(out, x)| *out = x.sin()),
            Layer::ArgMax => {
                for (from, out) in x.chunks_exact(self.from_len).zip(&mut *out) {
                    let better =
                        |best: usize, (index, value): (usize, &f32)| if *value > from[best] { index } else { best };
                    *out = from.iter().enumerate().fold(0, better) as f32;
                }
            }
            Layer::Arithmetic { operation, constant } => operation.run(x, constant, out),
            Layer::Transpose([rows, columns]) => {
                for (from, to) in x.chunks_exact(self.from_len).zip(out.chunks_exact_mut(self.to_len)) {
                    for (column, to) in to.chunks_exact_mut(*rows).enumerate() {
                        let from = from[column..].iter().step_by(*columns);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
        if self.activation != Activation::None {
            activate(self.activation, out);
        }
    }
}
