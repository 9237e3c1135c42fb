//! What every kernel uses to keep the processor's vector units busy.

pub(crate) mod aligned;
pub(crate) mod arch;
pub(crate) mod math;
pub(crate) mod prefetch;
pub(crate) mod scratch;
pub(crate) mod vector;
pub(crate) mod vectorised;
