//! Models without export code: `forward`, compiled a second time by `#[exportable]`.

mod language;
mod rules;
mod vision;

pub use vision::{BasicBlock, ResNet18};

use candle_core::{Module, ModuleT, Result, Tensor};
use candle_nn::{BatchNorm, Conv2d, Linear};
use exporter::{Exportable, exportable};

use crate::case::{Input, layer};
use crate::weights::{Weights, check_deep};

/// LeCun et al. 1998, with batch norm in place of the original's trained subsampling.
#[derive(Exportable)]
pub struct LeNet {
    pub conv1: Conv2d,
    pub norm1: BatchNorm,
    pub conv2: Conv2d,
    pub norm2: BatchNorm,
    pub fc1: Linear,
    pub fc2: Linear,
    pub fc3: Linear,
}

#[exportable]
impl LeNet {
    pub fn new() -> Self {
        let mut w = Weights(0);
        Self {
            conv1: w.conv(1, 6, 5, 1, 2),
            norm1: w.batch_norm(6),
            conv2: w.conv(6, 16, 5, 1, 0),
            norm2: w.batch_norm(16),
            fc1: w.linear(400, 120),
            fc2: w.linear(120, 84),
            fc3: w.linear(84, 10),
        }
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.conv1.forward(x)?;
        let x = self.norm1.forward_t(&x, false)?.relu()?.max_pool2d(2)?;
        let x = self.conv2.forward(&x)?;
        let x = self.norm2.forward_t(&x, false)?.relu()?.max_pool2d(2)?;
        let x = x.flatten_from(1)?;
        let x = self.fc1.forward(&x)?.relu()?;
        let x = self.fc2.forward(&x)?.relu()?;
        self.fc3.forward(&x)
    }
}

#[test]
fn lenet() {
    let net = LeNet::new();
    check_deep(layer("forward/LeNet-5 with batch norm", Input::Any(&[1, 28, 28]), &net, |x| net.forward(x)));
}
