//! A whole program: loads a bundle, reconstructs a grey row and prints the error. Build it small with
//! `cargo build --profile small -p hourglass-runtime --no-default-features --example embed`.

use runtime::Autoencoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bundle = std::env::args().nth(1).ok_or("usage: embed BUNDLE")?;
    let autoencoder = Autoencoder::load(bundle)?;
    let row = vec![0.5; autoencoder.input_len()];
    println!("mean squared error {:.5}", autoencoder.score(&row)?[0]);
    Ok(())
}
