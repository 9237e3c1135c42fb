//! What stands for tract in a program built without it.

use crate::check::Signature;

/// There is none.
pub(crate) enum Plan {}

impl Plan {
    /// Fails with the reason why there are no kernels for all of the graph.
    pub(crate) fn new(_bytes: &[u8], refusal: &str) -> Result<Self, String> {
        Err(format!("{refusal}; build with the feature `tract`"))
    }

    pub(crate) fn run<const N: usize>(
        &self,
        _rows: &[f32],
        _input: &Signature,
        _signatures: [(usize, &Signature); N],
        _outputs: [&mut [f32]; N],
    ) -> Result<(), String> {
        match *self {}
    }
}
