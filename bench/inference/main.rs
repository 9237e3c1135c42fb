//! Times inference by our runtime and by onnxruntime in the same process: calls of every batch size, and loading.
//!
//! ```sh
//! cargo build --release --workspace --bins
//! ORT_DYLIB_PATH=libonnxruntime.so target/release/inference --mnist DIR SIMPLE_BUNDLE CONV_BUNDLE ..
//! ```

mod measure;
mod mnist;
mod peer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use runtime::{Autoencoder, Decoder, Encoder, Threads};

use measure::{Call, Figures, race};
use peer::Peer;

/// Times bundles of MNIST's size on our runtime and on onnxruntime, by turns.
#[derive(Parser)]
struct Arguments {
    /// Bundles of networks that take images of 28 x 28
    #[arg(required = true)]
    bundles: Vec<PathBuf>,
    /// The folder with MNIST's files
    #[arg(long, default_value = "../shared/data/mnist")]
    mnist: PathBuf,
    /// The library of onnxruntime
    #[arg(long, env = "ORT_DYLIB_PATH")]
    onnxruntime: Option<PathBuf>,
    /// Batch sizes
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256,10000")]
    batches: Vec<usize>,
    /// Numbers of threads
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// How many turns each runtime takes
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds of a turn
    #[arg(long, default_value_t = 20)]
    turn: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = mnist::test_rows(&arguments.mnist)?;
    let peer = match &arguments.onnxruntime {
        Some(library) => Peer::open(library).with_context(|| library.display().to_string()),
        None => Err(anyhow::anyhow!("neither --onnxruntime nor ORT_DYLIB_PATH names its library")),
    };
    match &peer {
        Ok(peer) => println!("peer: {}", peer.version()),
        Err(error) => println!("peer: missing: {error:#}"),
    }
    let bench = Bench { peer: peer.ok(), rounds: arguments.rounds, turn: Duration::from_millis(arguments.turn) };
    for bundle in &arguments.bundles {
        println!("\n{}\n\n{}", bundle.display(), Figures::HEADER);
        let latents = Autoencoder::load(bundle)?.encode(&rows)?.into_vec();
        for &threads in &arguments.threads {
            for &batch in &arguments.batches {
                bench.graph(bundle, "encoder", &rows, batch, threads)?;
                bench.graph(bundle, "decoder", &latents, batch, threads)?;
            }
        }
        bench.loading(bundle)?;
    }
    Ok(())
}

struct Bench {
    peer: Option<Peer>,
    rounds: usize,
    turn: Duration,
}

impl Bench {
    fn graph(&self, bundle: &Path, graph: &str, rows: &[f32], batch: usize, threads: usize) -> Result<()> {
        let rows = &rows[..rows.len() / mnist::ROWS * batch];
        let pool = Arc::new(Threads::new(threads));
        let mut ours: Call = if graph == "encoder" {
            let encoder = Encoder::load(bundle)?.with_pool(pool);
            let mut latents = vec![0.; batch * encoder.latent_dim()];
            Box::new(move || Ok(encoder.encode_into(rows, &mut latents)?))
        } else {
            let decoder = Decoder::load(bundle)?.with_pool(pool);
            let mut images = vec![0.; batch * decoder.output_len()];
            Box::new(move || Ok(decoder.decode_into(rows, &mut images)?))
        };
        let mut theirs = match &self.peer {
            Some(peer) => Some(peer.call(&bundle.join(format!("{graph}.onnx")), rows, batch, threads)?),
            None => None,
        };
        let figures = race(&mut ours, theirs.as_mut(), self.rounds, self.turn)?;
        println!("{}", figures.line(&format!("{graph} {batch}, {threads} threads")));
        Ok(())
    }

    fn loading(&self, bundle: &Path) -> Result<()> {
        let mut ours: Call = Box::new(|| Autoencoder::load(bundle).map(drop).map_err(Into::into));
        let mut theirs = self.peer.as_ref().map(|peer| peer.loading(bundle));
        let figures = race(&mut ours, theirs.as_mut(), self.rounds, self.turn)?;
        println!("{}", figures.line("loading"));
        Ok(())
    }
}
