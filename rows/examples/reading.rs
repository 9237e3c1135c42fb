//! How fast CSV is read as a table, beside the crate `csv` alone, which splits the lines and turns nothing into numbers:
//!
//!     taskset -c 0 cargo run --release -p hourglass-rows --example reading -- big.csv

use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let path = std::env::args().nth(1).ok_or("expected a CSV file")?;
    let path = std::path::Path::new(&path);
    let megabytes = std::fs::metadata(path)?.len() as f64 / 1e6;
    let first = rows::Blocks::open(path, &rows::Options::default())?.next().ok_or("expected rows")??;
    let (mut alone, mut ours) = (vec![], vec![]);
    for _ in 0..3 {
        let start = Instant::now();
        let mut records = csv::ReaderBuilder::new().has_headers(first.has_header).from_path(path)?;
        let (mut record, mut cells) = (csv::ByteRecord::new(), 0);
        while records.read_byte_record(&mut record)? {
            cells += record.len();
        }
        alone.push(start.elapsed().as_secs_f64());

        let start = Instant::now();
        let mut found = 0;
        for table in rows::Blocks::open(path, &rows::Options::default())? {
            let table = table?;
            found += table.len() * table.columns.len();
        }
        ours.push(start.elapsed().as_secs_f64());
        assert_eq!(found, cells, "both read the same cells");
    }
    let [alone, ours] = [alone, ours].map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        megabytes / seconds[1]
    });
    println!("the crate csv alone {alone:.0} MB/s, as a table {ours:.0} MB/s: {:.2} of it", ours / alone);
    Ok(())
}
