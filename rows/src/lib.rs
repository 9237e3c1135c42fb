//! Rows of numbers, and tables with named columns, from files as people have them: CSV, Parquet, `.npy` and `.npz`.

mod array;
mod blocks;
mod cells;
mod columns;
mod csv;
mod decimal;
mod dialect;
mod error;
mod file;
mod first_pass;
mod named;
mod npy;
mod npz;
mod numbers;
mod options;
mod parquet;
mod plain_lines;
mod raw;
mod read;
mod records;
mod sample;
mod shards;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod windows;

pub use array::{Array, Arrays, array_file};
pub use blocks::{Blocks, Progress};
pub use columns::read_columns;
pub use error::{Error, Result};
pub use named::{Column, Columns};
pub use numbers::Numbers;
pub use options::{Expected, Header, Options, Separator};
pub use parquet::ParquetWriter;
pub use raw::raw_rows;
pub use read::{Rows, read};
pub use sample::{NotANumber, Sample};
pub use shards::is_shards;
pub use texts::Texts;
pub use windows::{missing_steps, raw_windows, window_starts};
