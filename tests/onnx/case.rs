//! One test case: how it is built, how candle computes it, and the comparison with tract.

use std::fs;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use exporter::{DimSpec, ElementType, GraphBuilder, Model, ToOnnx, Value};
use tract_onnx::prelude::{DatumType, Framework, InferenceModelExt, IntoRunnable, TValue, Tensor as TractTensor, tvec};

/// Every opset that is written: the forms of reductions, LayerNormalization and others change between them.
pub const OPSETS: [i64; 9] = [13, 14, 15, 16, 17, 18, 19, 20, 21];
pub const BATCHES: [usize; 2] = [1, 5];

/// What candle computes from the same inputs.
type Forward<'a> = Box<dyn Fn(&[Tensor]) -> candle_core::Result<Tensor> + 'a>;
type Build<'a> = Box<dyn Fn(&mut GraphBuilder, &[Value]) -> exporter::Result<Value> + 'a>;

/// An input: its dimensions after the batch, and the range of its values.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// Numbers in -2..2.
    Any(&'a [usize]),
    /// Numbers in 0.1..2.
    Positive(&'a [usize]),
    /// Numbers in -2..2, as f16.
    Half(&'a [usize]),
    /// Indices below the number.
    Index(&'a [usize], usize),
    /// Numbers in -2..2; the dimension at this place after the batch is a symbol too.
    Symbolic(&'a [usize], usize),
    /// Numbers in -2..2; the first dimension after the batch is a symbol too, and two longer in the larger batch.
    Sequence(&'a [usize]),
    /// Indices below the number; as above.
    Words(&'a [usize], usize),
}

pub struct Case<'a> {
    /// `kind/name`: the kinds are `layer`, `operator`, `model` and `forward`.
    pub name: &'a str,
    pub inputs: Vec<Input<'a>>,
    pub build: Build<'a>,
    pub forward: Forward<'a>,
    /// The largest |difference| / max(1, |candle|).
    pub tolerance: f32,
    /// Why tract cannot run it, if so; onnxruntime still must.
    pub not_in_tract: Option<&'static str>,
}

/// Sums of a few dozen products in another order, and exponentials of other libraries, differ by some units in the last
/// place: 1e-6 of values around 1.
pub const TOLERANCE: f32 = 5e-6;

/// A case with one input.
pub fn case<'a>(
    name: &'a str,
    input: Input<'a>,
    build: impl Fn(&mut GraphBuilder, Value) -> exporter::Result<Value> + 'a,
    forward: impl Fn(&Tensor) -> candle_core::Result<Tensor> + 'a,
) -> Case<'a> {
    Case {
        name,
        inputs: vec![input],
        build: Box::new(move |graph, x| build(graph, x[0])),
        forward: Box::new(move |x| forward(&x[0])),
        tolerance: TOLERANCE,
        not_in_tract: None,
    }
}

/// A case with one layer, exported under the name `layer`.
pub fn layer<'a>(
    name: &'a str,
    input: Input<'a>,
    layer: impl ToOnnx + 'a,
    forward: impl Fn(&Tensor) -> candle_core::Result<Tensor> + 'a,
) -> Case<'a> {
    case(name, input, move |graph, x| graph.apply("layer", &layer, x), forward)
}

/// Numbers in -1..1 that look random and are always the same.
pub fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        // splitmix64, Steele, Lea and Flood 2014.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.
    };
    (0..count).map(|_| next()).collect()
}

/// A weight in -scale..scale.
pub fn weight(dims: &[usize], scale: f32) -> Tensor {
    let count: usize = dims.iter().product();
    let values = numbers(count, dims.iter().fold(count, |seed, dim| seed * 31 + dim));
    let values: Vec<f32> = values.into_iter().map(|value| value * scale).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

impl Input<'_> {
    fn dims(&self) -> &[usize] {
        match self {
            Self::Any(dims)
            | Self::Half(dims)
            | Self::Positive(dims)
            | Self::Index(dims, _)
            | Self::Symbolic(dims, _)
            | Self::Sequence(dims)
            | Self::Words(dims, _) => dims,
        }
    }

    fn element_type(&self) -> ElementType {
        match self {
            Self::Index(..) | Self::Words(..) => ElementType::I64,
            Self::Half(_) => ElementType::F16,
            Self::Any(_) | Self::Positive(_) | Self::Symbolic(..) | Self::Sequence(_) => ElementType::F32,
        }
    }

    fn tensor(&self, batch: usize, seed: usize) -> Tensor {
        let mut dims: Vec<usize> = [&[batch], self.dims()].concat();
        if matches!(self, Self::Sequence(_) | Self::Words(..)) && batch != BATCHES[0] {
            dims[1] += 2;
        }
        let values = numbers(dims.iter().product(), seed);
        match *self {
            Self::Any(_) | Self::Symbolic(..) | Self::Sequence(_) => {
                Tensor::from_vec(values.iter().map(|value| value * 2.).collect::<Vec<_>>(), dims, &Device::Cpu)
            }
            Self::Half(dims) => Self::Any(dims).tensor(batch, seed).to_dtype(DType::F16),
            Self::Positive(_) => {
                Tensor::from_vec(values.iter().map(|value| value * 0.95 + 1.05).collect::<Vec<_>>(), dims, &Device::Cpu)
            }
            Self::Index(_, below) | Self::Words(_, below) => {
                let index = |value: &f32| (((value + 1.) / 2. * below as f32) as i64).clamp(0, below as i64 - 1);
                Tensor::from_vec(values.iter().map(index).collect::<Vec<_>>(), dims, &Device::Cpu)
            }
        }
        .unwrap()
    }
}

