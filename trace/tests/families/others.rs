//! Models that have what the others have not: ALiBi, caches that are thrown away, two inputs of different kinds, a state from step to step.

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::Activation;
use candle_transformers::models::{gemma, jina_bert, mamba, qwen2, repvgg, siglip};
use trace::Input;

use crate::case::{Weights, keep};

const WORDS: u32 = 50;

fn words() -> [Input; 1] {
    [Input::indices("input_ids", ("batch", "length"), WORDS)]
}

#[test]
fn qwen2() {
    let weights = Weights::default();
    let config = qwen2::Config {
        vocab_size: WORDS as usize,
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        max_position_embeddings: 64,
        sliding_window: 64,
        max_window_layers: 2,
        tie_word_embeddings: true,
        rope_theta: 10000.,
        rms_norm_eps: 1e-6,
        use_sliding_window: false,
        hidden_act: Activation::Silu,
    };
    let model = qwen2::ModelForCausalLM::new(&config, weights.builder()).unwrap();
    // Each call has a cache of its own, which is empty.
    let export = trace::export(|x| model.clone().forward(&x[0], 0), words());
    keep("Qwen2", "batch, length", &weights, export);
}

#[test]
fn mamba() {
    let weights = Weights::default();
    let config = mamba::Config { d_model: 16, n_layer: 2, vocab_size: WORDS as usize, pad_vocab_size_multiple: 1 };
    let model = trace::load(|| mamba::Model::new(&config, weights.builder())).unwrap();
    // The model takes one word a step, of one sequence, and its state goes with it.
    let steps = |x: &[Tensor]| {
        let mut state = mamba::State::new(x[0].dim(0)?, &config, DType::F32, &Device::Cpu)?;
        let mut outputs = vec![];
        for step in 0..5 {
            let word = x[0].narrow(1, step, 1)?.squeeze(1)?;
            outputs.push(model.forward(&word, &mut state)?);
        }
        Tensor::stack(&outputs, 1)
    };
    let export = trace::export(steps, [Input::indices("input_ids", (1, 5), WORDS)]);
    keep("Mamba, five steps", "one sequence", &weights, export);
}

#[test]
fn gemma() {
    let weights = Weights::default();
    let config = serde_json::from_value(serde_json::json!({
        "attention_bias": false, "head_dim": 8, "hidden_act": "gelu", "hidden_size": 32, "intermediate_size": 64,
        "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "vocab_size": WORDS, "max_position_embeddings": 64,
    }));
    let model = gemma::Model::new(false, &config.unwrap(), weights.builder()).unwrap();
    let export = trace::export(|x| model.clone().forward(&x[0], 0), words());
    keep("Gemma", "batch, length", &weights, export);
}

#[test]
fn jina_bert() {
    let weights = Weights::default();
    let alibi = jina_bert::PositionEmbeddingType::Alibi;
    let config = jina_bert::Config::new(WORDS as usize, 32, 2, 4, 64, Activation::Gelu, 64, 2, 0.02, 1e-12, 0, alibi);
    let model = jina_bert::BertModel::new(weights.builder(), &config).unwrap();
    let export = trace::export(|x| model.forward(&x[0]), words());
    keep("Jina BERT", "batch, length", &weights, export);
}

#[test]
fn siglip() {
    let weights = Weights::default();
    let mut config = siglip::Config::base_patch16_224();
    let (text, vision) = (&mut config.text_config, &mut config.vision_config);
    (text.vocab_size, text.hidden_size, text.intermediate_size) = (WORDS as usize, 32, 64);
    (text.num_hidden_layers, text.num_attention_heads) = (2, 4);
    (vision.hidden_size, vision.intermediate_size, vision.num_hidden_layers) = (32, 64, 2);
    (vision.num_attention_heads, vision.image_size, vision.patch_size) = (4, 32, 8);
    // It cuts one weight into those of three layers.
    let model = trace::load(|| siglip::Model::new(&config, weights.builder())).unwrap();
    let inputs = [Input::f32("image", ("images", 3, 32, 32)), Input::indices("input_ids", ("texts", "length"), WORDS)];
    let export =
        trace::export(|x| model.forward(&x[0], &x[1]), inputs).outputs(["logits_per_text", "logits_per_image"]);
    keep("SigLIP, image and text", "images, texts, length", &weights, export);
}

#[test]
fn repvgg() {
    let weights = Weights::default();
    let model = repvgg::repvgg(&repvgg::Config::a0(), 10, weights.builder()).unwrap();
    let inputs = [Input::f32("image", ("batch", 3, "height", "width"))];
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    let export = export.multiple_of("height", 32).multiple_of("width", 32);
    keep("RepVGG", "batch, height and width in steps of 32", &weights, export);
}
