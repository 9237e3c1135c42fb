//! The values of candle's tensors as slices for the kernels.

use std::cell::RefCell;

use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Result, Shape, Storage, Tensor, bail};

/// Whether `x` is what the kernels compute on.
pub(crate) fn is_f32_cpu(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// The values of a contiguous tensor.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("expected contiguous values, found {layout:?}"),
    }
}

/// A new tensor of shape `dims`, written by `fill`.
pub(crate) fn filled(dims: impl Into<Shape>, fill: impl FnOnce(&mut [f32])) -> Result<(CpuStorage, Shape)> {
    let shape = dims.into();
    let mut values = vec![0.; shape.elem_count()];
    fill(&mut values);
    Ok((CpuStorage::F32(values), shape))
}

/// Calls `work` with the values of contiguous tensors of `f32` on the CPU.
pub(crate) fn with_values<R>(tensors: &[&Tensor], work: impl FnOnce(&[&[f32]]) -> R) -> Result<R> {
    let storages: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let slices = storages.iter().map(|(storage, layout)| match &**storage {
        Storage::Cpu(storage) => values(storage, layout),
        _ => bail!("expected values on the CPU"),
    });
    Ok(work(&slices.collect::<Result<Vec<_>>>()?))
}

/// Calls `work` with the values of contiguous tensors of `f32` on the CPU, to be changed in place.
pub(crate) fn with_values_mut(tensors: &[&Tensor], mut work: impl FnMut(Vec<&mut [f32]>)) -> Result<()> {
    enter(tensors, vec![], &mut work)
}

/// Candle lends one tensor at a time, so the others are borrowed within the operator that has the first.
fn enter(tensors: &[&Tensor], before: Vec<&mut [f32]>, work: Work) -> Result<()> {
    match tensors {
        [] => work(before),
        [tensor, rest @ ..] => tensor.inplace_op1(&Enter { rest, state: RefCell::new((before, work)) })?,
    }
    Ok(())
}

struct Enter<'a> {
    rest: &'a [&'a Tensor],
    state: RefCell<(Vec<&'a mut [f32]>, Work<'a>)>,
}

type Work<'a> = &'a mut dyn FnMut(Vec<&mut [f32]>);

impl InplaceOp1 for Enter<'_> {
    fn name(&self) -> &'static str {
        "in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("expected contiguous values of f32, found {layout:?}")
        };
        let (before, work) = &mut *self.state.borrow_mut();
        let mut slices: Vec<&mut [f32]> = before.iter_mut().map(|slice| &mut **slice).collect();
        slices.push(&mut values[start..end]);
        enter(self.rest, slices, work)
    }
}
