//! One layer on plain slices: forward, backward, and the packing of its weights.

use kernels::{
    Conv, Epilogue, FromSingleChannel, Lhs, UpsampledConv, UpsampledToSingleChannel, Windows, WinogradConv, gemm,
    transpose,
};

/// From this number of values on, the gradient of a weight does not fit a processor's fast cache.
const LARGE: usize = 1 << 15;
/// Values that a thread packs at once.
const PACK_LEN: usize = 1 << 13;
/// Values of a cache line: columns are shared between threads in multiples of it.
const LINE: usize = 16;

/// What a layer computes. Shapes are channels, height and width.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Linear,
    /// With `batch` 1.
    Conv(Conv),
    UpsampledConv(UpsampledConv),
    /// This and the next three: with channels last.
    FromSingleChannel(FromSingleChannel),
    Winograd(WinogradConv),
    UpsampledToSingleChannel(UpsampledToSingleChannel),
    /// A convolution with steps, with channels last, and a transposed one.
    Shrink(Windows),
    Enlarge(Windows),
    /// Height, width and channels.
    MaxPoolChannelsLast([usize; 3]),
    /// From channels first to channels last, or back: the rows and columns of the matrix that is transposed.
    Transpose([usize; 2]),
    MaxPool([usize; 3]),
    /// Every step of a sequence several times.
    RepeatSteps {
        features: usize,
        times: usize,
    },
    /// The first steps of a sequence.
    FirstSteps,
    Upsample([usize; 3]),
    Crop {
        from: [usize; 3],
        to: [usize; 2],
    },
}

/// One layer, and whether a ReLU follows.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) kind: Kind,
    pub(super) relu: bool,
    /// Values of a row of the input.
    pub(super) input: usize,
    /// Values of a row of the output.
    pub(super) output: usize,
    /// Values of the weight.
    pub(super) weight: usize,
    /// Values of the bias.
    pub(super) bias: usize,
}

/// The gradients of a layer's values.
pub(super) struct LayerGradients<'a> {
    /// That of the output; it becomes that of the values before the ReLU.
    pub(super) out: &'a mut [f32],
    /// Those of the parameters are added here, unless they are computed for all rows at once.
    pub(super) parameters: &'a mut [f32],
    /// That of the input is written here, where it is asked for.
    pub(super) x: Option<&'a mut [f32]>,
}

/// A layer's parameters.
#[derive(Clone, Copy, Default)]
pub(super) struct LayerWeights<'a> {
    pub(super) weight: &'a [f32],
    pub(super) bias: &'a [f32],
    /// The weight as the kernel takes it: of a linear layer, transposed.
    pub(super) packed: &'a [f32],
}

impl Layer {
    /// Values of all parameters.
    pub(super) fn parameters(&self) -> usize {
        self.weight + self.bias
    }

    /// Whether the gradient of the parameters is computed for all rows at once instead of being added up by each shard: so it
    /// is for large weights, of which every shard would need its own copy.
    pub(super) fn whole_batch_gradient(&self) -> bool {
        matches!(self.kind, Kind::Linear) && self.weight > LARGE
    }

    /// Values of the gradient that each shard adds up.
    pub(super) fn shard_gradient_len(&self) -> usize {
        if self.whole_batch_gradient() { 0 } else { self.weight_gradient_len() + self.bias }
    }

    /// Values of the weight's gradient before it is folded.
    fn weight_gradient_len(&self) -> usize {
        match self.kind {
            Kind::Winograd(conv) => conv.gradient_len(),
            Kind::UpsampledToSingleChannel(conv) => conv.gradient_len(),
            _ => self.weight,
        }
    }

    /// Whether the sum of the shards is that of a transformed weight, and must be folded to that of the weight.
    pub(super) fn folds(&self) -> bool {
        use Kind::{Enlarge, FromSingleChannel, Shrink, UpsampledToSingleChannel, Winograd};
        matches!(self.kind, FromSingleChannel(_) | Winograd(_) | UpsampledToSingleChannel(_) | Shrink(_) | Enlarge(_))
    }

