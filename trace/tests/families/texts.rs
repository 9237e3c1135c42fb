//! Models of texts.

use std::cell::RefCell;

use candle_core::{DType, Device};
use candle_transformers::models::{bert, clip, distilbert, llama, modernbert, t5};
use trace::Input;

use crate::case::{Weights, keep};

const WORDS: u32 = 50;

fn words() -> Input {
    Input::indices("input_ids", ("batch", "length"), WORDS)
}

#[test]
fn bert() {
    let weights = Weights::default();
    let config = bert::Config {
        vocab_size: WORDS as usize,
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 64,
        max_position_embeddings: 64,
        ..bert::Config::default()
    };
    let model = bert::BertModel::load(weights.builder(), &config).unwrap();
    let inputs = [
        words(),
        Input::indices("token_type_ids", ("batch", "length"), 2),
        Input::indices("attention_mask", ("batch", "length"), 2),
    ];
    let export = trace::export(|x| model.forward(&x[0], &x[1], Some(&x[2])), inputs);
    keep("BERT", "batch, length", &weights, export);
}

#[test]
fn distilbert() {
    let weights = Weights::default();
    let config = serde_json::from_value(serde_json::json!({
        "vocab_size": WORDS, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "activation": "gelu",
        "max_position_embeddings": 64, "initializer_range": 0.02, "pad_token_id": 0, "model_type": "distilbert",
    }));
    let model = distilbert::DistilBertModel::load(weights.builder(), &config.unwrap()).unwrap();
    // It masks where the mask is not 0.
    let inputs = [words(), Input::indices("attention_mask", ("batch", "length"), 2).with_dtype(DType::U8)];
    let export = trace::export(
        |x| {
            let (batch, length) = x[1].dims2()?;
            model.forward(&x[0], &x[1].reshape((batch, 1, 1, length))?)
        },
        inputs,
    );
    keep("DistilBERT", "batch, length", &weights, export);
}

#[test]
fn modernbert() {
    let weights = Weights::default();
    let config = serde_json::from_value(serde_json::json!({
        "vocab_size": WORDS, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64,
        "max_position_embeddings": 64, "layer_norm_eps": 1e-5, "pad_token_id": 0, "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0, "local_attention": 8, "local_rope_theta": 10000.0,
    }));
    let model = modernbert::ModernBert::load(weights.builder(), &config.unwrap()).unwrap();
    let inputs = [words(), Input::indices("attention_mask", ("batch", "length"), 2)];
    let export = trace::export(|x| model.forward(&x[0], &x[1]), inputs).longest("length", 48);
    keep("ModernBERT", "batch, length to 48", &weights, export);
}

#[test]
fn t5_encoder() {
    let weights = Weights::default();
    let config = t5::Config {
        vocab_size: WORDS as usize,
        d_model: 32,
        d_kv: 8,
        d_ff: 64,
        num_layers: 2,
        num_heads: 4,
        relative_attention_num_buckets: 8,
        relative_attention_max_distance: 16,
        use_cache: false,
        ..t5::Config::default()
    };
    let model = t5::T5EncoderModel::load(weights.builder(), &config).unwrap();
    let inputs = [words()];
    let export = trace::export(|x| model.clone().forward(&x[0]), inputs).longest("length", 48);
    keep("T5 encoder", "batch, length to 48", &weights, export);
}

#[test]
fn llama() {
    let weights = Weights::default();
    let config = llama::Config {
        hidden_size: 32,
        intermediate_size: 64,
        vocab_size: WORDS as usize,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        max_position_embeddings: 64,
        ..llama::Config::config_7b_v2(false)
    };
    let model = llama::Llama::load(weights.builder(), &config).unwrap();
    let cache = RefCell::new(llama::Cache::new(false, DType::F32, &config, &Device::Cpu).unwrap());
    let inputs = [words()];
    let export = trace::export(|x| model.forward(&x[0], 0, &mut cache.borrow_mut()), inputs);
    keep("LLaMA without cache", "batch, length", &weights, export);
}

#[test]
fn clip_text() {
    let weights = Weights::default();
    let config = clip::text_model::ClipTextConfig {
        vocab_size: WORDS as usize,
        embed_dim: 32,
        intermediate_size: 64,
        max_position_embeddings: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        projection_dim: 32,
        ..clip::text_model::ClipTextConfig::vit_base_patch32()
    };
    let model = clip::text_model::ClipTextTransformer::new(weights.builder(), &config).unwrap();
    let inputs = [words()];
    // `forward` picks rows by numbers that it reads from the tensors, which no graph can; the hidden states are what Stable Diffusion takes.
    let export = trace::export(|x| model.forward_with_mask(&x[0], usize::MAX), inputs);
    keep("CLIP text, hidden states", "batch, length", &weights, export);
}