impl Case<'_> {
    pub fn model(&self, opset: i64) -> exporter::Result<Model> {
        Model::build("case", opset, |graph| {
            let mut values = Vec::new();
            for (index, input) in self.inputs.iter().enumerate() {
                let mut dims: Vec<DimSpec> = vec!["batch".into()];
                dims.extend(input.dims().iter().map(|&dim| DimSpec::from(dim)));
                match input {
                    Input::Symbolic(_, place) => dims[place + 1] = "length".into(),
                    Input::Sequence(_) | Input::Words(..) => dims[1] = "length".into(),
                    _ => (),
                }
                values.push(graph.input_of(input.element_type(), &format!("x{index}"), dims)?);
            }
            let output = (self.build)(graph, &values)?;
            graph.output("y", output)
        })
    }

    /// Compares tract with candle at every opset and batch, and leaves the files for onnxruntime.
    pub fn check(&self) {
        let dir = cases_dir().join(self.name.replace('/', "-").replace(' ', "_"));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let mut worst = 0f32;
        for opset in OPSETS {
            let model = self.model(opset).unwrap_or_else(|error| panic!("{}: opset {opset}: {error}", self.name));
            let bytes = model.to_bytes();
            exporter::check(&bytes).unwrap();
            model.save(dir.join(format!("opset{opset}.onnx"))).unwrap();
            for batch in BATCHES {
                let inputs: Vec<Tensor> =
                    self.inputs.iter().enumerate().map(|(index, input)| input.tensor(batch, index)).collect();
                let expected = (self.forward)(&inputs).unwrap_or_else(|error| panic!("{}: {error}", self.name));
                let arrays: Vec<(String, Tensor)> = inputs
                    .iter()
                    .enumerate()
                    .map(|(index, input)| (format!("x{index}"), input.clone()))
                    .chain([("y".to_owned(), expected.to_dtype(DType::F32).unwrap().contiguous().unwrap())])
                    .collect();
                Tensor::write_npz(&arrays, dir.join(format!("batch{batch}.npz"))).unwrap();
                if self.not_in_tract.is_some() {
                    assert!(run_tract(&bytes, &inputs).is_err(), "{}: tract runs it now", self.name);
                    continue;
                }
                let found = run_tract(&bytes, &inputs)
                    .unwrap_or_else(|error| panic!("{}: opset {opset}, batch {batch}: {error:#}", self.name));
                assert_eq!(found.0, expected.dims(), "{}: opset {opset}, batch {batch}", self.name);
                let difference = relative_difference(&found.1, &values(&expected));
                let limit = self.tolerance;
                let place = format!("{}: opset {opset}, batch {batch}", self.name);
                assert!(difference <= limit, "{place}: tract differs by {difference:e}, more than {limit:e}");
                worst = worst.max(difference);
            }
        }
        let record = serde_json::json!({
            "name": self.name, "opsets": OPSETS, "batches": BATCHES, "tolerance": self.tolerance,
            "tract": self.not_in_tract.is_none().then_some(worst), "not_in_tract": self.not_in_tract,
        });
        fs::write(dir.join("case.json"), record.to_string()).unwrap();
    }
}

/// `target/onnx-cases`, found from the running test in `target/PROFILE/deps`.
fn cases_dir() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    for _ in 0..3 {
        path.pop();
    }
    path.join("onnx-cases")
}

pub fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest |found - expected| / max(1, |expected|); infinite where one is not a number.
pub fn relative_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let differences =
        found.iter().zip(expected).map(|(found, expected)| (found - expected).abs() / expected.abs().max(1.));
    differences.map(|difference| if difference.is_nan() { f32::INFINITY } else { difference }).fold(0., f32::max)
}

/// The shape and the values of an output.
type Output = (Vec<usize>, Vec<f32>);

/// The first output.
pub fn run_tract(bytes: &[u8], inputs: &[Tensor]) -> tract_onnx::prelude::TractResult<Output> {
    Ok(run_tract_all(bytes, inputs)?.swap_remove(0))
}

/// Every output.
pub fn run_tract_all(bytes: &[u8], inputs: &[Tensor]) -> tract_onnx::prelude::TractResult<Vec<Output>> {
    let plan = tract_onnx::onnx().model_for_read(&mut &bytes[..])?.into_optimized()?.into_runnable()?;
    let mut converted = tvec!();
    for input in inputs {
        let flat = input.flatten_all().unwrap();
        let tensor = match input.dtype() {
            DType::I64 => TractTensor::from_shape(input.dims(), &flat.to_vec1::<i64>().unwrap())?,
            _ => TractTensor::from_shape(input.dims(), &values(input))?,
        };
        let tensor = if input.dtype() == DType::F16 { tensor.cast_to_dt(DatumType::F16)?.into_owned() } else { tensor };
        converted.push(TValue::from(tensor));
    }
    let outputs = plan.run(converted)?;
    let read = |output: &TValue| {
        let output = output.cast_to::<f32>()?;
        Ok((output.shape().to_vec(), output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()))
    };
    outputs.iter().map(read).collect()
}