    /// The gradients of the parameters from the sum of all shards.
    pub(super) fn fold(&self, sums: &[f32], gradients: &mut [f32]) {
        let ((sums, bias), (dweight, dbias)) =
            (sums.split_at(self.weight_gradient_len()), gradients.split_at_mut(self.weight));
        dbias.copy_from_slice(bias);
        match self.kind {
            Kind::FromSingleChannel(conv) => conv.fold_gradient(sums, dweight),
            Kind::Winograd(conv) => conv.fold_gradient(sums, dweight),
            Kind::UpsampledToSingleChannel(conv) => conv.fold_gradient(sums, dweight),
            Kind::Shrink(conv) | Kind::Enlarge(conv) => conv.fold_gradient(sums, dweight),
            _ => dweight.copy_from_slice(sums),
        }
    }

    /// Values of the packed weight.
    pub(super) fn packed_len(&self) -> usize {
        match self.kind {
            Kind::Linear | Kind::FromSingleChannel(_) => self.weight,
            Kind::Winograd(conv) => conv.transformed_len(),
            Kind::UpsampledToSingleChannel(conv) => conv.transformed_len(),
            Kind::Shrink(conv) | Kind::Enlarge(conv) => conv.packed_len(),
            _ => 0,
        }
    }

    /// How many of them a thread packs at once.
    pub(super) fn packed_part(&self) -> usize {
        match self.kind {
            Kind::Linear => (PACK_LEN / self.output).max(1).next_multiple_of(LINE) * self.output,
            _ => self.packed_len().max(1),
        }
    }

    /// Packs the weight; `out` begins at the value `first`.
    pub(super) fn pack(&self, weight: &[f32], first: usize, out: &mut [f32]) {
        match self.kind {
            Kind::FromSingleChannel(conv) => transpose(weight, weight.len() / conv.out_channels, 0, out),
            Kind::Winograd(conv) => conv.transform_weight(weight, out),
            Kind::UpsampledToSingleChannel(conv) => conv.transform_weight(weight, out),
            Kind::Shrink(conv) | Kind::Enlarge(conv) => conv.pack(weight, out),
            _ => transpose(weight, self.input, first / self.output, out),
        }
    }

    /// `x` `[batch, input] -> out` `[batch, output]`
    pub(super) fn forward(&self, weights: LayerWeights, x: &[f32], out: &mut [f32]) {
        let batch = x.len() / self.input;
        match self.kind {
            Kind::Linear => {
                let epilogue = if self.relu { Epilogue::Relu(weights.bias) } else { Epilogue::Bias(weights.bias) };
                return gemm(Lhs::Rows(x), weights.packed, [batch, self.input, self.output], epilogue, out);
            }
            Kind::Conv(conv) => Conv { batch, ..conv }.forward(x, weights.weight, weights.bias, out),
            Kind::UpsampledConv(conv) => UpsampledConv { batch, ..conv }.forward(x, weights.weight, weights.bias, out),
            Kind::FromSingleChannel(conv) => conv.forward(x, weights.packed, weights.bias, out),
            Kind::Winograd(conv) => conv.forward(x, weights.packed, weights.bias, out),
            Kind::UpsampledToSingleChannel(conv) => conv.forward(x, weights.packed, weights.bias[0], out),
            Kind::Shrink(conv) => conv.shrink(x, weights.packed, Some(weights.bias), out),
            Kind::Enlarge(conv) => conv.enlarge(x, weights.packed, Some(weights.bias), out),
            Kind::MaxPoolChannelsLast(size) => kernels::max_pool2_channels_last(size, x, out),
            Kind::Transpose(sizes) => transpose_each(sizes, x, out),
            Kind::RepeatSteps { features, times } => {
                let steps = x.chunks_exact(features).zip(out.chunks_exact_mut(times * features));
                steps.for_each(|(x, out)| out.chunks_exact_mut(features).for_each(|out| out.copy_from_slice(x)));
            }
            Kind::FirstSteps => {
                let rows = x.chunks_exact(self.input).zip(out.chunks_exact_mut(self.output));
                rows.for_each(|(x, out)| out.copy_from_slice(&x[..out.len()]));
            }
            Kind::MaxPool([channels, height, width]) => kernels::max_pool2(batch * channels, height, width, x, out),
            Kind::Upsample([channels, height, width]) => kernels::upsample2(batch * channels, height, width, x, out),
            Kind::Crop { from: [_, height, width], to } => kernels::crop([height, width], to, x, out),
        }
        if self.relu {
            kernels::relu_in_place(out);
        }
    }

