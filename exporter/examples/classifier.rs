//! Trains a small classifier of handwritten digits with candle, exports it to ONNX, and runs the file with tract.
//!
//! cargo run --release -p hourglass-exporter --example classifier

use std::error::Error;

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, loss};
use exporter::{Exportable, Model, exportable};
use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable, Tensor as TractTensor, tvec};

/// 64 pixels to 10 classes.
#[derive(Exportable)]
struct Classifier {
    hidden: Linear,
    output: Linear,
}

#[exportable]
impl Classifier {
    fn new(vb: VarBuilder) -> candle_core::Result<Self> {
        Ok(Self { hidden: linear(64, 48, vb.pp("hidden"))?, output: linear(48, 10, vb.pp("output"))? })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = self.hidden.forward(x)?.relu()?;
        self.output.forward(&x)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let digits = smartcore::dataset::digits::load_dataset();
    let pixels: Vec<f32> = digits.data.iter().map(|ink| ink / 16.).collect();
    let classes: Vec<u32> = digits.target.iter().map(|&class| class as u32).collect();
    let pixels = Tensor::from_vec(pixels, (digits.num_samples, 64), &Device::Cpu)?;
    let classes = Tensor::from_vec(classes, digits.num_samples, &Device::Cpu)?;
    let (train, train_classes) = (pixels.narrow(0, 0, 1500)?, classes.narrow(0, 0, 1500)?);
    let (test, test_classes) = (pixels.narrow(0, 1500, 297)?, classes.narrow(0, 1500, 297)?);

    let variables = VarMap::new();
    let classifier = Classifier::new(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    let mut optimizer = AdamW::new(variables.all_vars(), ParamsAdamW { lr: 0.01, ..Default::default() })?;
    for _ in 0..200 {
        let logits = classifier.forward(&train)?;
        optimizer.backward_step(&loss::cross_entropy(&logits, &train_classes)?)?;
    }

    let file = std::env::temp_dir().join("classifier.onnx");
    Model::trace(&classifier).input("pixels", ("batch", 64)).output("logits").save(&file)?;

    let plan = tract_onnx::onnx().model_for_path(&file)?.into_optimized()?.into_runnable()?;
    let rows = test.flatten_all()?.to_vec1::<f32>()?;
    let outputs = plan.run(tvec!(TractTensor::from_shape(&[297, 64], &rows)?.into()))?;
    let logits = outputs[0].try_as_plain_ram()?.as_slice::<f32>()?.to_vec();

    let logits = Tensor::from_vec(logits, (297, 10), &Device::Cpu)?;
    let difference = (&logits - classifier.forward(&test)?)?.abs()?.max_all()?.to_scalar::<f32>()?;
    let right = logits.argmax(1)?.eq(&test_classes)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
    println!("{} gives the right class to {right} of 297 held-out digits", file.display());
    println!("largest difference between tract and candle: {difference:.1e}");
    Ok(())
}
