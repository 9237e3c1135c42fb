//! One layer of a chain on plain slices.

use kernels::{
    Conv, Epilogue, FromSingleChannel, Lhs, UpsampledConv, UpsampledToSingleChannel, WinogradConv, gemm, transpose,
};

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
    UpsampledConv(UpsampledConv),
    /// The following four with the channels last.
    FromSingleChannel(FromSingleChannel),
    Winograd(WinogradConv),
    UpsampledToSingleChannel(UpsampledToSingleChannel),
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
            Kind::Winograd(conv) => conv.gradient_len(),
            Kind::UpsampledToSingleChannel(conv) => conv.gradient_len(),
            _ => self.weight,
        }
    }

    /// Whether what lanes add up is not the gradient yet.
    pub(super) fn folds(&self) -> bool {
        matches!(self.kind, Kind::FromSingleChannel(_) | Kind::Winograd(_) | Kind::UpsampledToSingleChannel(_))
    }

    /// The gradients of the parameters from what all lanes add up.
    pub(super) fn fold(&self, sums: &[f32], gradients: &mut [f32]) {
        let ((sums, bias), (dweight, dbias)) = (sums.split_at(self.weight_sums()), gradients.split_at_mut(self.weight));
        dbias.copy_from_slice(bias);
        match self.kind {
            Kind::FromSingleChannel(conv) => conv.fold_gradient(sums, dweight),
            Kind::Winograd(conv) => conv.fold_gradient(sums, dweight),
            Kind::UpsampledToSingleChannel(conv) => conv.fold_gradient(sums, dweight),
            _ => dweight.copy_from_slice(sums),
        }
    }

    /// Values of the transposed weight, or of what else the kernel takes of it.
    pub(super) fn turned(&self) -> usize {
        match self.kind {
            Kind::Linear | Kind::FromSingleChannel(_) => self.weight,
            Kind::Winograd(conv) => conv.transformed_len(),
            Kind::UpsampledToSingleChannel(conv) => conv.transformed_len(),
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
            Kind::FromSingleChannel(conv) => transpose(weight, weight.len() / conv.out_channels, 0, out),
            Kind::Winograd(conv) => conv.transform_weight(weight, out),
            Kind::UpsampledToSingleChannel(conv) => conv.transform_weight(weight, out),
            _ => transpose(weight, self.input, first / self.output, out),
        }
    }

    /// `x` `[batch, input] -> out` `[batch, output]`
    pub(super) fn forward(&self, weights: Weights, x: &[f32], out: &mut [f32]) {
        let batch = x.len() / self.input;
        match self.kind {
            Kind::Linear => {
                let epilogue = if self.relu { Epilogue::Relu(weights.bias) } else { Epilogue::Bias(weights.bias) };
                return gemm(Lhs::Rows(x), weights.turned, [batch, self.input, self.output], epilogue, out);
            }
            Kind::Conv(conv) => Conv { batch, ..conv }.forward(x, weights.weight, weights.bias, out),
            Kind::UpsampledConv(conv) => UpsampledConv { batch, ..conv }.forward(x, weights.weight, weights.bias, out),
            Kind::FromSingleChannel(conv) => conv.forward(x, weights.turned, weights.bias, out),
            Kind::Winograd(conv) => conv.forward(x, weights.turned, weights.bias, out),
            Kind::UpsampledToSingleChannel(conv) => conv.forward(x, weights.turned, weights.bias[0], out),
            Kind::MaxPoolLast(size) => kernels::max_pool2_channels_last(size, x, out),
            Kind::Turn(sizes) => turn(sizes, x, out),
            Kind::MaxPool([channels, height, width]) => kernels::max_pool2(batch * channels, height, width, x, out),
            Kind::Upsample([channels, height, width]) => kernels::upsample2(batch * channels, height, width, x, out),
            Kind::Crop { from: [_, height, width], to } => kernels::crop([height, width], to, x, out),
        }
        if self.relu {
            kernels::relu_in_place(out);
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
            kernels::relu_backward_in_place(out, grad);
        }
        if self.in_lanes() > 0 {
            let (dweight, dbias) = gradients.split_at_mut(self.weight_sums());
            match self.kind {
                Kind::FromSingleChannel(conv) => conv.backward(x, grad, dweight, dbias),
                Kind::Winograd(conv) => return conv.backward(x, weights.turned, grad, [dweight, dbias], dx),
                Kind::UpsampledToSingleChannel(conv) => {
                    return conv.backward(x, weights.turned, grad, [dweight, dbias], dx);
                }
                Kind::Conv(conv) => Conv { batch, ..conv }.backward_weight(x, grad, dweight, dbias),
                Kind::UpsampledConv(conv) => UpsampledConv { batch, ..conv }.backward_weight(x, grad, dweight, dbias),
                _ => {
                    let lhs = Lhs::Columns(grad, self.output);
                    gemm(lhs, x, [self.output, batch, self.input], Epilogue::Add, dweight);
                    kernels::add_rows(grad, self.output, dbias);
                }
            }
        }
        let Some(dx) = dx else { return };
        match self.kind {
            Kind::Linear => gemm(Lhs::Rows(grad), weights.weight, [batch, self.output, self.input], Epilogue::Set, dx),
            Kind::Conv(conv) => Conv { batch, ..conv }.backward_input(grad, weights.weight, dx),
            Kind::UpsampledConv(conv) => UpsampledConv { batch, ..conv }.backward_input(grad, weights.weight, dx),
            Kind::Winograd(_) | Kind::UpsampledToSingleChannel(_) => {}
            Kind::FromSingleChannel(conv) => conv.backward_input(weights.weight, grad, dx),
            Kind::MaxPoolLast(size) => kernels::max_pool2_channels_last_backward(size, x, [out, grad], dx),
            Kind::Turn([rows, columns]) => turn([columns, rows], grad, dx),
            Kind::MaxPool([channels, height, width]) => {
                kernels::max_pool2_backward(batch * channels, height, width, x, out, grad, dx)
            }
            Kind::Upsample([channels, height, width]) => {
                kernels::upsample2_backward(batch * channels, height, width, grad, dx)
            }
            Kind::Crop { from: [_, height, width], to } => kernels::crop_backward([height, width], to, grad, dx),
        }
    }

    /// The gradients of some units of a linear layer, the ones from `first` on, from all rows' input and gradient.
    pub(super) fn units_gradient(&self, [x, grad]: [&[f32]; 2], first: usize, [dweight, dbias]: [&mut [f32]; 2]) {
        let (rows, units) = (x.len() / self.input, dbias.len());
        let lhs = Lhs::Columns(&grad[first..], self.output);
        gemm(lhs, x, [units, rows, self.input], Epilogue::Set, dweight);
        dbias.fill(0.);
        kernels::add_rows(&grad[first..], self.output, dbias);
    }
}

/// Each matrix `[rows, columns]` transposed.
fn turn([rows, columns]: [usize; 2], x: &[f32], out: &mut [f32]) {
    let size = rows * columns;
    for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        transpose(x, columns, 0, out);
    }
}
