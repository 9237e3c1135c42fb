//! Runs the file with tract and compares it with candle.

use std::collections::HashMap;
use std::fmt;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::{DType, Tensor};
use exporter::{DimSpec, Model};
use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable, TValue, Tensor as TractTensor, tvec};

use crate::error::{Error, Result};
use crate::input::Input;
use crate::random::Random;

/// Random inputs, and what candle computes from them.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The size of each dimension that has a name.
    pub sizes: HashMap<String, usize>,
    /// By input.
    pub inputs: Vec<Tensor>,
    /// By output.
    pub outputs: Vec<Tensor>,
    /// Whether candle computes something else for the batch than for its rows alone, and the file what it computes for the rows, which stand
    /// here then. In candle 0.11.1, products of tensors that are not contiguous are wrong for every row but the first (its pull request 3758).
    pub rows_differ: bool,
    /// The outputs of the rows alone, where they differ.
    rows: Option<Vec<Tensor>>,
}

/// What the comparison with tract found.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The largest difference of any output, relative to the output's largest number; nothing where tract cannot run the file.
    pub difference: Option<f32>,
    /// Why tract cannot run it.
    pub reason: Option<String>,
    /// The inputs and outputs that were compared, for other runtimes.
    pub samples: Vec<Sample>,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.difference, &self.reason) {
            (Some(difference), _) => {
                let mut sizes: Vec<String> = self.samples.iter().map(|sample| described(&sample.sizes)).collect();
                sizes.dedup();
                write!(f, "verified by tract: differs by {difference:.1e} at most, at {}", sizes.join("; "))
            }
            (None, reason) => write!(f, "not verified: {}", reason.as_deref().unwrap_or("tract did not run it")),
        }
    }
}

/// Runs the model on random inputs, and each row of them alone.
pub(crate) fn sample<F>(run: &F, inputs: &[Input], sizes: HashMap<String, usize>, seed: u64) -> Result<Sample>
where
    F: Fn(&[Tensor]) -> candle_core::Result<Vec<Tensor>>,
{
    let mut random = Random::new(seed);
    let tensors: Vec<Tensor> =
        inputs.iter().map(|input| input.tensor(&|name| sizes[name], &mut random)).collect::<Result<_>>()?;
    let outputs = run(&tensors)?;
    let mut rows = rows(run, inputs, &tensors)?;
    if let Some(found) = &rows {
        let mut differ = false;
        for (row, whole) in found.iter().zip(&outputs) {
            differ |= row.dims() == whole.dims() && difference(row, whole)? > TOLERANCE;
        }
        rows = rows.filter(|_| differ);
    }
    Ok(Sample { sizes, inputs: tensors, outputs, rows_differ: false, rows })
}

/// Sums of some thousand products, in another order in each library, and exponentials of other libraries: a deep network adds up to this.
pub(crate) const TOLERANCE: f32 = 1e-4;

/// An output whose numbers are all smaller is taken for zeros.
const NOTHING: f64 = 1e-9;

/// What stands for infinity, such as the lowest number in masks: no measure of the others.
const HUGE: f64 = 1e30;

/// The outputs of each row alone, joined; nothing where the inputs have no dimension in common that comes first.
fn rows<F>(run: &F, inputs: &[Input], tensors: &[Tensor]) -> Result<Option<Vec<Tensor>>>
where
    F: Fn(&[Tensor]) -> candle_core::Result<Vec<Tensor>>,
{
    let batch = inputs[0].dims.first();
    let Some(DimSpec::Named(_)) = batch else { return Ok(None) };
    let elsewhere = |input: &Input| input.dims.iter().skip(1).any(|dim| Some(dim) == batch);
    if inputs.iter().any(|input| input.dims.first() != batch || elsewhere(input)) {
        return Ok(None);
    }
    let count = tensors[0].dims()[0];
    if count < 2 {
        return Ok(None);
    }
    let mut outputs: Vec<Vec<Tensor>> = vec![];
    for row in 0..count {
        let row: Vec<Tensor> =
            tensors.iter().map(|tensor| tensor.narrow(0, row, 1)).collect::<candle_core::Result<_>>()?;
        for (at, output) in run(&row)?.into_iter().enumerate() {
            outputs.resize_with(outputs.len().max(at + 1), Vec::new);
            outputs[at].push(output);
        }
    }
    if outputs.iter().flatten().any(|output| output.dims().first() != Some(&1)) {
        return Ok(None);
    }
    Ok(Some(outputs.iter().map(|rows| Tensor::cat(rows, 0)).collect::<candle_core::Result<_>>()?))
}

/// Compares tract with candle on these samples.
pub(crate) fn prove(model: &Model, mut samples: Vec<Sample>, outputs: &[String]) -> Result<Proof> {
    let bytes = model.to_bytes();
    let mut largest = 0f32;
    for at in 0..samples.len() {
        // tract is known to panic where a graph is new to it.
        let run = AssertUnwindSafe(|| with_tract(&bytes, &samples[at].inputs, &samples[at].outputs));
        let computed = match catch_unwind(run).unwrap_or_else(|_| Err("it panics".into())) {
            Ok(computed) => computed,
            Err(reason) => {
                let reason = format!("at {}: {reason}", described(&samples[at].sizes));
                samples.iter_mut().for_each(Sample::take_rows);
                return Ok(Proof { difference: None, reason: Some(reason), samples });
            }
        };
        let (mut output, mut difference) = worst(&computed, &samples[at].outputs)?;
        if !accepted(difference) && samples[at].rows.is_some() {
            samples[at].take_rows();
            (output, difference) = worst(&computed, &samples[at].outputs)?;
        }
        if !accepted(difference) {
            let (output, sizes) = (outputs[output].clone(), described(&samples[at].sizes));
            return Err(Error::Different { output, difference, sizes, tolerance: TOLERANCE });
        }
        largest = largest.max(difference);
    }
    let is_blank = |at: usize| samples.iter().map(|sample| blank(&sample.outputs[at])).collect::<Result<Vec<bool>>>();
    for (at, name) in outputs.iter().enumerate() {
        if is_blank(at)?.into_iter().all(|is_blank| is_blank) {
            let reason = format!("`{name}` is 0 or not a number everywhere, which proves nothing");
            return Ok(Proof { difference: None, reason: Some(reason), samples });
        }
    }
    Ok(Proof { difference: Some(largest), reason: None, samples })
}

