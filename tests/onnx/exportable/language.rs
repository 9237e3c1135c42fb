//! Transformers of any length.

use candle_core::{D, DType, Device, IndexOp, Module, Result, Tensor};
use candle_nn::{Activation, Conv1d, Conv1dConfig, Embedding, LayerNorm, Linear, RmsNorm};
use exporter::{Exportable, exportable};

use crate::case::{Input, case, layer};
use crate::weights::{Weights, check_deep};

/// Vaswani et al. 2017, with the mask of a decoder.
#[derive(Exportable)]
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
    causal: bool,
}

#[exportable]
impl Attention {
    pub fn new(w: &mut Weights, width: usize, heads: usize, causal: bool) -> Self {
        Self {
            query: w.linear(width, width),
            key: w.linear(width, width),
            value: w.linear(width, width),
            output: w.linear(width, width),
            heads,
            causal,
        }
    }

    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        x.reshape((batch, length, self.heads, width / self.heads))?.transpose(1, 2)?.contiguous()
    }

    fn mask(&self, length: usize, device: &Device) -> Result<Tensor> {
        let seen = Tensor::tril2(length, DType::U8, device)?;
        let (free, hidden) =
            (seen.to_dtype(DType::F32)?.zeros_like()?, Tensor::full(f32::NEG_INFINITY, (length, length), device)?);
        seen.where_cond(&free, &hidden)
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let q = self.split(&self.query.forward(x)?)?;
        let k = self.split(&self.key.forward(x)?)?;
        let v = self.split(&self.value.forward(x)?)?;
        let scale = 1. / ((width / self.heads) as f64).sqrt();
        let mut scores = (q.matmul(&k.t()?)? * scale)?;
        if self.causal {
            scores = scores.broadcast_add(&self.mask(length, x.device())?)?;
        }
        let mixed = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
        self.output.forward(&mixed.transpose(1, 2)?.reshape((batch, length, width))?)
    }
}

#[test]
fn causal_attention() {
    let net = Attention::new(&mut Weights(1000), 32, 4, true);
    check_deep(layer("forward/attention behind a causal mask", Input::Sequence(&[7, 32]), &net, |x| net.forward(x)));
}

/// Devlin et al. 2018: BERT's layer, norms after the sums.
#[derive(Exportable)]
struct BertLayer {
    attention: Attention,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
    activation: Activation,
}

#[exportable]
impl BertLayer {
    fn new(w: &mut Weights, width: usize) -> Self {
        Self {
            attention: Attention::new(w, width, 4, false),
            attention_norm: w.layer_norm(width),
            intermediate: w.linear(width, 4 * width),
            output: w.linear(4 * width, width),
            output_norm: w.layer_norm(width),
            activation: Activation::Gelu,
        }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.attention_norm.forward(&(x + self.attention.forward(x)?)?)?;
        let y = x.apply(&self.intermediate)?.apply(&self.activation)?.apply(&self.output)?;
        self.output_norm.forward(&(x + y)?)
    }
}

/// Words and their places, and two layers; the class is read from the first place.
#[derive(Exportable)]
struct Bert {
    words: Embedding,
    places: Embedding,
    norm: LayerNorm,
    layers: Vec<BertLayer>,
    pooler: Option<Linear>,
}

#[exportable]
impl Bert {
    fn new() -> Self {
        let w = &mut Weights(1100);
        Self {
            words: Embedding::new(w.next(&[100, 32], 1.), 32),
            places: Embedding::new(w.next(&[64, 32], 1.), 32),
            norm: w.layer_norm(32),
            layers: vec![BertLayer::new(w, 32), BertLayer::new(w, 32)],
            pooler: Some(w.linear(32, 32)),
        }
    }
}

