//! One layer of a chain on plain slices.

use kernels::conv::{self, Conv};
use kernels::product::{Left, Store, product, transpose};
use kernels::upconv::{self, UpConv};
use kernels::{elementwise, pool};

/// Values of a weight whose gradient a processor's fast cache does not hold.
const LARGE: usize = 1 << 15;

/// What a layer does; shapes are channels, height and width.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Linear,
    /// Of one image.
    Conv(Conv),
    UpConv(UpConv),
    MaxPool([usize; 3]),
    Upsample([usize; 3]),
    Crop {
        from: [usize; 3],
        to: [usize; 2],
    },
}

/// One layer, and whether a ReLU follows.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) kind: Kind,
    pub(super) relu: bool,
    /// Values of a row that comes in and of one that goes out.
    pub(super) input: usize,
    pub(super) output: usize,
    /// Values of its weight and of its bias.
    pub(super) weight: usize,
    pub(super) bias: usize,
}

/// A layer's parameters.
#[derive(Clone, Copy, Default)]
pub(super) struct Weights<'a> {
    pub(super) weight: &'a [f32],
    pub(super) bias: &'a [f32],
    /// The weight's transpose, of a linear layer.
    pub(super) turned: &'a [f32],
}

impl Stage {
    /// Values of its parameters.
    pub(super) fn parameters(&self) -> usize {
        self.weight + self.bias
    }

    /// Whether the parameters' gradient is one product for all rows instead of added up along each lane of them: large weights,
    /// of which every lane would have its own sum.
    pub(super) fn at_once(&self) -> bool {
        matches!(self.kind, Kind::Linear) && self.weight > LARGE
    }

    /// Values of the gradient that lanes add up.
    pub(super) fn in_lanes(&self) -> usize {
        if self.at_once() { 0 } else { self.parameters() }
    }

    /// Values of the transposed weight.
    pub(super) fn turned(&self) -> usize {
        if let Kind::Linear = self.kind { self.weight } else { 0 }
    }

    /// The columns of the weight from `first` on, as rows.
    pub(super) fn turn(&self, weight: &[f32], first: usize, out: &mut [f32]) {
        transpose(weight, self.input, first, out);
    }

    /// `x` `[batch, input] -> out` `[batch, output]`
    pub(super) fn forward(&self, weights: Weights, x: &[f32], out: &mut [f32]) {
        let batch = x.len() / self.input;
        match self.kind {
            Kind::Linear => {
                let store = if self.relu { Store::Relu(weights.bias) } else { Store::Bias(weights.bias) };
                return product(Left::Rows(x), weights.turned, [batch, self.input, self.output], store, out);
            }
            Kind::Conv(conv) => conv::forward(&Conv { batch, ..conv }, x, weights.weight, weights.bias, out),
            Kind::UpConv(conv) => upconv::forward(&UpConv { batch, ..conv }, x, weights.weight, weights.bias, out),
            Kind::MaxPool([channels, height, width]) => pool::max_pool2(batch * channels, height, width, x, out),
            Kind::Upsample([channels, height, width]) => pool::upsample2(batch * channels, height, width, x, out),
            Kind::Crop { from: [_, height, width], to } => pool::crop([height, width], to, x, out),
        }
        if self.relu {
            elementwise::relu_in_place(out);
        }
    }

    /// Adds the gradients of the parameters to `gradients`, unless they come at once for all rows, and sets `dx`, if it
    /// is asked for. `grad`, that of the output, becomes that of what was there before a ReLU.
    pub(super) fn backward(
        &self,
        weights: Weights,
        [x, out]: [&[f32]; 2],
        grad: &mut [f32],
        gradients: &mut [f32],
        dx: Option<&mut [f32]>,
    ) {
        let batch = x.len() / self.input;
        if self.relu {
            elementwise::mask_in_place(out, grad);
        }
        if self.in_lanes() > 0 {
            let (dweight, dbias) = gradients.split_at_mut(self.weight);
            match self.kind {
                Kind::Conv(conv) => conv::backward_weight(&Conv { batch, ..conv }, x, grad, dweight, dbias),
                Kind::UpConv(conv) => upconv::backward_weight(&UpConv { batch, ..conv }, x, grad, dweight, dbias),
                _ => {
                    let left = Left::Columns(grad, self.output);
                    product(left, x, [self.output, batch, self.input], Store::Add, dweight);
                    elementwise::add_rows(grad, self.output, dbias);
                }
            }
        }
        let Some(dx) = dx else { return };
        match self.kind {
            Kind::Linear => product(Left::Rows(grad), weights.weight, [batch, self.output, self.input], Store::Set, dx),
            Kind::Conv(conv) => conv::backward_input(&Conv { batch, ..conv }, grad, weights.weight, dx),
            Kind::UpConv(conv) => upconv::backward_input(&UpConv { batch, ..conv }, grad, weights.weight, dx),
            Kind::MaxPool([channels, height, width]) => {
                pool::max_pool2_backward(batch * channels, height, width, x, out, grad, dx)
            }
            Kind::Upsample([channels, height, width]) => {
                pool::upsample2_backward(batch * channels, height, width, grad, dx)
            }
            Kind::Crop { from: [_, height, width], to } => pool::crop_backward([height, width], to, grad, dx),
        }
    }

    /// The gradients of some units of a linear layer, the ones from `first` on, from all rows' input and gradient.
    pub(super) fn units_gradient(&self, [x, grad]: [&[f32]; 2], first: usize, [dweight, dbias]: [&mut [f32]; 2]) {
        let (rows, units) = (x.len() / self.input, dbias.len());
        let left = Left::Columns(&grad[first..], self.output);
        product(left, x, [units, rows, self.input], Store::Set, dweight);
        dbias.fill(0.);
        elementwise::add_rows(&grad[first..], self.output, dbias);
    }
}
