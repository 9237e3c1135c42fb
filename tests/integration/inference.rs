//! The runtime's kernels against tract, and its threads.

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use exporter::{ExportOptions, export};
use runtime::{Autoencoder, Encoder, Error, Pool, Threads};
use tract_onnx::prelude::*;
use trainer::Preset;

use crate::family::{preset, train};
use crate::support::{largest_difference, shared};

/// What tract computes of `rows`.
fn tract(file: &std::path::Path, rows: &[f32], count: usize) -> Vec<f32> {
    let bytes = std::fs::read(file).unwrap();
    let model = tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes)).unwrap();
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let input = Tensor::from_shape(&[count, rows.len() / count], rows).unwrap();
    let output = plan.run(tvec!(input.into())).unwrap();
    output[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

#[test]
fn every_preset_computes_what_tract_does_with_the_same_bytes_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    for name in Preset::NAMES {
        let run = train(&dir.path().join(name), &preset(name));
        let bundle = export(&run, &ExportOptions::default()).unwrap().dir;
        let one = Autoencoder::load(&bundle).unwrap().with_pool(Arc::new(Threads::new(1)));
        let count = 600;
        let rows: Vec<f32> = (0..count * one.input_len()).map(|i| (i * 7 % 17) as f32 / 16.).collect();
        let latents = one.encode(&rows).unwrap();
        let images = one.decode(&latents).unwrap();
        for (file, input, found) in
            [("encoder.onnx", &rows[..], &latents), ("decoder.onnx", latents.as_slice(), &images)]
        {
            let expected = tract(&bundle.join(file), input, count);
            // Sums of up to 288 products in another order, on latents up to 10.
            assert!(largest_difference(found.as_slice(), &expected) < 1e-5, "{name}, {file}");
        }
        for threads in [2, 3] {
            let several = Autoencoder::load(&bundle).unwrap().with_pool(Arc::new(Threads::new(threads)));
            assert!(several.encode(&rows).unwrap() == latents, "{name}, {threads} threads");
            assert!(several.decode(&latents).unwrap() == images, "{name}, {threads} threads");
        }
        // Where our kernels compute, not even the batch matters.
        let width = one.input_len();
        assert_eq!(one.encode(&rows[..width]).unwrap().row(0), latents.row(0), "{name}");
        assert_eq!(one.encode(&rows[..5 * width]).unwrap().row(4), latents.row(4), "{name}");
    }
}

/// A pool of the embedding program's own, which keeps the number of blocks of each call.
#[derive(Default)]
struct Own(Mutex<Vec<usize>>);

impl Pool for Own {
    fn threads(&self) -> usize {
        3
    }

    fn run(&self, most: usize, work: &(dyn Fn() + Sync)) {
        self.0.lock().unwrap().push(most);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(work);
            }
        });
    }
}

#[test]
fn rows_are_computed_on_the_pool_of_the_embedding_program() {
    let pool = Arc::new(Own::default());
    let plain = Autoencoder::load(&shared().1.dir).unwrap();
    let pooled = Autoencoder::load(&shared().1.dir).unwrap().with_pool(pool.clone());
    let rows: Vec<f32> = (0..64 * 2000).map(|i| (i % 13) as f32 / 12.).collect();
    assert!(pooled.reconstruct(&rows).unwrap() == plain.reconstruct(&rows).unwrap());
    assert_eq!(*pool.0.lock().unwrap(), [23, 32], "blocks of 88 rows, which are read ahead, and of 64");
    pooled.reconstruct(&rows[..64]).unwrap();
    assert_eq!(pool.0.lock().unwrap().len(), 2, "a single row is not worth it");
}

#[test]
fn results_go_into_memory_of_the_callers() {
    let encoder = Encoder::load(&shared().1.dir).unwrap();
    let rows: Vec<f32> = (0..64 * 50).map(|i| (i % 13) as f32 / 12.).collect();
    let mut latents = vec![f32::NAN; 50 * 32];
    encoder.encode_into(&rows, &mut latents).unwrap();
    assert_eq!(latents, encoder.encode(&rows).unwrap().into_vec());
    let error = encoder.encode_into(&rows, &mut latents[1..]).unwrap_err();
    assert!(matches!(error, Error::OutputLength { .. }));
    assert_eq!(error.to_string(), "output `latent`: expected a buffer of 1600 values, found 1599");
}