/// Whether there is no number but 0.
fn blank(tensor: &Tensor) -> Result<bool> {
    let numbers = tensor.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(numbers.iter().all(|number| *number == 0. || number.is_nan()))
}

impl Sample {
    /// Expects what candle computes for the rows alone.
    fn take_rows(&mut self) {
        if let Some(rows) = self.rows.take() {
            (self.outputs, self.rows_differ) = (rows, true);
        }
    }
}

fn accepted(difference: f32) -> bool {
    // Not a number is not accepted either.
    difference <= TOLERANCE
}

/// The output that differs most, and by how much.
fn worst(computed: &[Tensor], expected: &[Tensor]) -> Result<(usize, f32)> {
    let mut worst = (0, 0f32);
    for (at, (computed, expected)) in computed.iter().zip(expected).enumerate() {
        let difference = difference(computed, expected)?;
        if difference.is_nan() || difference > worst.1 {
            worst = (at, difference);
        }
    }
    Ok(worst)
}

/// The largest difference, relative to the largest number; infinite where the shapes differ, or whole numbers do.
fn difference(a: &Tensor, b: &Tensor) -> Result<f32> {
    if a.dims() != b.dims() {
        return Ok(f32::INFINITY);
    }
    let is_whole = !b.dtype().is_float();
    let numbers = |tensor: &Tensor| tensor.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (a, b) = (numbers(a)?, numbers(b)?);
    if is_whole && a != b {
        return Ok(f32::INFINITY);
    }
    let usual = b.iter().map(|number| number.abs()).filter(|number| *number < HUGE);
    let scale = usual.fold(NOTHING, f64::max);
    // NaN where candle has NaN, and the same infinity, are no difference.
    let pair = |(a, b): (&f64, &f64)| match a == b || (a.is_nan() && b.is_nan()) {
        true => 0.,
        false if b.abs() >= HUGE => ((a - b).abs() / b.abs()) as f32,
        false => ((a - b).abs() / scale) as f32,
    };
    let differences = a.iter().zip(&b).map(pair);
    Ok(differences
        .fold(0f32, |largest, next| if next.is_nan() || largest.is_nan() { f32::NAN } else { largest.max(next) }))
}

fn with_tract(bytes: &[u8], inputs: &[Tensor], expected: &[Tensor]) -> std::result::Result<Vec<Tensor>, String> {
    let failed = |error: &dyn fmt::Debug| {
        let text = format!("{error:?}");
        let mut causes = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Stack"));
        causes.next_back().unwrap_or("no reason").chars().take(200).collect::<String>()
    };
    let mut graph = tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes)).map_err(|e| failed(&e))?;
    let mut values = tvec!();
    for (at, tensor) in inputs.iter().enumerate() {
        let value = tract_tensor(tensor).map_err(|e| failed(&e))?;
        let fact = tract_onnx::prelude::InferenceFact::dt_shape(value.datum_type(), value.shape());
        graph.set_input_fact(at, fact).map_err(|e| failed(&e))?;
        values.push(TValue::from(value));
    }
    let graph = graph.into_optimized().and_then(|graph| graph.into_runnable()).map_err(|e| failed(&e))?;
    let outputs = graph.run(values).map_err(|e| failed(&e))?;
    outputs.iter().zip(expected).map(|(output, expected)| candle_tensor(output, expected)).collect()
}

fn tract_tensor(tensor: &Tensor) -> candle_core::Result<TractTensor> {
    let flat = tensor.flatten_all()?;
    let shaped = match tensor.dtype() {
        DType::F32 => TractTensor::from_shape(tensor.dims(), &flat.to_vec1::<f32>()?),
        DType::U8 => TractTensor::from_shape(tensor.dims(), &flat.to_vec1::<u8>()?),
        _ => TractTensor::from_shape(tensor.dims(), &flat.to_dtype(DType::I64)?.to_vec1::<i64>()?),
    };
    shaped.map_err(candle_core::Error::wrap)
}

fn candle_tensor(output: &TractTensor, expected: &Tensor) -> std::result::Result<Tensor, String> {
    let text = |error: &dyn fmt::Display| error.to_string();
    let numbers = output.cast_to::<f64>().map_err(|e| text(&e))?;
    let numbers = numbers.to_plain_array_view::<f64>().map_err(|e| text(&e))?;
    let numbers: Vec<f64> = numbers.iter().copied().collect();
    let tensor = Tensor::from_vec(numbers, output.shape(), expected.device()).map_err(|e| text(&e))?;
    tensor.to_dtype(DType::F64).map_err(|e| text(&e))
}

/// `batch 4, length 9`.
pub(crate) fn described(sizes: &HashMap<String, usize>) -> String {
    let mut parts: Vec<String> = sizes.iter().map(|(name, size)| format!("{name} {size}")).collect();
    parts.sort();
    if parts.is_empty() { "its only size".into() } else { parts.join(", ") }
}
