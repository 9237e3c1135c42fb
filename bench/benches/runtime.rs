//! Criterion benchmarks of the runtime: encoder and decoder of 784-32-784 at several batch sizes, and loading.

use std::hint::black_box;

use candle_core::{Device, Tensor};
use candle_nn::{Linear, Module};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use exporter::{GraphBuilder, Model, Result, ToOnnx, Value};
use runtime::{Autoencoder, Matrix};

const BATCHES: [usize; 5] = [1, 16, 64, 256, 10_000];

/// A linear layer and its activation.
struct Layer {
    linear: Linear,
    activation: fn(&mut GraphBuilder, Value) -> Result<Value>,
}

impl Layer {
    /// Speed does not depend on the weights, as long as the sums are ordinary numbers.
    fn new(inputs: usize, outputs: usize, activation: fn(&mut GraphBuilder, Value) -> Result<Value>) -> Result<Self> {
        let weight = Tensor::full(0.01f32, (outputs, inputs), &Device::Cpu)?;
        let bias = Tensor::zeros(outputs, weight.dtype(), &Device::Cpu)?;
        let linear = Linear::new(weight, Some(bias));
        Ok(Self { linear, activation })
    }

    fn file(&self, input: &str, output: &str) -> Result<Vec<u8>> {
        let width = self.linear.weight().dim(1)?;
        Ok(Model::trace(self).input(input, ("batch", width)).output(output).build()?.to_bytes())
    }
}

impl Module for Layer {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.linear.forward(x)
    }
}

impl ToOnnx for Layer {
    fn to_onnx(&self, graph: &mut GraphBuilder, x: Value) -> Result<Value> {
        let x = graph.apply("linear", &self.linear, x)?;
        (self.activation)(graph, x)
    }
}

fn files() -> Result<[Vec<u8>; 2]> {
    let encoder = Layer::new(784, 32, |graph, x| graph.relu(x))?.file("input", "latent")?;
    let decoder = Layer::new(32, 784, |graph, x| graph.sigmoid(x))?.file("latent", "reconstruction")?;
    Ok([encoder, decoder])
}

fn inference(criterion: &mut Criterion) {
    let [encoder, decoder] = files().expect("linear layers can be exported");
    criterion.bench_function("load", |bencher| bencher.iter(|| Autoencoder::from_bytes(&encoder, &decoder)));
    let autoencoder = Autoencoder::from_bytes(&encoder, &decoder).expect("encoder and decoder fit");
    for (name, width, output) in [("encode", 784, 32), ("decode", 32, 784)] {
        let mut group = criterion.benchmark_group(name);
        for batch in BATCHES {
            let rows = Matrix::new(batch, width, vec![0.5; batch * width]).expect("batch times width values");
            let mut out = vec![0.; batch * output];
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_with_input(BenchmarkId::from_parameter(batch), &rows, |bencher, rows| {
                bencher.iter(|| {
                    let done = if name == "encode" {
                        autoencoder.encode_into(rows, &mut out)
                    } else {
                        autoencoder.decode_into(rows, &mut out)
                    };
                    black_box((done, &mut out)).0
                })
            });
        }
        group.finish();
    }
}

criterion_group!(benches, inference);
criterion_main!(benches);
