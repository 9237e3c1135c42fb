//! A network of layers that all have a kernel, and how it computes a block of rows.

use kernels::{Activation, Conv, Dense, PackedLstm, activate, crop, max_pool2, upsample2, with_scratch};

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
    /// A matrix of so many rows and columns, column after column.
    Transpose([usize; 2]),
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
        self.steps.iter().map(Step::work).sum()
    }

    /// Computes the outputs with these `numbers` for all `rows`, on this thread.
    pub(crate) fn run<const N: usize>(&self, rows: &[f32], numbers: [usize; N], mut outputs: [&mut [f32]; N]) {
        let batch = rows.len() / self.input_len;
        with_scratch([batch * self.between], |[between]| {
            for step in &self.steps {
                let (from_len, to_len) = (batch * step.from_len, batch * step.to_len);
                // A layer's input is always before its output.
                let middle = if let Place::Between(start) = step.to { start * batch } else { between.len() };
                let (before, behind) = between.split_at_mut(middle);
                let x = match step.from {
                    Place::Between(start) => &before[start * batch..][..from_len],
                    _ => rows,
                };
                let out = match step.to {
                    Place::Output(number) => match numbers.iter().position(|&wanted| wanted == number) {
                        Some(index) => &mut *outputs[index],
                        None => continue,
                    },
                    _ => &mut behind[..to_len],
                };
                step.run(batch, x, out);
            }
        });
    }
}

impl Step {
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

    fn run(&self, batch: usize, x: &[f32], out: &mut [f32]) {
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
