//! One layer of a chain on plain slices.

use kernels::channels_last::{self, FromOne, Tiled, UpToOne};
use kernels::conv::{self, Conv};
use kernels::product::{Left, Store, product, transpose};
use kernels::upconv::{self, UpConv};
use kernels::{elementwise, pool};

/// Values of a weight whose gradient a processor's fast cache does not hold.
const LARGE: usize = 1 << 15;

/// Values that a thread transposes at once, and what columns are shared out in multiples of: those that a cache line holds.
const TURNED: usize = 1 << 13;
const LINE: usize = 16;

/// What a layer does; shapes are channels, height and width.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Linear,
    /// Of one image.
    Conv(Conv),
    UpConv(UpConv),
    /// The following four with the channels last.
    FromOne(FromOne),
    Tiled(Tiled),
    UpToOne(UpToOne),
    /// Of height, width and channels.
    MaxPoolLast([usize; 3]),
    /// From one order to the other: the rows and columns of the transposed matrix.
    Turn([usize; 2]),
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
    /// The weight's transpose, of a linear layer, or what else its kernel takes of it.
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
        if self.at_once() { 0 } else { self.weight_sums() + self.bias }
    }

    /// Values that the weight's gradient is made of at last.
    fn weight_sums(&self) -> usize {
        match self.kind {
            Kind::Tiled(conv) => conv.sums(),
            Kind::UpToOne(conv) => conv.sums(),
            _ => self.weight,
        }
    }

    /// Whether what lanes add up is not the gradient yet.
    pub(super) fn folds(&self) -> bool {
        matches!(self.kind, Kind::FromOne(_) | Kind::Tiled(_) | Kind::UpToOne(_))
    }

    /// The gradients of the parameters from what all lanes add up.
    pub(super) fn fold(&self, sums: &[f32], gradients: &mut [f32]) {
        let ((sums, bias), (dweight, dbias)) = (sums.split_at(self.weight_sums()), gradients.split_at_mut(self.weight));
        dbias.copy_from_slice(bias);
        match self.kind {
            Kind::FromOne(conv) => conv.fold(sums, dweight),
            Kind::Tiled(conv) => conv.fold(sums, dweight),
            Kind::UpToOne(conv) => conv.fold(sums, dweight),
            _ => dweight.copy_from_slice(sums),
        }
    }

    /// Values of the transposed weight, or of what else the kernel takes of it.
    pub(super) fn turned(&self) -> usize {
        match self.kind {
            Kind::Linear | Kind::FromOne(_) => self.weight,
            Kind::Tiled(conv) => conv.transformed(),
            Kind::UpToOne(conv) => conv.transformed(),
            _ => 0,
        }
    }

    /// As many of them as a thread makes at once.
    pub(super) fn turned_part(&self) -> usize {
        match self.kind {
            Kind::Linear => (TURNED / self.output).max(1).next_multiple_of(LINE) * self.output,
            _ => self.turned().max(1),
        }
    }

    /// Those from `first` on.
    pub(super) fn turn(&self, weight: &[f32], first: usize, out: &mut [f32]) {
        match self.kind {
            Kind::FromOne(conv) => transpose(weight, weight.len() / conv.out_channels, 0, out),
            Kind::Tiled(conv) => conv.transform(weight, out),
            Kind::UpToOne(conv) => conv.transform(weight, out),
            _ => transpose(weight, self.input, first / self.output, out),
        }
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
            Kind::FromOne(conv) => conv.forward(x, weights.turned, weights.bias, out),
            Kind::Tiled(conv) => conv.forward(x, weights.turned, weights.bias, out),
            Kind::UpToOne(conv) => conv.forward(x, weights.turned, weights.bias[0], out),
            Kind::MaxPoolLast(size) => channels_last::max_pool2(size, x, out),
            Kind::Turn(sizes) => turn(sizes, x, out),
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
            let (dweight, dbias) = gradients.split_at_mut(self.weight_sums());
            match self.kind {
                Kind::FromOne(conv) => conv.backward(x, grad, dweight, dbias),
                Kind::Tiled(conv) => return conv.backward(x, weights.turned, grad, [dweight, dbias], dx),
                Kind::UpToOne(conv) => return conv.backward(x, weights.turned, grad, [dweight, dbias], dx),
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
            Kind::Tiled(_) | Kind::UpToOne(_) => {}
            Kind::FromOne(conv) => conv.backward_input(weights.weight, grad, dx),
            Kind::MaxPoolLast(size) => channels_last::max_pool2_backward(size, x, [out, grad], dx),
            Kind::Turn([rows, columns]) => turn([columns, rows], grad, dx),
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

/// Each matrix `[rows, columns]` transposed.
fn turn([rows, columns]: [usize; 2], x: &[f32], out: &mut [f32]) {
    let size = rows * columns;
    for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        transpose(x, columns, 0, out);
    }
}
