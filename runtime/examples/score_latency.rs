//! How long one row takes: `cargo run --release --example score_latency -- BUNDLE`.

use std::time::Instant;

use runtime::Scorer;

/// Rows that are scored, one by one.
const ROWS: usize = 20_000;

fn main() -> runtime::Result<()> {
    let Some(bundle) = std::env::args().nth(1) else {
        println!("usage: score_latency BUNDLE");
        return Ok(());
    };
    let scorer = Scorer::load(bundle)?;
    let width = scorer.input_len();
    let mut micros = Vec::with_capacity(ROWS);
    for row in 0..ROWS {
        let values: Vec<f32> = (0..width).map(|column| ((row * 31 + column * 7) % 97) as f32 / 97.).collect();
        let start = Instant::now();
        scorer.score(&values)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
    }
    micros.sort_by(f64::total_cmp);
    let [half, most] = [0.5, 0.99].map(|part| micros[(part * ROWS as f64) as usize]);
    println!("{width} values a row: median {half:.1} us, 99 % within {most:.1} us");
    Ok(())
}
