//! Graphs that run on tract, and what stands in for it in a program built without tract.

#[cfg(not(feature = "tract"))]
pub(crate) use disabled::Plan;
#[cfg(feature = "tract")]
pub(crate) use enabled::Plan;

#[cfg(feature = "tract")]
mod enabled {
    use std::io::Cursor;
    use std::sync::Arc;

    use tract_onnx::prelude::*;

    use crate::engine::signature::Signature;

    /// A graph that tract has prepared.
    pub(crate) struct Plan(Arc<TypedSimplePlan>);

    impl Plan {
        /// Fails with a reason; may panic.
        pub(crate) fn new(bytes: &[u8], _unsupported: &str) -> Result<Self, String> {
            let model = tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes));
            let plan = model.and_then(|model| model.into_optimized()?.into_runnable());
            plan.map(Self).map_err(|error| format!("cannot be prepared: {error:#}"))
        }

        /// Computes some of the outputs of `rows`; `signatures` says which, and what they should be. Fails with a reason;
        /// may panic.
        pub(crate) fn run<const N: usize>(
            &self,
            rows: &[f32],
            input: &Signature,
            signatures: [(usize, &Signature); N],
            outputs: [&mut [f32]; N],
        ) -> Result<(), String> {
            let count = rows.len() / input.row_len();
            let shape = |row: &[usize]| [&[count], row].concat();
            let failed = |error| format!("{error:#}");
            let rows = Tensor::from_shape(&shape(&input.row_shape), rows).map_err(failed)?;
            let found = self.0.run(tvec!(rows.into())).map_err(failed)?;
            for ((place, signature), output) in signatures.into_iter().zip(outputs) {
                let found = &found[place];
                if shape(&signature.row_shape) != found.shape() {
                    let (name, claimed, found) = (&signature.name, signature.describe(), found.shape());
                    return Err(format!("its output `{name}` claims shape {claimed} and has {found:?}"));
                }
                output.copy_from_slice(
                    found.try_as_plain_ram().and_then(|plain| plain.as_slice::<f32>()).map_err(failed)?,
                );
            }
            Ok(())
        }
    }
}

#[cfg(not(feature = "tract"))]
mod disabled {
    use crate::engine::signature::Signature;

    /// There is none.
    pub(crate) enum Plan {}

    impl Plan {
        /// Fails with the reason why there are not kernels for the whole graph.
        pub(crate) fn new(_bytes: &[u8], unsupported: &str) -> Result<Self, String> {
            Err(format!("{unsupported}; build with the feature `tract`"))
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
}
