//! A whole program around a bundle: reconstructs a grey row and prints how far off it is. It is built small by
//! `cargo build --profile small -p hourglass-runtime --no-default-features --example embed`.

use runtime::Autoencoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bundle = std::env::args().nth(1).ok_or("usage: embed BUNDLE")?;
    let autoencoder = Autoencoder::load(bundle)?;
    let row = vec![0.5; autoencoder.input_len()];
    let (mut code, mut reconstruction) = (vec![0.; autoencoder.latent_dim()], vec![0.; row.len()]);
    autoencoder.encode_into(&row, &mut code)?;
    autoencoder.decode_into(&code, &mut reconstruction)?;
    let squares = row.iter().zip(&reconstruction).map(|(a, b)| (a - b) * (a - b));
    println!("mean squared error {:.5}", squares.sum::<f32>() / row.len() as f32);
    Ok(())
}
