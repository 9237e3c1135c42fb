//! Networks on images.

use candle_core::{D, DType, Device, Module, ModuleT, Result, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, LayerNorm, Linear};
use candle_nn::{Dropout, VarBuilder};
use exporter::{Exportable, GroupNorm, exportable};

use super::language::Attention;
use crate::case::{Input, layer};
use crate::layers::variables;
use crate::weights::{Weights, check_deep};

/// He et al. 2015: the block of ResNet-18 and 34.
#[derive(Exportable)]
pub struct BasicBlock {
    pub conv1: Conv2d,
    pub bn1: BatchNorm,
    pub conv2: Conv2d,
    pub bn2: BatchNorm,
    pub downsample: Option<(Conv2d, BatchNorm)>,
}

#[exportable]
impl BasicBlock {
    fn new(w: &mut Weights, inputs: usize, outputs: usize, stride: usize) -> Self {
        let changes = stride != 1 || inputs != outputs;
        Self {
            conv1: w.conv(inputs, outputs, 3, stride, 1),
            bn1: w.batch_norm(outputs),
            conv2: w.conv(outputs, outputs, 3, 1, 1),
            bn2: w.batch_norm(outputs),
            downsample: changes.then(|| (w.conv(inputs, outputs, 1, stride, 0), w.batch_norm(outputs))),
        }
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.bn1.forward_t(&self.conv1.forward(x)?, false)?.relu()?;
        let y = self.bn2.forward_t(&self.conv2.forward(&y)?, false)?;
        let skip = match &self.downsample {
            Some((conv, norm)) => norm.forward_t(&conv.forward(x)?, false)?,
            None => x.clone(),
        };
        (y + skip)?.relu()
    }
}

#[derive(Exportable)]
pub struct ResNet18 {
    pub conv1: Conv2d,
    pub bn1: BatchNorm,
    pub layers: Vec<[BasicBlock; 2]>,
    pub fc: Linear,
}

#[exportable]
impl ResNet18 {
    pub fn new() -> Self {
        let w = &mut Weights(100);
        let mut stage = |inputs, outputs, stride| {
            [BasicBlock::new(w, inputs, outputs, stride), BasicBlock::new(w, outputs, outputs, 1)]
        };
        let layers = vec![stage(64, 64, 1), stage(64, 128, 2), stage(128, 256, 2), stage(256, 512, 2)];
        Self { conv1: w.conv(3, 64, 7, 2, 3), bn1: w.batch_norm(64), layers, fc: w.linear(512, 1000) }
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.bn1.forward_t(&self.conv1.forward(x)?, false)?.relu()?;
        // After a ReLU, padding with zeros equals the published padding with minus infinity.
        let x = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.max_pool2d_with_stride(3, 2)?;
        let x = self.layers.iter().flatten().try_fold(x, |x, block| block.forward(&x))?;
        let x = x.mean(D::Minus1)?.mean(D::Minus1)?;
        self.fc.forward(&x)
    }
}

#[test]
fn resnet18() {
    let net = ResNet18::new();
    check_deep(layer("forward/ResNet-18", Input::Any(&[3, 64, 64]), &net, |x| net.forward(x)));
    let model = exporter::Model::trace(&net).input("image", ("batch", 3, 64, 64)).build().unwrap();
    assert!(model.initializers().contains(&"layers.1.0.downsample.0.weight"));
}

/// Liu et al. 2022: a convolution of each channel, then two dense layers, channels last.
#[derive(Exportable)]
struct ConvNext {
    dwconv: Conv2d,
    norm: LayerNorm,
    pwconv1: Linear,
    pwconv2: Linear,
    gamma: Option<Tensor>,
}

#[exportable]
impl ConvNext {
    fn new(w: &mut Weights) -> Self {
        let config = Conv2dConfig { padding: 3, groups: 8, ..Default::default() };
        Self {
            dwconv: Conv2d::new(w.next(&[8, 1, 7, 7], 0.2), Some(w.next(&[8], 0.1)), config),
            norm: w.layer_norm(8),
            pwconv1: w.linear(8, 32),
            pwconv2: w.linear(32, 8),
            gamma: Some(w.next(&[8], 0.5)),
        }
    }
}

#[exportable]
impl Module for ConvNext {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let residual = xs;
        let xs = xs
            .apply(&self.dwconv)?
            .permute((0, 2, 3, 1))?
            .contiguous()?
            .apply(&self.norm)?
            .apply(&self.pwconv1)?
            .gelu_erf()?
            .apply(&self.pwconv2)?;
        let xs = match &self.gamma {
            Some(gamma) => xs.broadcast_mul(gamma)?,
            None => xs,
        };
        xs.permute((0, 3, 1, 2))? + residual
    }
}

