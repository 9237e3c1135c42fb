//! Models of images.

use candle_core::Module;
use candle_nn::Activation;
use candle_transformers::models::{
    clip, convnext, dinov2, efficientnet, mobilenetv4, mobileone, resnet, segformer, stable_diffusion, vit,
};
use trace::Input;

use crate::case::{Weights, keep};

fn image(side: usize) -> [Input; 1] {
    [Input::f32("image", ("batch", 3, side, side))]
}

/// Of any height and width.
fn any_image() -> [Input; 1] {
    [Input::f32("image", ("batch", 3, "height", "width"))]
}

#[test]
fn clip_image() {
    let weights = Weights::default();
    let config = clip::vision_model::ClipVisionConfig {
        embed_dim: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        projection_dim: 32,
        image_size: 32,
        patch_size: 8,
        ..clip::vision_model::ClipVisionConfig::vit_base_patch32()
    };
    let model = clip::vision_model::ClipVisionTransformer::new(weights.builder(), &config).unwrap();
    let inputs = image(32);
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    keep("CLIP image", "batch", &weights, export);
}

#[test]
fn vit() {
    let weights = Weights::default();
    let config = vit::Config {
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 64,
        image_size: 32,
        patch_size: 8,
        ..vit::Config::vit_base_patch16_224()
    };
    let model = vit::Model::new(&config, 10, weights.builder()).unwrap();
    let inputs = image(32);
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    keep("ViT", "batch", &weights, export);
}

#[test]
fn dinov2() {
    let weights = Weights::default();
    let model = dinov2::DinoVisionTransformer::new(weights.builder(), 2, 48, 4).unwrap();
    // Another size than that of its places, so that they are interpolated.
    // It joins its class token, which has a batch of 1, with the image: the model itself takes one image.
    let inputs = [Input::f32("image", (1, 3, 70, 98))];
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    keep("DINOv2", "one image", &weights, export);
}

#[test]
fn segformer() {
    let weights = Weights::default();
    let config = segformer::Config {
        id2label: Default::default(),
        num_channels: 3,
        num_encoder_blocks: 4,
        depths: vec![1; 4],
        sr_ratios: vec![8, 4, 2, 1],
        hidden_sizes: vec![8, 16, 24, 32],
        patch_sizes: vec![7, 3, 3, 3],
        strides: vec![4, 2, 2, 2],
        num_attention_heads: vec![1, 2, 3, 4],
        mlp_ratios: vec![2; 4],
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-6,
        decoder_hidden_size: 32,
    };
    let model = segformer::SemanticSegmentationModel::new(&config, 10, weights.builder()).unwrap();
    let inputs = any_image();
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    let export = export.multiple_of("height", 32).multiple_of("width", 32);
    keep("SegFormer", "batch, height and width in steps of 32", &weights, export);
}

#[test]
fn vae_decoder() {
    let weights = Weights::default();
    let config = stable_diffusion::vae::AutoEncoderKLConfig {
        block_out_channels: vec![8, 16],
        norm_num_groups: 4,
        ..Default::default()
    };
    let model = stable_diffusion::vae::AutoEncoderKL::new(weights.builder(), 3, 3, config).unwrap();
    let inputs = [Input::f32("latent", ("batch", 4, "height", "width"))];
    let export = trace::export(|x| model.decode(&x[0]), inputs);
    keep("Stable Diffusion's VAE decoder", "batch, height, width", &weights, export);
}

#[test]
fn resnet_18() {
    let weights = Weights::default();
    let model = resnet::resnet18(10, weights.builder()).unwrap();
    let inputs = any_image();
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    let export = export.traced_at("height", [33, 40, 50]).traced_at("width", [35, 47, 59]);
    keep("ResNet-18", "batch, height, width", &weights, export);
}

#[test]
fn convnext() {
    // The first version: without the second one's normalisation of responses.
    let weights = Weights::without(&[".grn."]);
    let model = convnext::convnext(&convnext::Config::atto(), 10, weights.builder()).unwrap();
    let inputs = any_image();
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    let export = export.multiple_of("height", 32).multiple_of("width", 32);
    keep("ConvNeXt", "batch, height and width in steps of 32", &weights, export);
}

#[test]
fn efficientnet() {
    let weights = Weights::default();
    let configs = efficientnet::MBConvConfig::b0();
    let model = efficientnet::EfficientNet::new(weights.builder(), configs, 10).unwrap();
    let export = trace::export(|x| model.forward(&x[0]), any_image());
    let export = export.multiple_of("height", 32).multiple_of("width", 32);
    // Its convolutions are as many as its channels: large images take candle long.
    let export = export.traced_at("height", [32, 64, 160]).traced_at("width", [64, 96, 128]);
    keep("EfficientNet", "batch, height and width in steps of 32", &weights, export);
}

#[test]
fn mobilenet_v4() {
    let weights = Weights::without(&["layer_scale"]);
    let model = mobilenetv4::mobilenetv4(&mobilenetv4::Config::small(), 10, weights.builder()).unwrap();
    let export = trace::export(|x| model.forward(&x[0]), any_image());
    let export = export.multiple_of("height", 32).multiple_of("width", 32);
    keep("MobileNetV4", "batch, height and width in steps of 32", &weights, export);
}

#[test]
fn mobileone() {
    // Only the largest variant has attention.
    let weights = Weights::without(&[".attn."]);
    let model = mobileone::mobileone(&mobileone::Config::s0(), 10, weights.builder()).unwrap();
    let inputs = any_image();
    let export = trace::export(|x| model.forward(&x[0]), inputs);
    let export = export.multiple_of("height", 32).multiple_of("width", 32);
    keep("MobileOne", "batch, height and width in steps of 32", &weights, export);
}
