//! Normalisation over a batch.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use kernels::Channels;

use crate::fused::{filled, is_f32_cpu, values, with_values};

/// What [`batch_norm`] gives.
pub(crate) struct Normalised {
    /// The shape of the input.
    pub(crate) values: Tensor,
    /// Of each channel of the batch, `[channels]`.
    pub(crate) mean: Tensor,
    pub(crate) variance: Tensor,
}

/// The channels of a row of the shape `dims`: the first dimension of an image `[c, h, w]`, the last one of rows and sequences.
pub(crate) fn channels(dims: &[usize]) -> Channels {
    match *dims {
        [channels, height, width] => Channels { outer: 1, channels, inner: height * width },
        [ref before @ .., channels] => Channels { outer: before.iter().product(), channels, inner: 1 },
        [] => Channels { outer: 0, channels: 0, inner: 1 },
    }
}

/// Those of a batch `[batch, ..]`.
fn channels_of_batch(dims: &[usize]) -> Channels {
    let Some((batch, dims)) = dims.split_first() else { return channels(dims) };
    let row = channels(dims);
    Channels { outer: batch * row.outer, ..row }
}

/// `by_channel`, `[channels]`, in a shape that spreads over `x`.
fn spread(by_channel: &Tensor, x: &Tensor) -> Result<Tensor> {
    if x.rank() == 4 { by_channel.reshape(((), 1, 1)) } else { Ok(by_channel.clone()) }
}

/// `x * scale + shift`, both `[channels]`; without a gradient by them.
pub(crate) fn scale_channels(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    if is_f32_cpu(x) && !x.track_op() {
        return x.contiguous()?.apply_op3_no_bwd(scale, shift, &Scale);
    }
    x.broadcast_mul(&spread(scale, x)?)?.broadcast_add(&spread(shift, x)?)
}

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and variance those of each channel of `x`.
pub(crate) fn batch_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Normalised> {
    if !is_f32_cpu(x) {
        return composed(x, weight, bias, epsilon);
    }
    let channels = channels_of_batch(x.dims());
    let [mut mean, mut variance] = [0, 1].map(|_| vec![0.; channels.channels]);
    with_values(&[x], |slices| channels.statistics(slices[0], &mut mean, &mut variance))?;
    let inverse = variance.iter().map(|variance| 1. / (variance + epsilon as f32).sqrt()).collect();
    let tensor = |values: &[f32]| Tensor::new(values, x.device());
    let (batch_mean, batch_variance) = (tensor(&mean)?, tensor(&variance)?);
    let values = x.apply_op3(weight, bias, BatchNorm { mean, inverse })?;
    Ok(Normalised { values, mean: batch_mean, variance: batch_variance })
}

/// The same of candle's operators.
pub(super) fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Normalised> {
    let by_channel = if x.rank() == 4 { x.transpose(0, 1)? } else { x.flatten_to(x.rank() - 2)?.t()? };
    let by_channel = by_channel.contiguous()?.flatten_from(1)?;
    let mean = by_channel.mean(1)?;
    let variance = by_channel.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
    let root = (&variance + epsilon)?.sqrt()?;
    let normal = x.broadcast_sub(&spread(&mean, x)?)?.broadcast_div(&spread(&root, x)?)?;
    let values = normal.broadcast_mul(&spread(weight, x)?)?.broadcast_add(&spread(bias, x)?)?;
    Ok(Normalised { values, mean, variance })
}

struct Scale;

impl CustomOp3 for Scale {
    fn name(&self) -> &'static str {
        "scale-channels"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let channels = channels_of_batch(x_layout.dims());
        let factors = [values(scale, scale_layout)?, values(shift, shift_layout)?];
        let x = values(x, x_layout)?;
        filled(x_layout.shape().clone(), |out| channels.scale(x, factors, out))
    }
}

/// By the statistics of the input: its mean, and one divided by its standard deviation.
struct BatchNorm {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let channels = channels_of_batch(x_layout.dims());
        let (weight, bias) = (values(weight, weight_layout)?, values(bias, bias_layout)?);
        let x = values(x, x_layout)?;
        let statistics = [&self.mean[..], &self.inverse];
        filled(x_layout.shape().clone(), |out| channels.normalise(x, statistics, [weight, bias], out))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = x.apply_op3_no_bwd(weight, &grad.contiguous()?, &Gradients { of: self })?;
        let (count, channels) = (x.elem_count(), weight.elem_count());
        let part = |start: usize| gradients.narrow(0, start, channels);
        let dx = gradients.narrow(0, 0, count)?.reshape(x.shape())?;
        Ok((Some(dx), Some(part(count)?), Some(part(count + channels)?)))
    }
}

/// From rows, weight and the gradient of the output: the gradient of the rows, followed by those of weight and bias.
struct Gradients<'a> {
    of: &'a BatchNorm,
}

impl CustomOp3 for Gradients<'_> {
    fn name(&self) -> &'static str {
        "batch-norm-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let channels = channels_of_batch(x_layout.dims());
        let BatchNorm { mean, inverse } = self.of;
        let (x, weight, grad) = (values(x, x_layout)?, values(weight, weight_layout)?, values(grad, grad_layout)?);
        filled(x.len() + 2 * weight.len(), |all| {
            let (dx, rest) = all.split_at_mut(x.len());
            let (dweight, dbias) = rest.split_at_mut(weight.len());
            channels.parameter_gradients([x, grad], [mean, inverse], [&mut *dweight, &mut *dbias]);
            channels.input_gradient([x, grad], [mean, inverse, weight], [dweight, dbias], dx);
        })
    }
}