#[test]
fn convnext() {
    let net = ConvNext::new(&mut Weights(1300));
    check_deep(layer("forward/ConvNeXt block", Input::Any(&[8, 9, 11]), &net, |x| net.forward(x)));
    let model = exporter::Model::trace(&net).input("image", ("batch", 8, "height", "width")).build().unwrap();
    assert_eq!(model.output_shape(), ["batch", "8", "height", "width"]);
}

/// Ronneberger et al. 2015: a level of a U-Net, with group norms as in diffusion models.
#[derive(Exportable)]
struct UNet {
    down: Conv2d,
    norm: GroupNorm,
    middle: Conv2d,
    up: ConvTranspose2d,
    merge: Conv2d,
    dropout: Dropout,
}

/// The same weights with candle's own group norm, which cannot be exported: its weights are private.
struct CandleNorm(candle_nn::GroupNorm);

#[exportable]
impl UNet {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let skip = x.apply(&self.down)?;
        let x = candle_nn::ops::silu(&skip.apply(&self.norm)?)?.avg_pool2d(2)?;
        let x = self.dropout.forward(&x.apply(&self.middle)?, false)?;
        let x = x.apply(&self.up)?;
        Tensor::cat(&[&x, &skip], 1)?.apply(&self.merge)
    }
}

#[test]
fn unet() {
    let map = variables(&[("weight", &[8]), ("bias", &[8])]);
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let w = &mut Weights(1400);
    let config = ConvTranspose2dConfig { stride: 2, ..Default::default() };
    let norm = CandleNorm(candle_nn::group_norm(4, 8, 1e-5, vb.clone()).unwrap());
    let net = UNet {
        down: w.conv(3, 8, 3, 1, 1),
        norm: GroupNorm::new(4, 8, 1e-5, vb).unwrap(),
        middle: w.conv(8, 8, 3, 1, 1),
        up: ConvTranspose2d::new(w.next(&[8, 8, 2, 2], 0.3), None, config),
        merge: w.conv(16, 3, 3, 1, 1),
        dropout: Dropout::new(0.1),
    };
    let x = w.next(&[2, 8, 4, 4], 1.);
    let difference = (net.norm.forward(&x).unwrap() - norm.0.forward(&x).unwrap()).unwrap();
    assert!(difference.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-5);
    check_deep(layer("forward/U-Net level", Input::Any(&[3, 12, 16]), &net, |x| net.forward(x)));
}

/// Jocher et al. 2023: the C2f block of YOLOv8.
#[derive(Exportable)]
struct ConvBlock {
    conv: Conv2d,
    bn: BatchNorm,
}

#[exportable]
impl ConvBlock {
    fn new(w: &mut Weights, inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { conv: w.conv(inputs, outputs, kernel, 1, kernel / 2), bn: w.batch_norm(outputs) }
    }
}

#[exportable]
impl Module for ConvBlock {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let xs = self.conv.forward(xs)?.apply_t(&self.bn, false)?;
        candle_nn::ops::silu(&xs)
    }
}

#[derive(Exportable)]
struct Bottleneck {
    cv1: ConvBlock,
    cv2: ConvBlock,
    residual: bool,
}

#[exportable]
impl Module for Bottleneck {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let ys = self.cv2.forward(&self.cv1.forward(xs)?)?;
        if self.residual { xs + ys } else { Ok(ys) }
    }
}

#[derive(Exportable)]
struct C2f {
    cv1: ConvBlock,
    cv2: ConvBlock,
    bottleneck: Vec<Bottleneck>,
}

#[exportable]
impl Module for C2f {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let ys = self.cv1.forward(xs)?;
        let mut ys = ys.chunk(2, 1)?;
        for m in self.bottleneck.iter() {
            ys.push(m.forward(ys.last().unwrap())?)
        }
        let zs = Tensor::cat(ys.as_slice(), 1)?;
        self.cv2.forward(&zs)
    }
}

/// The block, then pooling at three sizes, and an upsampled sum: parts of YOLOv8's neck.
#[derive(Exportable)]
struct Neck {
    c2f: C2f,
    sppf: ConvBlock,
}

#[exportable]
impl Neck {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let xs = self.c2f.forward(x)?;
        let pool = |x: &Tensor| x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.max_pool2d_with_stride(3, 1);
        let xs2 = pool(&xs)?;
        let xs3 = pool(&xs2)?;
        let ys = Tensor::cat(&[&xs, &xs2, &xs3], 1)?.apply(&self.sppf)?;
        let (_, _, h, w) = ys.dims4()?;
        ys.upsample_nearest2d(2 * h, 2 * w)
    }
}