#[exportable]
impl Module for Bert {
    fn forward(&self, words: &Tensor) -> Result<Tensor> {
        let (_batch, length) = words.dims2()?;
        let places = Tensor::arange(0u32, length as u32, words.device())?;
        let x = self.words.forward(words)?.broadcast_add(&self.places.forward(&places)?)?;
        let mut x = self.norm.forward(&x)?;
        for layer in self.layers.iter() {
            x = layer.forward(&x)?;
        }
        match &self.pooler {
            Some(pooler) => pooler.forward(&x.i((.., 0))?)?.tanh(),
            None => Ok(x),
        }
    }
}

#[test]
fn bert() {
    let net = Bert::new();
    check_deep(layer("forward/BERT with places and a pooler", Input::Words(&[7], 100), &net, |x| net.forward(x)));
}

/// Touvron et al. 2023: a block of LLaMA, with rotary embeddings and fewer heads for keys than for queries.
#[derive(Exportable)]
struct LlamaBlock {
    norm1: RmsNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    norm2: RmsNorm,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
    cos: Tensor,
    sin: Tensor,
    #[onnx(plain)]
    config: LlamaConfig,
}

#[derive(Clone)]
struct LlamaConfig {
    heads: usize,
    key_heads: usize,
    width: usize,
}

#[exportable]
impl LlamaBlock {
    fn new(w: &mut Weights, config: LlamaConfig) -> Result<Self> {
        let (width, keys) = (config.heads * config.width, config.key_heads * config.width);
        let half = config.width / 2;
        let rates: Vec<f32> = (0..half).map(|i| 1. / 10_000f32.powf(i as f32 / half as f32)).collect();
        let rates = Tensor::from_vec(rates, (1, half), &Device::Cpu)?;
        let angles = Tensor::arange(0f32, 64f32, &Device::Cpu)?.reshape((64, 1))?.matmul(&rates)?;
        let norm = |w: &mut Weights| RmsNorm::new((w.next(&[width], 0.3) + 1.).unwrap(), 1e-5);
        Ok(Self {
            norm1: norm(w),
            q_proj: w.linear(width, width),
            k_proj: w.linear(width, keys),
            v_proj: w.linear(width, keys),
            o_proj: w.linear(width, width),
            norm2: norm(w),
            gate_proj: w.linear(width, 64),
            up_proj: w.linear(width, 64),
            down_proj: w.linear(64, width),
            cos: angles.cos()?,
            sin: angles.sin()?,
            config,
        })
    }

    fn rotary(&self, x: &Tensor, index_pos: usize) -> Result<Tensor> {
        let (_batch, _heads, seq_len, _width) = x.dims4()?;
        let cos = self.cos.narrow(0, index_pos, seq_len)?;
        let sin = self.sin.narrow(0, index_pos, seq_len)?;
        candle_nn::rotary_emb::rope(x, &cos, &sin)
    }

    fn repeat_kv(&self, x: Tensor) -> Result<Tensor> {
        let n_rep = self.config.heads / self.config.key_heads;
        if n_rep == 1 {
            return Ok(x);
        }
        let (b_sz, n_kv_head, seq_len, head_dim) = x.dims4()?;
        x.unsqueeze(2)?.expand((b_sz, n_kv_head, n_rep, seq_len, head_dim))?.reshape((
            b_sz,
            n_kv_head * n_rep,
            seq_len,
            head_dim,
        ))
    }

