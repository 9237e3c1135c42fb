//! Writes what candle computes for every held-out row of a run, for `interop/check.py` to compare with, and says how far the
//! runtime, and tract alone, are from it on the run's bundle:
//! `cargo run --release -p hourglass-tests --example reference -- RUN reference.npz`.

use candle_core::{Device, Tensor};
use runtime::Autoencoder;
use trainer::{Dataset, Run};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, path] = &arguments[..] else { return Err("usage: reference RUN FILE.npz".into()) };
    let run = Run::open(run)?;
    let model = run.load_best(&Device::Cpu)?;
    let test = Dataset::load(&run.config()?.data)?.test;
    let rows: Vec<u32> = (0..test.len() as u32).collect();
    let (mut input, mut latent, mut log_variance, mut reconstruction) = (vec![], vec![], vec![], vec![]);
    for rows in rows.chunks(500) {
        let batch = test.batch(rows, &Device::Cpu)?;
        let (means, variances) = model.encode_distribution(&batch)?;
        log_variance.extend(variances);
        reconstruction.push(model.decode(&means)?);
        latent.push(means);
        input.push(batch);
    }
    let all = |parts: &[Tensor]| Tensor::cat(parts, 0);
    let [input, latent, reconstruction] = [all(&input)?, all(&latent)?, all(&reconstruction)?];

    let bundle = run.dir().join("onnx");
    let [encoder, decoder] = ["encoder.onnx", "decoder.onnx"].map(|file| std::fs::read(bundle.join(file)));
    let on_tract = Autoencoder::from_bytes_on_tract(&encoder?, &decoder?)?;
    let largest = values(&latent)?.into_iter().fold(0f32, |most, value| most.max(value.abs()));
    println!("against candle, {} rows, latents up to {largest:.1}", rows.len());
    for (engine, autoencoder) in [("runtime", Autoencoder::load(bundle)?), ("tract", on_tract)] {
        let latents = autoencoder.encode(&values(&input)?)?;
        let images = autoencoder.decode(&latents)?;
        compare(&format!("{engine}, latents"), latents.as_slice(), &values(&latent)?);
        compare(&format!("{engine}, reconstructions"), images.as_slice(), &values(&reconstruction)?);
    }

    let mut arrays = vec![("input", input), ("latent", latent), ("reconstruction", reconstruction)];
    if !log_variance.is_empty() {
        arrays.push(("log_variance", all(&log_variance)?));
    }
    Tensor::write_npz(&arrays, path)?;
    Ok(())
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}

fn compare(name: &str, found: &[f32], expected: &[f32]) {
    let pairs = found.iter().zip(expected).map(|(found, expected)| ((found - expected).abs(), expected.abs().max(1.)));
    let (absolute, relative) =
        pairs.fold((0f32, 0f32), |most, (difference, scale)| (most.0.max(difference), most.1.max(difference / scale)));
    println!("{name:<26} max absolute {absolute:.2e}, max relative {relative:.2e}");
}