    /// Takes the gradient of the output back to the parameters and the input.
    pub(super) fn backward(&self, weights: LayerWeights, [x, out]: [&[f32]; 2], gradients: LayerGradients) {
        let LayerGradients { out: grad, parameters, x: dx } = gradients;
        let batch = x.len() / self.input;
        if self.relu {
            kernels::relu_backward_in_place(out, grad);
        }
        if self.shard_gradient_len() > 0 {
            let (dweight, dbias) = parameters.split_at_mut(self.weight_gradient_len());
            match self.kind {
                Kind::FromSingleChannel(conv) => conv.backward(x, grad, dweight, dbias),
                Kind::Winograd(conv) => return conv.backward(x, weights.packed, grad, [dweight, dbias], dx),
                Kind::UpsampledToSingleChannel(conv) => {
                    return conv.backward(x, weights.packed, grad, [dweight, dbias], dx);
                }
                Kind::Shrink(conv) => {
                    conv.weight_gradient(x, grad, dweight);
                    kernels::add_rows(grad, conv.small[0], dbias);
                }
                Kind::Enlarge(conv) => {
                    conv.weight_gradient(grad, x, dweight);
                    kernels::add_rows(grad, conv.large[0], dbias);
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
            Kind::Shrink(conv) => conv.enlarge(grad, weights.packed, None, dx),
            Kind::Enlarge(conv) => conv.shrink(grad, weights.packed, None, dx),
            Kind::FromSingleChannel(conv) => conv.backward_input(weights.weight, grad, dx),
            Kind::MaxPoolChannelsLast(size) => kernels::max_pool2_channels_last_backward(size, x, [out, grad], dx),
            Kind::Transpose([rows, columns]) => transpose_each([columns, rows], grad, dx),
            Kind::RepeatSteps { features, times } => {
                dx.fill(0.);
                let steps = grad.chunks_exact(times * features).zip(dx.chunks_exact_mut(features));
                steps.for_each(|(grad, dx)| kernels::add_rows(grad, features, dx));
            }
            Kind::FirstSteps => {
                for (grad, dx) in grad.chunks_exact(self.output).zip(dx.chunks_exact_mut(self.input)) {
                    let (first, rest) = dx.split_at_mut(grad.len());
                    first.copy_from_slice(grad);
                    rest.fill(0.);
                }
            }
            Kind::MaxPool([channels, height, width]) => {
                kernels::max_pool2_backward(batch * channels, height, width, x, out, grad, dx)
            }
            Kind::Upsample([channels, height, width]) => {
                kernels::upsample2_backward(batch * channels, height, width, grad, dx)
            }
            Kind::Crop { from: [_, height, width], to } => kernels::crop_backward([height, width], to, grad, dx),
        }
    }

    /// The gradients of some units of a linear layer, from the unit `first` on, over all rows.
    pub(super) fn units_gradient(&self, [x, grad]: [&[f32]; 2], first: usize, [dweight, dbias]: [&mut [f32]; 2]) {
        let (rows, units) = (x.len() / self.input, dbias.len());
        let lhs = Lhs::Columns(&grad[first..], self.output);
        gemm(lhs, x, [units, rows, self.input], Epilogue::Set, dweight);
        dbias.fill(0.);
        kernels::add_rows(&grad[first..], self.output, dbias);
    }
}

/// Transposes each matrix `[rows, columns]`.
fn transpose_each([rows, columns]: [usize; 2], x: &[f32], out: &mut [f32]) {
    let size = rows * columns;
    for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        transpose(x, columns, 0, out);
    }
}
