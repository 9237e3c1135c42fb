//! Writes what candle computes for every held-out row of a run, for `interop/check.py` to compare with:
//! `cargo run --release -p hourglass-tests --example reference -- RUN reference.npz`.

use candle_core::{Device, Tensor};
use trainer::{Dataset, Run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, path] = &arguments[..] else { return Err("usage: reference RUN FILE.npz".into()) };
    let run = Run::open(run)?;
    let model = run.load_best(&Device::Cpu)?;
    let test = Dataset::load(&run.config()?.data)?.test;
    let rows: Vec<u32> = (0..test.len() as u32).collect();
    let (mut input, mut latent, mut reconstruction) = (vec![], vec![], vec![]);
    for rows in rows.chunks(500) {
        let batch = test.batch(rows, &Device::Cpu)?;
        let codes = model.encode(&batch)?;
        reconstruction.push(model.decode(&codes)?);
        latent.push(codes);
        input.push(batch);
    }
    let all = |parts: &[Tensor]| Tensor::cat(parts, 0);
    let arrays = [("input", all(&input)?), ("latent", all(&latent)?), ("reconstruction", all(&reconstruction)?)];
    Tensor::write_npz(&arrays, path)?;
    Ok(())
}
