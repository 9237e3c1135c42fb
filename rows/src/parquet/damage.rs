//! What is said of a file that cannot be as it is.

use parquet::errors::ParquetError;

/// How a Parquet file begins and ends.
pub const MAGIC: &[u8] = b"PAR1";
pub(super) const NOT_WHOLE: &str = "not a whole Parquet file: it is cut off or damaged";

/// As an error of the crate.
pub(super) fn damaged() -> ParquetError {
    ParquetError::General(NOT_WHOLE.into())
}
