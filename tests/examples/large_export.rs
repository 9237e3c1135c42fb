//! Exports 400 MB of weights, in at most a second beside writing them and without a second copy in memory:
//! `cargo run --release -p hourglass-tests --example large_export`.

use std::time::Instant;

use candle_core::{Device, Tensor};
use candle_nn::{Activation, Linear};
use exporter::Model;

const WIDTH: usize = 5000;
const LAYERS: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let layer = || -> candle_core::Result<Linear> {
        Ok(Linear::new(Tensor::ones((WIDTH, WIDTH), candle_core::DType::F32, &Device::Cpu)?, None))
    };
    let layers: Vec<(Linear, Activation)> =
        (0..LAYERS).map(|_| Ok((layer()?, Activation::Relu))).collect::<candle_core::Result<_>>()?;
    let weights = LAYERS * WIDTH * WIDTH * 4;
    let before = peak_memory();
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("large.onnx");
    let started = Instant::now();
    Model::trace(&layers).input("x", ("batch", WIDTH)).save(&path)?;
    let seconds = started.elapsed().as_secs_f64();
    let length = std::fs::metadata(&path)?.len();
    println!("{:.0} MB of weights, {:.0} MB file, {seconds:.2} s", weights as f64 / 1e6, length as f64 / 1e6);
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        println!("peak memory {before:.0} MB before the export, {after:.0} MB after it");
        if after - before > 0.2 * weights as f64 / 1e6 {
            return Err("the export held a second copy of the weights".into());
        }
    }
    let bytes = vec![1u8; weights];
    let started = Instant::now();
    std::fs::write(dir.path().join("plain"), &bytes)?;
    let plain = started.elapsed().as_secs_f64();
    println!("{plain:.2} s to write as many bytes");
    if seconds > plain + 1. {
        return Err(format!("the export took {:.1} s beside writing the weights", seconds - plain).into());
    }
    Ok(())
}

/// The most memory this process has had, in MB, where the system says.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()? / 1e3)
}
