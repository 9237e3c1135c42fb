//! Networks whose every layer has a kernel of ours, which is faster than the same graph on tract and allocates nothing.

mod attributes;
mod read;
mod refusal;

use kernels::{Activation, Conv, Dense, activate, crop, max_pool2, upsample2, with_scratch};

pub(crate) use read::read;

/// Values between the layers that a block of rows may have: 64 KiB, which the processor's own cache holds beside the
/// weights.
const BLOCK_VALUES: usize = 1 << 14;
/// The most rows of a block.
const BLOCK_ROWS: usize = 64;
/// The most rows of a block where rows are longer than their outputs: the next ones are read meanwhile.
const LONG_BLOCK_ROWS: usize = 256;
/// Blocks of a thread that are enough to share them evenly.
const BLOCKS: usize = 8;

/// Layers in an order in which each finds its input computed.
pub(crate) struct Network {
    input_len: usize,
    steps: Vec<Step>,
    /// Values between the layers, for one row.
    between: usize,
}

/// Where a layer's values lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Input,
    /// Behind so many others between the layers, for one row.
    Between(usize),
    /// The graph's output of this number.
    Output(usize),
}

/// One layer; lengths are those of one row.
struct Step {
    layer: Layer,
    activation: Activation,
    from: Place,
    to: Place,
    from_len: usize,
    to_len: usize,
}

/// Shapes are channels, height and width.
enum Layer {
    Dense(Dense),
    Conv { conv: Conv, weight: Vec<f32>, bias: Vec<f32> },
    MaxPool([usize; 3]),
    Upsample([usize; 3]),
    Crop { from: [usize; 2], to: [usize; 2] },
}

impl Network {
    /// How many rows to compute at once when a thread's share is so many.
    pub(crate) fn block_rows(&self, share: usize) -> usize {
        let outputs = self.steps.iter().filter(|step| matches!(step.to, Place::Output(_)));
        let written: usize = outputs.map(|step| step.to_len).sum();
        let most = if written < self.input_len { LONG_BLOCK_ROWS } else { BLOCK_ROWS };
        let rows = (share / BLOCKS).clamp(BLOCK_ROWS, most).min(share).next_multiple_of(8);
        rows.min((BLOCK_VALUES / self.between.max(1)).max(1))
    }

    /// About how many multiplications a row takes, or what takes as long.
    pub(crate) fn work(&self) -> usize {
        self.steps.iter().map(Step::work).sum()
    }

    /// Computes the outputs `numbers` of `rows`, each into its place in `outputs`, on this thread.
    pub(crate) fn run<const N: usize>(&self, rows: &[f32], numbers: [usize; N], mut outputs: [&mut [f32]; N]) {
        let batch = rows.len() / self.input_len;
        with_scratch([batch * self.between], |[between]| {
            for step in &self.steps {
                let (from_len, to_len) = (batch * step.from_len, batch * step.to_len);
                // A layer's input always lies before its output.
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
            Layer::Dense(dense) => dense.inputs() * dense.outputs(),
            Layer::Conv { weight, bias, .. } => weight.len() * self.to_len / bias.len(),
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
        }
        if self.activation != Activation::None {
            activate(self.activation, out);
        }
    }
}

#[cfg(test)]
mod tests;
