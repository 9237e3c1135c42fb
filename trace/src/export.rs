//! The line that exports a model: what is traced, what is said of it, and what comes out.

use std::collections::HashMap;
use std::path::Path;

use candle_core::Tensor;
use candle_core::op::record;
use candle_nn::VarMap;
use exporter::Model;

use crate::error::{Error, Result};
use crate::input::Input;
use crate::lower;
use crate::names::Names;
use crate::outputs::Outputs;
use crate::proof::{self, Proof};
use crate::random::Random;
use crate::recording::Recording;
use crate::sizes::{RUNS, Sizes};

/// Starts to export what `model` computes from these inputs. The model is run as it is, so it must be ready for inference.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{Module, VarBuilder, VarMap};
/// use trace::Input;
///
/// # fn main() -> trace::Result<()> {
/// let weights = VarMap::new();
/// let vb = VarBuilder::from_varmap(&weights, DType::F32, &Device::Cpu);
/// let model = candle_nn::linear(4, 3, vb.pp("head"))?;
/// let exported = trace::export(|x| model.forward(&x[0]), [Input::f32("x", ("batch", 4))]).weights(&weights).build()?;
/// assert_eq!(exported.model.initializers(), ["head.weight", "head.bias"]);
/// assert_eq!(exported.model.operators(), ["Gemm"]);
/// # Ok(()) }
/// ```
pub fn export<F, O>(
    model: F,
    inputs: impl Into<Vec<Input>>,
) -> Export<impl Fn(&[Tensor]) -> candle_core::Result<Vec<Tensor>>>
where
    F: Fn(&[Tensor]) -> candle_core::Result<O>,
    O: Outputs,
{
    Export {
        run: move |inputs: &[Tensor]| Ok(model(inputs)?.into_tensors()),
        inputs: inputs.into(),
        names: Names::default(),
        sizes: Sizes::default(),
        outputs: vec![],
        opset: 17,
        allow_unverified: false,
    }
}

/// Loads a model so that the parts and other views of weights that it makes meanwhile are known, and keep the weights' names. Models that make
/// none need it not.
///
/// ```
/// # use candle_core::{Device, Tensor};
/// # use std::collections::HashMap;
/// # fn main() -> trace::Result<()> {
/// let both = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let weights = HashMap::from([("both".to_owned(), both.clone())]);
/// let first = trace::load(|| both.narrow(0, 0, 1))?;
/// let model = |x: &[Tensor]| x[0].broadcast_mul(&first);
/// let exported = trace::export(model, [trace::Input::f32("x", ("batch", 2))]).named(&weights).build()?;
/// assert!(exported.model.initializers().contains(&"both"));
/// # Ok(()) }
/// ```
pub fn load<T>(model: impl FnOnce() -> T) -> T {
    record(model)
}

/// A model that is about to be exported. [`Export::build`] or [`Export::save`] does it.
pub struct Export<F> {
    run: F,
    inputs: Vec<Input>,
    names: Names,
    sizes: Sizes,
    outputs: Vec<String>,
    opset: i64,
    allow_unverified: bool,
}

/// A file that computes what the model computes, and how that was seen.
pub struct Exported {
    /// The file, which is not written yet.
    pub model: Model,
    /// The comparison with candle.
    pub proof: Proof,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl<F: Fn(&[Tensor]) -> candle_core::Result<Vec<Tensor>>> Export<F> {
    /// The weights have the names that they have here.
    pub fn weights(mut self, weights: &VarMap) -> Self {
        // A poisoned lock means that another thread has failed; the names are still right.
        let data = weights.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (name, var) in sorted(&data) {
            self.names.add(name, var.as_tensor());
        }
        drop(data);
        self
    }

    /// The weights have the names that they have in this map, such as `candle_core::safetensors::load` returns.
    pub fn named(mut self, weights: &HashMap<String, Tensor>) -> Self {
        for (name, tensor) in sorted(weights) {
            self.names.add(name, tensor);
        }
        self
    }

    /// The names of the outputs. Default: `output`, or `output_0`, `output_1`.
    pub fn outputs<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.outputs = names.map(String::from).to_vec();
        self
    }

    /// The version of ONNX's operators, 13 to 21. Default 17.
    pub fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    /// The size `name` is always a multiple of this number: 32 for an image that is halved five times.
    pub fn multiple_of(mut self, name: &str, number: usize) -> Self {
        self.sizes.multiples.insert(name.into(), number);
        self
    }

    /// The size `name` is never larger. A model that makes a table of places needs it, and that much of the table is stored.
    pub fn longest(mut self, name: &str, size: usize) -> Self {
        self.sizes.longest.insert(name.into(), size);
        self
    }

    /// The sizes at which the model is traced, ascending from 2. Default: small primes, different ones for each name.
    pub fn traced_at(mut self, name: &str, sizes: [usize; RUNS]) -> Self {
        self.sizes.given.insert(name.into(), sizes);
        self
    }

    /// The file is proven at this size too, in place of the largest that is chosen: 2 to 4 times the largest that is traced. A model with
    /// windows or distances that end somewhere needs a size beyond them: below, they look as if there were none.
    pub fn proven_to(mut self, name: &str, size: usize) -> Self {
        self.sizes.proven.insert(name.into(), size);
        self
    }

