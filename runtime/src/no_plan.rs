//! What stands for tract in a program built without it.

use crate::check::Signature;

/// There is none.
pub(crate) enum Plan {}

impl Plan {
    pub(crate) fn new(_bytes: &[u8]) -> Result<Self, String> {
        Err("there are no kernels for some of its layers, and this program was built without the feature `tract`"
            .into())
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