    fn attention(&self, x: &Tensor) -> Result<Tensor> {
        let (b_sz, seq_len, hidden_size) = x.dims3()?;
        let LlamaConfig { heads, key_heads, width } = self.config.clone();
        let q = self.q_proj.forward(x)?.reshape((b_sz, seq_len, heads, width))?.transpose(1, 2)?.contiguous()?;
        let k = self.k_proj.forward(x)?.reshape((b_sz, seq_len, key_heads, width))?.transpose(1, 2)?.contiguous()?;
        let v = self.v_proj.forward(x)?.reshape((b_sz, seq_len, key_heads, width))?.transpose(1, 2)?;
        let (q, k) = (self.rotary(&q, 0)?, self.rotary(&k, 0)?);
        let (k, v) = (self.repeat_kv(k)?, self.repeat_kv(v)?.contiguous()?);
        let att = (q.matmul(&k.t()?)? / (width as f64).sqrt())?;
        let att = if seq_len == 1 {
            att
        } else {
            let mask = Tensor::triu2(seq_len, DType::F32, x.device())?;
            let mask = (mask - Tensor::eye(seq_len, DType::F32, x.device())?)?;
            let mask = mask.broadcast_as(att.shape())?.gt(0.5f32)?;
            mask.where_cond(&Tensor::new(-1e9f32, x.device())?.broadcast_as(att.shape())?, &att)?
        };
        let att = candle_nn::ops::softmax_last_dim(&att)?;
        let y = att.matmul(&v)?.transpose(1, 2)?.reshape(&[b_sz, seq_len, hidden_size])?;
        self.o_proj.forward(&y)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let residual = x;
        let x = (self.attention(&self.norm1.forward(x)?)? + residual)?;
        let y = self.norm2.forward(&x)?;
        let y = (candle_nn::ops::silu(&self.gate_proj.forward(&y)?)? * self.up_proj.forward(&y)?)?;
        &x + self.down_proj.forward(&y)?
    }
}

#[test]
fn llama() {
    let net = LlamaBlock::new(&mut Weights(1200), LlamaConfig { heads: 4, key_heads: 2, width: 8 }).unwrap();
    // Its `forward` asks whether the length is 1.
    let build = |graph: &mut exporter::GraphBuilder, x: exporter::Value| {
        graph.at_least(x.dim(1), 2)?;
        graph.apply("layer", &net, x)
    };
    check_deep(case("forward/LLaMA block", Input::Sequence(&[7, 32]), build, |x| net.forward(x)));
}

/// Raffel et al. 2019: T5's norm without a mean, and a bias of attention by distance, in buckets.
#[derive(Exportable)]
struct T5Layer {
    norm: RmsNorm,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    relative_attention_bias: Embedding,
    wi_0: Linear,
    wi_1: Linear,
    wo: Linear,
    act: Activation,
    heads: usize,
    max_distance: usize,
}

#[exportable]
impl T5Layer {
    fn new(w: &mut Weights) -> Self {
        Self {
            norm: RmsNorm::new((w.next(&[32], 0.3) + 1.).unwrap(), 1e-6),
            q: w.linear(32, 32),
            k: w.linear(32, 32),
            v: w.linear(32, 32),
            o: w.linear(32, 32),
            relative_attention_bias: Embedding::new(w.next(&[9, 4], 1.), 4),
            wi_0: w.linear(32, 64),
            wi_1: w.linear(32, 64),
            wo: w.linear(64, 32),
            act: Activation::NewGelu,
            heads: 4,
            max_distance: 4,
        }
    }

    /// `[1, heads, length, length]`: distances from -4 to 4, as places from 0 to 8.
    fn position_bias(&self, length: usize, device: &Device) -> Result<Tensor> {
        let places = Tensor::arange(0f32, length as f32, device)?;
        let distance = places.unsqueeze(0)?.broadcast_sub(&places.unsqueeze(1)?)?;
        let furthest = self.max_distance as f64;
        let bucket = (distance.clamp(-furthest as f32, furthest as f32)? + furthest)?.to_dtype(DType::U32)?;
        self.relative_attention_bias.forward(&bucket)?.permute((2, 0, 1))?.unsqueeze(0)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (b, l, _) = x.dims3()?;
        let heads = |x: Tensor| x.reshape((b, l, self.heads, ()))?.transpose(1, 2)?.contiguous();
        let y = self.norm.forward(x)?;
        let (q, k, v) = (heads(y.apply(&self.q)?)?, heads(y.apply(&self.k)?)?, heads(y.apply(&self.v)?)?);
        let scores = q.matmul(&k.t()?)?.broadcast_add(&self.position_bias(l, x.device())?)?;
        let mixed = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&v)?;
        let x = (x + mixed.transpose(1, 2)?.flatten_from(2)?.apply(&self.o)?)?;
        let y = self.norm.forward(&x)?;
        let gate = self.wi_0.forward(&y)?.apply(&self.act)?;
        let y = gate.broadcast_mul(&self.wi_1.forward(&y)?)?.apply(&self.wo)?;
        x + y
    }
}

