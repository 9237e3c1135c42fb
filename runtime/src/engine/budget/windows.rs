//! The shapes of convolutions and poolings, and what their windows ask for.

use super::node::{Node, product};

/// A window that moves over an image, along each of its axes.
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    pads: Vec<usize>,
}

/// The window of a convolution or pooling over images of this rank, without batch and channels.
pub(super) fn window(node: &Node) -> Option<Window> {
    let rank = node.dims(0)?.len().checked_sub(2)?;
    let positive = |ints: &[i64]| ints.iter().map(|&int| usize::try_from(int).ok().filter(|&int| int > 0)).collect();
    let each = |name, count| match node.ints(name) {
        Some(ints) if ints.len() == count => positive(ints),
        Some(_) => None,
        None => Some(vec![1; count]),
    };
    let is_pooling = node.operator().ends_with("Pool");
    let kernel: Vec<usize> = match node.ints("kernel_shape") {
        Some(ints) => positive(ints)?,
        None if is_pooling => return None,
        None => node.dims(1)?.get(2..)?.to_vec(),
    };
    let pads = match node.ints("pads") {
        Some(pads) => pads.iter().map(|&pad| usize::try_from(pad).ok()).collect::<Option<Vec<_>>>()?,
        None => vec![0; 2 * rank],
    };
    let fits = kernel.len() == rank && pads.len() == 2 * rank && (is_pooling || node.dims(1)?.get(2..)? == kernel);
    let window = Window { kernel, strides: each("strides", rank)?, dilations: each("dilations", rank)?, pads };
    fits.then_some(window)
}

impl Window {
    /// From the first to the last value that the kernel reads along an axis.
    fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1).saturating_mul(self.dilations[axis]).saturating_add(1)
    }

    fn both_pads(&self, axis: usize) -> usize {
        self.pads[axis].saturating_add(self.pads[self.kernel.len() + axis])
    }

    /// Values of images of these dimensions after their padding.
    pub(super) fn padded_len(&self, dims: &[usize]) -> usize {
        let len = |(axis, dim): (usize, &usize)| dim.saturating_add(self.both_pads(axis));
        let outer = product(&dims[..2]);
        dims[2..].iter().enumerate().map(len).fold(outer, usize::saturating_mul)
    }
}

/// Channels of a kernel's output, where the input has those that the kernel takes.
fn channels(node: &Node) -> Option<usize> {
    let (dims, weight) = (node.dims(0)?, node.dims(1)?);
    let group = usize::try_from(node.int("group", 1)).ok().filter(|&group| group > 0)?;
    let (&given, &[first, second, ..]) = (dims.get(1)?, weight) else { return None };
    let fits = match node.operator() {
        "ConvTranspose" => given == first && given.is_multiple_of(group),
        _ => second.checked_mul(group)? == given && first.is_multiple_of(group),
    };
    let found = if node.operator() == "ConvTranspose" { second.checked_mul(group)? } else { first };
    fits.then_some(found)
}

/// What a convolution or a pooling gives.
pub(super) fn pooled(node: &Node) -> Option<Vec<usize>> {
    let (dims, window) = (node.dims(0)?, window(node)?);
    let mut shape = dims.to_vec();
    if !node.operator().ends_with("Pool") {
        shape[1] = channels(node)?;
    }
    let rounds_up = node.int("ceil_mode", 0) == 1;
    for (axis, dim) in shape[2..].iter_mut().enumerate() {
        let stride = window.strides[axis];
        *dim = match node.text("auto_pad") {
            "" | "NOTSET" => {
                let free = dim.saturating_add(window.both_pads(axis)).checked_sub(window.extent(axis))?;
                (if rounds_up { free.div_ceil(stride) } else { free / stride }).checked_add(1)?
            }
            "VALID" => dim.checked_sub(window.extent(axis))? / stride + 1,
            _ => dim.div_ceil(stride),
        };
    }
    Some(shape)
}

/// What a transposed convolution gives.
pub(super) fn transposed(node: &Node) -> Option<Vec<usize>> {
    let (dims, window) = (node.dims(0)?, window(node)?);
    let mut shape = dims.to_vec();
    shape[1] = channels(node)?;
    for (axis, dim) in shape[2..].iter_mut().enumerate() {
        let stride = window.strides[axis];
        let further = match node.ints("output_padding") {
            Some(further) => usize::try_from(*further.get(axis)?).ok()?,
            None => 0,
        };
        let full = dim.checked_sub(1)?.saturating_mul(stride).saturating_add(window.extent(axis));
        *dim = match node.text("auto_pad") {
            _ if node.ints("output_shape").is_some() => {
                let wanted = node.ints("output_shape")?;
                usize::try_from(wanted[wanted.len().checked_sub(window.kernel.len())? + axis]).ok()?
            }
            "SAME_UPPER" | "SAME_LOWER" => dim.saturating_mul(stride),
            _ => full.saturating_add(further).checked_sub(window.both_pads(axis))?,
        };
    }
    Some(shape)
}
