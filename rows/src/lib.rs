//! Rows of numbers, and tables with named columns, from files as people have them: CSV, Parquet, `.npy` and `.npz`.

mod array;
mod blocks;
mod breaks;
mod cells;
mod columns;
mod csv;
mod decimal;
mod dialect;
mod error;
mod file;
mod first_pass;
mod gunzip;
mod named;
mod npy;
mod npy_rows;
mod npz;
mod numbers;
mod options;
mod parquet;
#[cfg(feature = "pictures")]
mod pictures;
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
mod unpacked;
mod windows;

pub use array::{Array, Arrays, array_file};
pub use blocks::{Blocks, Progress};
pub use breaks::SeriesNumbers;
pub use columns::read_columns;
pub use error::{Error, Result};
pub use gunzip::Gunzip;
pub use named::{Column, Columns};
pub use npy_rows::NpyRows;
pub use numbers::Numbers;
pub use options::{Expected, Header, Options, Separator};
pub use parquet::{ParquetWriter, is_contained};
#[cfg(feature = "pictures")]
pub use pictures::{
    MAX_PICTURE_SIDE, PictureHeader, PictureSize, picture_files, picture_folders, picture_header, picture_pixels,
    planes,
};
pub use raw::raw_rows;
pub use read::{Rows, read};
pub use sample::{NotANumber, Sample};
pub use shards::is_shards;
pub use texts::Texts;
pub use unpacked::{Unpacked, buffer};
pub use windows::{WindowCutter, missing_steps, window_starts};