    /// Returns a file also where tract cannot run it. [`Proof::reason`] then says why, and another runtime must verify it on
    /// [`Proof::samples`]. A file that tract runs and that differs is never returned.
    pub fn allow_unverified(mut self) -> Self {
        self.allow_unverified = true;
        self
    }

    /// Traces the model, writes the graph and proves it.
    ///
    /// # Errors
    ///
    /// [`Error::Structure`] for a model that computes something else at another size, [`Error::Size`] and [`Error::Unsupported`] for what
    /// cannot be written, [`Error::Different`] where the file is wrong, [`Error::Unverified`] where tract cannot run it.
    pub fn build(&mut self) -> Result<Exported> {
        if self.inputs.is_empty() {
            return Err(Error::Input("a model without inputs is a constant; there is nothing to export".into()));
        }
        self.sizes.settle(&self.inputs)?;
        let mut random = Random::new(1);
        let (mut inputs, mut outputs) = (vec![], vec![]);
        for run in 0..RUNS {
            let tensors: Vec<Tensor> = self
                .inputs
                .iter()
                .map(|input| input.tensor(&|name| self.sizes.traced(name)[run], &mut random))
                .collect::<Result<_>>()?;
            outputs.push(record(|| (self.run)(&tensors))?);
            inputs.push(tensors);
        }
        if outputs.iter().any(|run| run.len() != outputs[0].len()) {
            return Err(Error::Structure("the number of outputs changes".into()));
        }
        let names = self.output_names(outputs[0].len())?;
        let recording = Recording::new(&inputs, &outputs, &self.names)?;
        if let Some(at) = recording.outputs.iter().position(|&id| !recording.depends_on_inputs(id)) {
            let cause = "was it written in place, or made of numbers that Rust read?";
            return Err(Error::Input(format!("output `{}` depends on no input; {cause}", names[at])));
        }
        let model = self.write(&recording, &names)?;
        drop(recording);
        let mut samples = vec![];
        for (seed, sizes) in self.sizes.to_prove().into_iter().enumerate() {
            samples.push(proof::sample(&self.run, &self.inputs, sizes, seed as u64 + 2)?);
        }
        let proof = proof::prove(&model, samples, &names)?;
        match &proof.reason {
            Some(reason) if !self.allow_unverified => Err(Error::Unverified { reason: reason.clone() }),
            _ => {
                let inputs = self.inputs.iter().map(|input| input.name.clone()).collect();
                Ok(Exported { model, proof, inputs, outputs: names })
            }
        }
    }

    /// [`Export::build`], and writes the file.
    ///
    /// # Errors
    ///
    /// Those of [`Export::build`], and [`Error::Export`] when the file cannot be written.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<Proof> {
        let exported = self.build()?;
        exported.model.save(path)?;
        Ok(exported.proof)
    }

    fn output_names(&self, count: usize) -> Result<Vec<String>> {
        match (self.outputs.len(), count) {
            (0, 1) => Ok(vec!["output".into()]),
            (0, count) => Ok((0..count).map(|at| format!("output_{at}")).collect()),
            (named, count) if named == count => Ok(self.outputs.clone()),
            (named, count) => Err(Error::Input(format!("the model has {count} outputs, and {named} names were given"))),
        }
    }

    fn write(&self, recording: &Recording, outputs: &[String]) -> Result<Model> {
        let mut failed = None;
        let model = Model::build("model", self.opset, |graph| {
            match lower::write(graph, recording, (&self.inputs, &self.sizes), outputs) {
                Err(Error::Export(error)) => Err(error),
                Err(other) => {
                    failed = Some(other);
                    // What is returned here is not seen.
                    Err(exporter::Error::Opset { found: 0 })
                }
                Ok(()) => Ok(()),
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(model?),
        }
    }
}

/// The entries in the order of their names, so that the same model gives the same bytes.
fn sorted<T>(map: &HashMap<String, T>) -> Vec<(&String, &T)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

impl Exported {
    /// Writes the file.
    ///
    /// # Errors
    ///
    /// [`Error::Export`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(self.model.save(path)?)
    }

    /// Writes the samples beside the file, for other runtimes: `sample_0.npz` has `input.NAME` and `output.NAME`.
    ///
    /// # Errors
    ///
    /// [`Error::Candle`] when they cannot be written.
    pub fn save_samples(&self, folder: impl AsRef<Path>) -> Result<()> {
        for (number, sample) in self.proof.samples.iter().enumerate() {
            let inputs = self.inputs.iter().zip(&sample.inputs).map(|(name, tensor)| (format!("input.{name}"), tensor));
            let outputs =
                self.outputs.iter().zip(&sample.outputs).map(|(name, tensor)| (format!("output.{name}"), tensor));
            let tensors: Vec<(String, &Tensor)> = inputs.chain(outputs).collect();
            Tensor::write_npz(&tensors, folder.as_ref().join(format!("sample_{number}.npz")))?;
        }
        Ok(())
    }
}
