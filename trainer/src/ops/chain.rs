//! Convolutions, pooling, enlarging and ReLU in a row as one operator: a few images at a time go through all of them, so that
//! what lies between the layers never leaves the processor's cache.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use candle_nn::{Conv2d, Conv2dConfig};
use rayon::prelude::*;

use super::storage::{filled, takes, values};
use kernels::conv::{self, Conv};
use kernels::scratch::with_scratch;
use kernels::{elementwise, pool};

/// Images that go through the layers together. Gradients of weights are summed over these shards in order, so they do not
/// depend on the number of threads.
const SHARD: usize = 16;

#[derive(Clone, Copy)]
enum Kind {
    Conv { kernel: usize, padding: usize },
    MaxPool,
    Upsample,
    Crop,
}

/// One layer, and whether a ReLU follows; shapes are channels, height and width.
#[derive(Clone)]
struct Stage {
    kind: Kind,
    relu: bool,
    input: [usize; 3],
    output: [usize; 3],
    /// Where its weight and, behind it, its bias lie among all parameters.
    parameters: Range<usize>,
}

impl Stage {
    fn conv(&self, batch: usize) -> Conv {
        let Kind::Conv { kernel, padding } = self.kind else { unreachable!("only convolutions have parameters") };
        let ([in_channels, height, width], [out_channels, ..]) = (self.input, self.output);
        Conv { batch, in_channels, height, width, out_channels, kernel, padding }
    }

    fn weight_and_bias<'a>(&self, parameters: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        let own = &parameters[self.parameters.clone()];
        own.split_at(own.len() - self.output[0])
    }

    fn forward(&self, batch: usize, parameters: &[f32], x: &[f32], out: &mut [f32]) {
        let [channels, height, width] = self.input;
        let planes = batch * channels;
        match self.kind {
            Kind::Conv { .. } => {
                let (weight, bias) = self.weight_and_bias(parameters);
                conv::forward(&self.conv(batch), x, weight, bias, out);
            }
            Kind::MaxPool => pool::max_pool2(planes, height, width, x, out),
            Kind::Upsample => pool::upsample2(planes, height, width, x, out),
            Kind::Crop => pool::crop([height, width], [self.output[1], self.output[2]], x, out),
        }
        if self.relu {
            elementwise::relu_in_place(out);
        }
    }

    /// Adds nothing up: `gradients` of the parameters are this shard's alone. `dx` is left as it is where no one asks for it.
    fn backward(
        &self,
        batch: usize,
        parameters: &[f32],
        [x, out]: [&[f32]; 2],
        grad: &mut [f32],
        gradients: &mut [f32],
        dx: Option<&mut [f32]>,
    ) {
        let [channels, height, width] = self.input;
        let planes = batch * channels;
        if self.relu {
            elementwise::mask_in_place(out, grad);
        }
        if let Kind::Conv { .. } = self.kind {
            let own = &mut gradients[self.parameters.clone()];
            let (dweight, dbias) = own.split_at_mut(own.len() - self.output[0]);
            conv::backward_weight(&self.conv(batch), x, grad, dweight, dbias);
        }
        let Some(dx) = dx else { return };
        match self.kind {
            Kind::Conv { .. } => conv::backward_input(&self.conv(batch), grad, self.weight_and_bias(parameters).0, dx),
            Kind::MaxPool => pool::max_pool2_backward(planes, height, width, x, out, grad, dx),
            Kind::Upsample => pool::upsample2_backward(planes, height, width, grad, dx),
            Kind::Crop => pool::crop_backward([height, width], [self.output[1], self.output[2]], grad, dx),
        }
    }
}

/// Layers on images in a row.
#[derive(Clone)]
pub(crate) struct Chain {
    input: [usize; 3],
    stages: Vec<Stage>,
    /// Weights and biases in turn.
    parameters: Vec<Tensor>,
}

