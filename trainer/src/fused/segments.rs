//! A network as chains of layers, and between them what needs all rows of a batch, or draws random numbers.

use candle_core::{Result, Tensor};
use kernels::{Channels, with_scratch};
use rayon::prelude::*;

use super::batch_norm::BatchNorm;
use super::chain::Chain;
use super::chain_run::{PackedWeights, with_packed_weights};
use super::inference::Inference;
use super::storage::with_values;

/// What a segment computes.
#[derive(Clone)]
pub(crate) enum SegmentKind {
    /// Layers of which a few rows go through all.
    Chain(Chain),
    /// The channels' values in a row, and their parameters.
    BatchNorm(Channels, BatchNorm),
    /// Zeros for this part of the values, in training.
    Dropout(f64),
}

/// Some layers, and whether a ReLU follows that is not a chain's own.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(super) kind: SegmentKind,
    pub(super) relu: bool,
    /// Values of a row of the input, and of the output.
    pub(super) input: usize,
    pub(super) output: usize,
}

impl Segment {
    pub(crate) fn chain(chain: Chain) -> Self {
        let (input, output) = (chain.input(), chain.output());
        Self { kind: SegmentKind::Chain(chain), relu: false, input, output }
    }

    /// What keeps the shape of its rows, `width` values each.
    pub(crate) fn keeping(kind: SegmentKind, width: usize) -> Self {
        Self { kind, relu: false, input: width, output: width }
    }

    /// Appends a ReLU; chains have their own.
    pub(crate) fn relu(&mut self) -> bool {
        self.relu = !matches!(self.kind, SegmentKind::Chain(_));
        self.relu
    }

    pub(super) fn as_chain(&self) -> Option<&Chain> {
        match &self.kind {
            SegmentKind::Chain(chain) => Some(chain),
            _ => None,
        }
    }

    /// Its parameters, in the order of the layers.
    pub(super) fn parameters(&self) -> Vec<Tensor> {
        match &self.kind {
            SegmentKind::Chain(chain) => chain.parameters().to_vec(),
            SegmentKind::BatchNorm(_, norm) => vec![norm.weight.clone(), norm.bias.clone()],
            SegmentKind::Dropout(_) => vec![],
        }
    }
}

/// A network's segments: the encoder down to the latent, and the decoder up to the logits, which ends in a chain.
#[derive(Clone)]
pub(crate) struct Segments {
    pub(super) encoder: Vec<Segment>,
    pub(super) decoder: Vec<Segment>,
}

impl Segments {
    /// The network; nothing where the decoder does not end in a chain.
    pub(crate) fn new(encoder: Vec<Segment>, decoder: Vec<Segment>) -> Option<Self> {
        decoder.last()?.as_chain()?;
        Some(Self { encoder, decoder })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Segment> {
        self.encoder.iter().chain(&self.decoder)
    }

    /// Calls `work` with the network in use, as its parameters are now.
    pub(crate) fn with_packed<R>(&self, work: impl FnOnce(&PackedSegments) -> R) -> Result<R> {
        let chains: Vec<&Chain> = self.all().filter_map(Segment::as_chain).collect();
        let parameters: Vec<&Tensor> = chains.iter().flat_map(|chain| chain.parameters()).collect();
        let factors = |segment: &Segment| match &segment.kind {
            SegmentKind::BatchNorm(_, norm) => {
                let [scale, shift] = norm.scale_and_shift()?;
                Ok([scale.to_vec1::<f32>()?, shift.to_vec1::<f32>()?])
            }
            _ => Ok([vec![], vec![]]),
        };
        let factors = self.all().map(factors).collect::<Result<Vec<_>>>()?;
        with_values(&parameters, |parameters| {
            with_packed_weights(&chains, parameters, |weights| {
                work(&PackedSegments { network: self, weights, factors: &factors })
            })
        })
    }
}

/// A network in use, with its packed weights.
pub(crate) struct PackedSegments<'a> {
    network: &'a Segments,
    /// Of the chains.
    weights: &'a [PackedWeights<'a>],
    /// For each segment, by what channels are multiplied and what is added to them.
    factors: &'a [[Vec<f32>; 2]],
}

impl PackedSegments<'_> {
    /// Takes rows through the segments, of which `before` come before them.
    fn forward(&self, segments: &[Segment], before: usize, rows: &[f32], out: &mut [f32]) {
        let Some(first) = segments.first() else { return out.copy_from_slice(rows) };
        let count = rows.len() / first.input;
        let widest = segments.iter().map(|segment| segment.input.max(segment.output)).max().unwrap_or(0);
        let mut weights = self.network.all().take(before).filter_map(Segment::as_chain).count();
        with_scratch([count * widest; 2], |[mut x, mut y]| {
            x[..rows.len()].copy_from_slice(rows);
            for (index, segment) in segments.iter().enumerate() {
                let (from, to) = (&x[..count * segment.input], &mut y[..count * segment.output]);
                match &segment.kind {
                    SegmentKind::Chain(chain) => {
                        forward(chain, &self.weights[weights], from, to);
                        weights += 1;
                    }
                    SegmentKind::BatchNorm(channels, _) => {
                        let [scale, shift] = &self.factors[before + index];
                        Channels { outer: channels.outer * count, ..*channels }.scale(from, [scale, shift], to);
                    }
                    SegmentKind::Dropout(_) => to.copy_from_slice(from),
                }
                if segment.relu {
                    kernels::relu_in_place(to);
                }
                std::mem::swap(&mut x, &mut y);
            }
            out.copy_from_slice(&x[..out.len()]);
        });
    }
}

impl Inference for PackedSegments<'_> {
    fn features(&self) -> usize {
        0
    }

    fn encode(&self, rows: &[f32], _features: &mut [f32], [latent, _]: [&mut [f32]; 2]) {
        self.forward(&self.network.encoder, 0, rows, latent);
    }

    fn decode(&self, latent: &[f32], logits: &mut [f32]) {
        self.forward(&self.network.decoder, self.network.encoder.len(), latent, logits);
    }
}

/// Takes rows through a chain, some at a time.
pub(super) fn forward(chain: &Chain, weights: &PackedWeights, x: &[f32], out: &mut [f32]) {
    let block = chain.block();
    let blocks = x.par_chunks(block * chain.input()).zip(out.par_chunks_mut(block * chain.output()));
    blocks.for_each(|(x, out)| chain.forward_rows(weights, x, out));
}