#[test]
fn yolo() {
    let w = &mut Weights(1500);
    let bottleneck = |w: &mut Weights| Bottleneck {
        cv1: ConvBlock::new(w, 8, 8, 3),
        cv2: ConvBlock::new(w, 8, 8, 3),
        residual: true,
    };
    let c2f = C2f {
        cv1: ConvBlock::new(w, 4, 16, 1),
        cv2: ConvBlock::new(w, 32, 8, 1),
        bottleneck: vec![bottleneck(w), bottleneck(w)],
    };
    let net = Neck { c2f, sppf: ConvBlock::new(w, 24, 4, 1) };
    check_deep(layer("forward/YOLOv8 neck", Input::Any(&[4, 10, 12]), &net, |x| net.forward(x)));
}

/// Dosovitskiy et al. 2020: patches as words, a class token, norms before attention.
#[derive(Exportable)]
struct VisionTransformer {
    patches: Conv2d,
    class_token: Tensor,
    positions: Tensor,
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    mlp: (Linear, Linear),
    norm: LayerNorm,
    head: Linear,
}

#[exportable]
impl VisionTransformer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.patches.forward(x)?.flatten_from(2)?.transpose(1, 2)?;
        let token = self.class_token.expand((x.dim(0)?, 1, 32))?;
        let x = Tensor::cat(&[token, x], 1)?.broadcast_add(&self.positions)?;
        let x = (&x + self.attention.forward(&self.norm1.forward(&x)?)?)?;
        let y = self.norm2.forward(&x)?.apply(&self.mlp.0)?.gelu()?.apply(&self.mlp.1)?;
        let x = self.norm.forward(&(x + y)?)?;
        self.head.forward(&x.narrow(1, 0, 1)?.squeeze(1)?)
    }
}

#[test]
fn vision_transformer() {
    let w = &mut Weights(500);
    let net = VisionTransformer {
        patches: w.conv(1, 32, 7, 7, 0),
        class_token: w.next(&[1, 1, 32], 0.5),
        positions: w.next(&[1, 17, 32], 0.5),
        norm1: w.layer_norm(32),
        attention: Attention::new(w, 32, 4, false),
        norm2: w.layer_norm(32),
        mlp: (w.linear(32, 64), w.linear(64, 32)),
        norm: w.layer_norm(32),
        head: w.linear(32, 10),
    };
    check_deep(layer("forward/vision transformer", Input::Any(&[1, 28, 28]), &net, |x| net.forward(x)));
}

/// Kingma and Welling 2013: the decoder of a variational autoencoder on images.
#[derive(Exportable)]
enum Upsampling {
    Nearest(Conv2d),
    Learnt(ConvTranspose2d),
}

#[exportable]
impl Module for Upsampling {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Nearest(conv) => {
                let (_, _, height, width) = x.dims4()?;
                x.upsample_nearest2d(height * 2, width * 2)?.apply(conv)
            }
            Self::Learnt(conv) => conv.forward(x),
        }
    }
}

#[derive(Exportable)]
struct Decoder {
    latent: Linear,
    up: Vec<Upsampling>,
    output: Conv2d,
    channels: usize,
}

#[exportable]
impl Decoder {
    fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let mut x = self.latent.forward(z)?.reshape(((), self.channels, 4, 4))?;
        for up in &self.up {
            x = x.apply(up)?.elu(1.)?;
        }
        candle_nn::ops::sigmoid(&self.output.forward(&x)?)
    }
}

#[test]
fn vae_decoder() {
    let w = &mut Weights(1600);
    let config = ConvTranspose2dConfig { stride: 2, padding: 1, ..Default::default() };
    let net = Decoder {
        latent: w.linear(10, 128),
        up: vec![
            Upsampling::Nearest(w.conv(8, 8, 3, 1, 1)),
            Upsampling::Learnt(ConvTranspose2d::new(w.next(&[8, 4, 4, 4], 0.2), None, config)),
        ],
        output: w.conv(4, 1, 3, 1, 1),
        channels: 8,
    };
    check_deep(layer("forward/decoder of a VAE", Input::Any(&[10]), &net, |x| net.forward(x)));
    let model = exporter::Model::trace(&net).input("z", ("batch", 10)).build().unwrap();
    let names = ["latent.weight", "latent.bias", "up.0.weight", "up.1.weight", "output.weight"];
    assert!(names.iter().all(|name| model.initializers().contains(name)), "{:?}", model.initializers());
}