impl Chain {
    /// An empty chain for `x` `[batch, channels, height, width]`; nothing where there are no kernels for it.
    pub(crate) fn new(x: &Tensor) -> Option<Self> {
        let &[batch, channels, height, width] = x.dims() else { return None };
        let fits = takes(x) && batch * channels * height * width > 0;
        fits.then(|| Self { input: [channels, height, width], stages: vec![], parameters: vec![] })
    }

    /// What the chain gives: channels, height and width.
    fn output(&self) -> [usize; 3] {
        self.stages.last().map_or(self.input, |stage| stage.output)
    }

    fn push(&mut self, kind: Kind, output: [usize; 3], parameters: usize) -> bool {
        let start = self.stages.last().map_or(0, |stage| stage.parameters.end);
        let parameters = start..start + parameters;
        self.stages.push(Stage { kind, relu: false, input: self.output(), output, parameters });
        true
    }

    /// Appends a convolution, if there is a kernel for it.
    pub(crate) fn conv(&mut self, layer: &Conv2d) -> bool {
        let Conv2dConfig { padding, stride: 1, dilation: 1, groups: 1, .. } = *layer.config() else { return false };
        let (&[out_channels, in_channels, kernel, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else {
            return false;
        };
        let [channels, rows, columns] = self.output();
        let around = 2 * padding;
        let square = kernel == width && kernel % 2 == 1;
        if !square || padding >= kernel || channels != in_channels || rows.min(columns) + around < kernel {
            return false;
        }
        self.parameters.extend([layer.weight().clone(), bias.clone()]);
        let output = [out_channels, rows + around + 1 - kernel, columns + around + 1 - kernel];
        self.push(Kind::Conv { kernel, padding }, output, layer.weight().elem_count() + out_channels)
    }

    /// Appends the largest value of each 2 x 2 pixels.
    pub(crate) fn max_pool2(&mut self) -> bool {
        let [channels, height, width] = self.output();
        self.push(Kind::MaxPool, [channels, height.div_ceil(2), width.div_ceil(2)], 0)
    }

    /// Appends every pixel four times.
    pub(crate) fn upsample2(&mut self) -> bool {
        let [channels, height, width] = self.output();
        self.push(Kind::Upsample, [channels, 2 * height, 2 * width], 0)
    }

    /// Appends the top left part.
    pub(crate) fn crop(&mut self, [height, width]: [usize; 2]) -> bool {
        let [channels, rows, columns] = self.output();
        height <= rows && width <= columns && self.push(Kind::Crop, [channels, height, width], 0)
    }

    /// Appends max(x, 0); not as the first layer.
    pub(crate) fn relu(&mut self) -> bool {
        self.stages.last_mut().map(|stage| stage.relu = true).is_some()
    }

    /// Whether it has no layers.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// All layers: `[batch, channels, height, width] -> [batch, channels', height', width']`.
    pub(crate) fn forward(self, x: &Tensor) -> Result<Tensor> {
        let rows = self.parameters.iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
        let parameters =
            if rows.is_empty() { Tensor::zeros(0, x.dtype(), x.device())? } else { Tensor::cat(&rows, 0)? };
        x.contiguous()?.apply_op2(&parameters, self)
    }

    /// Values between the layers and behind the last, for one image.
    fn outputs(&self) -> usize {
        self.stages.iter().map(|stage| size(stage.output)).sum()
    }

    /// Takes images through all layers; `outputs` holds what each gives, one after the other.
    fn run(&self, parameters: &[f32], images: &[f32], outputs: &mut [f32]) {
        let batch = images.len() / size(self.input);
        let mut rest = outputs;
        let mut x = images;
        for stage in &self.stages {
            let (out, others) = rest.split_at_mut(batch * size(stage.output));
            stage.forward(batch, parameters, x, out);
            (x, rest) = (out, others);
        }
    }

    /// The gradients of a shard of images: `grad` is that of the output, `dx` is for that of the input.
    fn run_backward(
        &self,
        parameters: &[f32],
        images: &[f32],
        grad: &[f32],
        gradients: &mut [f32],
        mut dx: Option<&mut [f32]>,
    ) {
        let batch = images.len() / size(self.input);
        let largest =
            batch * self.stages.iter().map(|stage| size(stage.output).max(size(stage.input))).max().unwrap_or(0);
        let all = batch * self.outputs();
        with_scratch([all, largest, largest], |[outputs, mut above, mut below]| {
            // Computed anew: writing them in the forward pass and reading them here costs more, from memory.
            self.run(parameters, images, outputs);
            above[..grad.len()].copy_from_slice(grad);
            let mut end = all;
            for (index, stage) in self.stages.iter().enumerate().rev() {
                let (out_len, in_len) = (batch * size(stage.output), batch * size(stage.input));
                let (before, out) = outputs[..end].split_at(end - out_len);
                end -= out_len;
                let above_grad = &mut above[..out_len];
                if index == 0 {
                    stage.backward(batch, parameters, [images, out], above_grad, gradients, dx.take());
                } else {
                    let x = &before[before.len() - in_len..];
                    stage.backward(batch, parameters, [x, out], above_grad, gradients, Some(&mut below[..in_len]));
                    std::mem::swap(&mut above, &mut below);
                }
            }
        });
    }
}

fn size(shape: [usize; 3]) -> usize {
    shape.iter().product()
}

impl CustomOp2 for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, parameters) = (values(x, x_layout)?, values(parameters, parameters_layout)?);
        let [channels, height, width] = self.output();
        filled((x_layout.dims()[0], channels, height, width), |out| {
            let shards = x.par_chunks(SHARD * size(self.input)).zip(out.par_chunks_mut(SHARD * size(self.output())));
            shards.for_each(|(images, out)| {
                let all = images.len() / size(self.input) * self.outputs();
                with_scratch([all], |[outputs]| {
                    self.run(parameters, images, outputs);
                    out.copy_from_slice(&outputs[all - out.len()..]);
                });
            });
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // No one asks for the gradient of the rows themselves.
        let input = x.track_op();
        let gradients = x.apply_op3_no_bwd(parameters, &grad.contiguous()?, &Gradients { chain: self, input })?;
        let count = parameters.elem_count();
        let dx = input.then(|| gradients.narrow(0, count, x.elem_count())?.reshape(x.shape())).transpose()?;
        Ok((dx, Some(gradients.narrow(0, 0, count)?)))
    }
}

/// From images, parameters and the gradient of the output: the gradient of the parameters and, if wanted, that of the images
/// behind it.
struct Gradients<'a> {
    chain: &'a Chain,
    input: bool,
}

impl CustomOp3 for Gradients<'_> {
    fn name(&self) -> &'static str {
        "chain-gradients"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, parameters) = (values(x, x_layout)?, values(parameters, parameters_layout)?);
        let (grad, chain) = (values(grad, grad_layout)?, self.chain);
        let (image, output) = (size(chain.input), size(chain.output()));
        filled(parameters.len() + if self.input { x.len() } else { 0 }, |all| {
            let (sum, dx) = all.split_at_mut(parameters.len());
            let shards: Vec<_> = x.chunks(SHARD * image).zip(grad.chunks(SHARD * output)).collect();
            let mut inputs: Vec<Option<&mut [f32]>> = dx.chunks_mut(SHARD * image).map(Some).collect();
            inputs.resize_with(shards.len(), || None);
            let gradients = shards.into_par_iter().zip(inputs).map(|((images, grad), dx)| {
                let mut gradients = vec![0.; parameters.len()];
                chain.run_backward(parameters, images, grad, &mut gradients, dx);
                gradients
            });
            for shard in gradients.collect::<Vec<_>>() {
                sum.iter_mut().zip(shard).for_each(|(sum, value)| *sum += value);
            }
        })
    }
}
