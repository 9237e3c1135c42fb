//! Which vectors the kernels compute with.

use std::sync::OnceLock;

use pulp::Arch;

/// `avx2`: vectors of 8 floats, also where the processor has longer ones. Sums are then added up in the same order on every x86-64
/// processor with AVX2.
const SETTING: &str = "HOURGLASS_SIMD";

/// The longest vectors of this processor, or those that the setting names. It is read once.
pub(crate) fn arch() -> Arch {
    static FOUND: OnceLock<Arch> = OnceLock::new();
    *FOUND.get_or_init(|| std::env::var(SETTING).ok().and_then(|name| named(&name)).unwrap_or_default())
}

#[cfg(target_arch = "x86_64")]
fn named(name: &str) -> Option<Arch> {
    if name.eq_ignore_ascii_case("avx2") { pulp::x86::V3::try_new().map(Arch::V3) } else { None }
}

#[cfg(not(target_arch = "x86_64"))]
fn named(_name: &str) -> Option<Arch> {
    None
}
