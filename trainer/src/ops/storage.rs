//! What candle keeps, as slices for the kernels.

use candle_core::{CpuStorage, DType, Layout, Result, Shape, Tensor, bail};

/// Whether `x` is what the kernels are for.
pub(super) fn takes(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

pub(super) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("expected contiguous values, found {layout:?}"),
    }
}

/// A tensor of shape `dims` that `fill` writes.
pub(super) fn filled(dims: impl Into<Shape>, fill: impl FnOnce(&mut [f32])) -> Result<(CpuStorage, Shape)> {
    let shape = dims.into();
    let mut values = vec![0.; shape.elem_count()];
    fill(&mut values);
    Ok((CpuStorage::F32(values), shape))
}

/// The values of a tensor that is changed in place.
pub(super) fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("expected contiguous values of f32, found {layout:?}"),
    }
}
