//! Models of sounds.

use candle_transformers::models::{snac, whisper};
use trace::Input;

use crate::case::{Weights, keep};

fn whisper() -> (Weights, whisper::model::Whisper) {
    let weights = Weights::default();
    let config = whisper::Config {
        num_mel_bins: 8,
        max_source_positions: 64,
        d_model: 32,
        encoder_attention_heads: 4,
        encoder_layers: 2,
        vocab_size: 50,
        max_target_positions: 64,
        decoder_attention_heads: 4,
        decoder_layers: 2,
        suppress_tokens: vec![],
    };
    let model = whisper::model::Whisper::load(&weights.builder(), config).unwrap();
    (weights, model)
}

#[test]
fn whisper_encoder() {
    let (weights, model) = whisper();
    let inputs = [Input::f32("mel", ("batch", 8, "frames"))];
    let export = trace::export(|x| model.encoder.clone().forward(&x[0], true), inputs);
    keep("Whisper encoder", "batch, frames", &weights, export);
}

#[test]
fn whisper_decoder() {
    let (weights, model) = whisper();
    let inputs =
        [Input::indices("tokens", ("batch", "length"), 50), Input::f32("audio_features", ("batch", "frames", 32))];
    let decode = |x: &[candle_core::Tensor]| {
        let hidden = model.decoder.clone().forward(&x[0], &x[1], true)?;
        model.decoder.final_linear(&hidden)
    };
    let export = trace::export(decode, inputs);
    keep("Whisper decoder", "batch, length, frames", &weights, export);
}

#[test]
fn snac() {
    let weights = Weights::depthwise(7);
    let config = snac::Config {
        sampling_rate: 24000,
        encoder_dim: 8,
        encoder_rates: vec![2, 4],
        decoder_dim: 32,
        decoder_rates: vec![4, 2],
        attn_window_size: None,
        codebook_size: 32,
        codebook_dim: 4,
        vq_strides: vec![4, 2, 1],
        noise: false,
        depthwise: true,
    };
    let model = snac::Model::new(&config, weights.builder()).unwrap();
    let inputs = [Input::f32("audio", ("batch", 1, "samples"))];
    let there_and_back = |x: &[candle_core::Tensor]| {
        let codes = model.encode(&x[0])?;
        model.decode(&codes.iter().collect::<Vec<_>>())
    };
    let export = trace::export(there_and_back, inputs).multiple_of("samples", 32);
    keep("SNAC, to codes and back", "batch, samples in steps of 32", &weights, export);
}
