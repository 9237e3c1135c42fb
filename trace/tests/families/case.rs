//! One family: its random weights, its export, and the files for other runtimes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use trace::Export;

/// Weights that are made up when a model asks for them, the same ones each time.
#[derive(Clone, Default)]
pub struct Weights {
    made: Arc<Mutex<HashMap<String, Tensor>>>,
    /// Parts of names that this checkpoint has not: of layers that only other variants have.
    without: &'static [&'static str],
    /// Where it is given, depthwise weights have one channel: those that are as wide as long, with a window of this length.
    depthwise: Option<usize>,
}

impl Weights {
    pub fn without(parts: &'static [&'static str]) -> Self {
        Self { without: parts, ..Self::default() }
    }

    pub fn depthwise(window: usize) -> Self {
        Self { depthwise: Some(window), ..Self::default() }
    }

    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
    }

    pub fn named(&self) -> HashMap<String, Tensor> {
        self.made.lock().unwrap().clone()
    }
}

impl SimpleBackend for Weights {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> Result<Tensor> {
        if self.without.iter().any(|part| name.contains(part)) {
            candle_core::bail!("no tensor `{name}`")
        }
        // Some models ask for what a variant may not have, and take an error for no.
        let dims = shape.dims();
        let is_depthwise = |window: usize| matches!(dims, [a, b, c] if a == b && *c == window && *a > 1);
        if dims.contains(&0) || self.depthwise.is_some_and(is_depthwise) {
            candle_core::bail!("`{name}` has another shape")
        }
        let mut made = self.made.lock().unwrap();
        if let Some(tensor) = made.get(name) {
            return Ok(tensor.clone());
        }
        let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let numbers = numbers(shape.elem_count(), seed);
        let fan_in: usize = dims.iter().skip(1).product();
        let around = |middle: f32, width: f32| numbers.iter().map(|number| middle + width * number).collect::<Vec<_>>();
        let last = name.rsplit('.').next().unwrap();
        let numbers = match (last, dims.len()) {
            ("running_var", _) | ("alpha", _) => around(1., 0.4),
            ("weight" | "gamma" | "original0", 1) => around(1., 0.3),
            (_, 0 | 1) => around(0., 0.3),
            _ => around(0., (3. / fan_in as f32).sqrt()),
        };
        let tensor = Tensor::from_vec(numbers, dims, device)?.to_dtype(dtype)?;
        made.insert(name.into(), tensor.clone());
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("no shape for `{name}`")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.made.lock().unwrap().contains_key(name)
    }
}

/// Numbers in -1..1: splitmix64.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.
    };
    (0..count).map(|_| next()).collect()
}

/// Files with a part of the checkpoint (its encoder or its decoder, or what a variant has), or with weights that are computed when the model is loaded.
/// All others have every weight of the checkpoint under its name.
const PARTLY: [&str; 6] = ["MobileNetV4", "MobileOne", "RepVGG", "SNAC", "VAE", "Whisper"];

/// The forms of reductions, normalisations and others change between them.
const OPSETS: [i64; 3] = [13, 17, 21];

/// Leaves a file for each opset, its samples and what tract said for `tests/interop/check_families.py`; `dims` describes the inputs in the table.
pub fn keep<F>(name: &str, dims: &str, weights: &Weights, export: Export<F>)
where
    F: Fn(&[Tensor]) -> Result<Vec<Tensor>>,
{
    let named = weights.named();
    let mut export = export.named(&named);
    let folder = folder().join(name.replace([' ', ','], "_"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for opset in OPSETS {
        export = export.opset(opset);
        let exported = export.build().unwrap_or_else(|error| panic!("{name}, opset {opset}: {error}"));
        exported.save(folder.join(format!("opset{opset}.onnx"))).unwrap();
        // The same ones for each opset.
        exported.save_samples(&folder).unwrap();
        let proof = &exported.proof;
        let names = exported.model.initializers();
        let missing: Vec<&String> = named.keys().filter(|name| !names.contains(&name.as_str())).collect();
        let record = serde_json::json!({
            "name": name, "dims": dims, "tract": proof.difference, "not_in_tract": proof.reason,
            "rows_differ": proof.samples.iter().any(|sample| sample.rows_differ),
            "opsets": OPSETS, "operators": exported.model.operators().len(),
        });
        fs::write(folder.join("case.json"), record.to_string()).unwrap();
        println!("{name}, opset {opset}: {proof}; {} operators", exported.model.operators().len());
        let partly = PARTLY.iter().any(|part| name.contains(part));
        assert!(missing.is_empty() || partly, "{name}: {missing:?} are not among the initializers");
    }
}

/// `target/trace-families`, found from the running test in `target/PROFILE/deps`.
fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).map(Path::to_path_buf).unwrap().join("trace-families")
}