#[test]
fn t5() {
    let net = T5Layer::new(&mut Weights(1700));
    check_deep(layer("forward/T5 layer", Input::Sequence(&[9, 32]), &net, |x| net.forward(x)));
}

/// Radford et al. 2022: the encoder of Whisper, two convolutions over time and sinusoids as places.
#[derive(Exportable)]
struct WhisperEncoder {
    conv1: Conv1d,
    conv2: Conv1d,
    positional_embedding: Tensor,
    blocks: Vec<WhisperBlock>,
    ln_post: LayerNorm,
}

#[derive(Exportable)]
struct WhisperBlock {
    attn: Attention,
    attn_ln: LayerNorm,
    mlp_linear1: Linear,
    mlp_linear2: Linear,
    mlp_ln: LayerNorm,
}

#[exportable]
impl WhisperBlock {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let attn = self.attn.forward(&self.attn_ln.forward(x)?)?;
        let x = (x + attn)?;
        let mlp = self.mlp_linear2.forward(&self.mlp_linear1.forward(&self.mlp_ln.forward(&x)?)?.gelu()?)?;
        x + mlp
    }
}

#[exportable]
impl WhisperEncoder {
    fn new(w: &mut Weights) -> Result<Self> {
        let conv = |w: &mut Weights, inputs: usize, stride| {
            let config = Conv1dConfig { padding: 1, stride, ..Default::default() };
            Conv1d::new(w.next(&[32, inputs, 3], 0.2), Some(w.next(&[32], 0.1)), config)
        };
        let block = |w: &mut Weights| WhisperBlock {
            attn: Attention::new(w, 32, 4, false),
            attn_ln: w.layer_norm(32),
            mlp_linear1: w.linear(32, 64),
            mlp_linear2: w.linear(64, 32),
            mlp_ln: w.layer_norm(32),
        };
        Ok(Self {
            conv1: conv(w, 10, 1),
            conv2: conv(w, 32, 2),
            positional_embedding: sinusoids(64, 32)?,
            blocks: vec![block(w), block(w)],
            ln_post: w.layer_norm(32),
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.conv1.forward(x)?.gelu()?;
        let x = self.conv2.forward(&x)?.gelu()?;
        let x = x.transpose(1, 2)?;
        let (_bsize, seq_len, _hidden) = x.dims3()?;
        let positional_embedding = self.positional_embedding.narrow(0, 0, seq_len)?;
        let mut x = x.broadcast_add(&positional_embedding)?;
        for block in self.blocks.iter() {
            x = block.forward(&x)?
        }
        self.ln_post.forward(&x)
    }
}

fn sinusoids(length: usize, channels: usize) -> Result<Tensor> {
    let half = channels / 2;
    let rates: Vec<_> = (0..half).map(|i| (-(i as f32) * 10_000f32.ln() / (half - 1) as f32).exp()).collect();
    let times = Tensor::arange(0f32, length as f32, &Device::Cpu)?.unsqueeze(1)?;
    let angles = times.broadcast_mul(&Tensor::new(rates, &Device::Cpu)?.unsqueeze(0)?)?;
    Tensor::cat(&[angles.sin()?, angles.cos()?], D::Minus1)
}

#[test]
fn whisper() {
    let net = WhisperEncoder::new(&mut Weights(1800)).unwrap();
    // `[batch, 10, frames]` with frames last, which is why the dimension that may change is at place 1 after the batch.
    check_deep(layer("forward/Whisper encoder", Input::Symbolic(&[10, 12], 1), &net, |x| net.forward(x)));
}
