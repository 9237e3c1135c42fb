//! A chain of layers as one operator of candle, with a gradient.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::fused::{Chain, PackedWeights, Shard, filled, values, weight_gradients, with_packed_weights};

impl Chain {
    /// All layers: `[batch, ..] -> [batch, ..]`.
    pub(crate) fn forward(mut self, x: &Tensor) -> Result<Tensor> {
        self.channels_first();
        let rows = self.parameters().iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
        let parameters =
            if rows.is_empty() { Tensor::zeros(0, x.dtype(), x.device())? } else { Tensor::cat(&rows, 0)? };
        x.contiguous()?.apply_op2(&parameters, self)
    }

    /// The parameters, which lie one after the other in `all`.
    fn split<'a>(&self, mut all: &'a [f32]) -> Vec<&'a [f32]> {
        let take = |parameter: &Tensor| all.split_off(..parameter.elem_count()).unwrap_or_default();
        self.parameters().iter().map(take).collect()
    }
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
        let (x, parameters) = (values(x, x_layout)?, self.split(values(parameters, parameters_layout)?));
        let block = self.block();
        let shape: Vec<usize> = x_layout.dims()[..1].iter().chain(self.output_dims()).copied().collect();
        filled(shape, |out| {
            with_packed_weights(&[self], &parameters, |weights| {
                let blocks = x.par_chunks(block * self.input()).zip(out.par_chunks_mut(block * self.output()));
                blocks.for_each(|(x, out)| self.forward_rows(&weights[0], x, out));
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
        // In training, no gradient of the rows themselves is asked for.
        let input = x.track_op();
        let gradients = x.apply_op3_no_bwd(parameters, &grad.contiguous()?, &Gradients { chain: self, input })?;
        let count = parameters.elem_count();
        let dx = input.then(|| gradients.narrow(0, count, x.elem_count())?.reshape(x.shape())).transpose()?;
        Ok((dx, Some(gradients.narrow(0, 0, count)?)))
    }
}

/// From rows, parameters and the gradient of the output: the gradient of the parameters, followed by that of the rows if it is
/// asked for.
struct Gradients<'a> {
    chain: &'a Chain,
    /// Whether the gradient of the rows is asked for.
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
        let (x, grad, chain) = (values(x, x_layout)?, values(grad, grad_layout)?, self.chain);
        let parameters = chain.split(values(parameters, parameters_layout)?);
        let (count, rows) = (chain.parameter_values(), x.len() / chain.input());
        let shard_rows = chain.shard_rows(rows);
        filled(count + if self.input { x.len() } else { 0 }, |all| {
            let (gradients, dx) = all.split_at_mut(count);
            let mut inputs: Vec<Option<&mut [f32]>> = dx.chunks_mut(shard_rows * chain.input()).map(Some).collect();
            inputs.resize_with(rows.div_ceil(shard_rows), || None);
            let mut saved = vec![];
            let ends = x.chunks(shard_rows * chain.input()).zip(grad.chunks(shard_rows * chain.output())).zip(inputs);
            let shards: Vec<_> = chain.shards(&mut saved, rows, shard_rows).into_iter().zip(ends).collect();
            let sums: Vec<Vec<f32>> = with_packed_weights(&[chain], &parameters, |weights| {
                let shards = shards.into_par_iter();
                shards
                    .map(|(shard, ((x, grad), dx))| chain.shard_gradients(&weights[0], shard, [x, grad], dx))
                    .collect()
            });
            let sums: Vec<&[f32]> = sums.iter().map(Vec::as_slice).collect();
            weight_gradients(&[chain], &[saved], &sums, gradients);
        })
    }
}

impl Chain {
    /// The gradients that a shard adds up; those of its rows go to `dx`.
    fn shard_gradients(
        &self,
        weights: &PackedWeights,
        mut shard: Shard,
        [x, grad]: [&[f32]; 2],
        mut dx: Option<&mut [f32]>,
    ) -> Vec<f32> {
        let mut gradients = vec![0.; self.shard_gradient_len()];
        let block = self.block();
        for (x, grad) in x.chunks(block * self.input()).zip(grad.chunks(block * self.output())) {
            let dx = dx.as_mut().and_then(|dx| dx.split_off_mut(..x.len()));
            self.with_block(weights, &mut shard, x.len() / self.input(), |block| {
                block.input().copy_from_slice(x);
                // Computed again: writing it to memory in the forward pass and reading it here takes longer.
                block.forward();
                block.ends().2.copy_from_slice(grad);
                block.backward(&mut gradients, dx);
            });
        }
        gradients
    }
}
