//! ONNX operators as layers: one function for each operator, which gives nothing where there is no kernel for the node.

use kernels::{Activation, Conv, Dense};
use onnx::NodeProto;

use super::attributes::Attributes;
use super::network::{Layer, Place};
use super::reader::{Reader, Value};
use crate::engine::constants::{dims, floats, ints};
use crate::engine::signature::Batch;

/// The widest window of a convolution.
const MAX_WINDOW: usize = 31;
/// The most values of the buffers that a convolution's kernel works on.
const MAX_CONV_VALUES: usize = 1 << 24;

impl Reader<'_> {
    pub(super) fn gemm(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["alpha", "beta", "transA", "transB"])?;
        let plain = attributes.float("alpha", 1.) == 1. && attributes.float("beta", 1.) == 1.;
        let value = self.input(node)?;
        let weight = self.constant(node, 1)?;
        let (&[inputs], &[rows, columns]) = (&value.shape[..], &dims(weight)?[..]) else { return None };
        let transposed = attributes.int("transB", 0) == 1;
        let (found, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(_) => {
                self.constant(node, 2).filter(|bias| dims(bias).as_deref() == Some(&[outputs])).and_then(floats)?
            }
            None => vec![0.; outputs],
        };
        if !plain || attributes.int("transA", 0) != 0 || found != inputs {
            return None;
        }
        let mut weight = floats(weight)?;
        if !transposed {
            weight = (0..columns).flat_map(|column| weight[column..].iter().step_by(columns)).copied().collect();
        }
        self.push(Layer::Dense(Dense::new(&weight, &bias)), &value, vec![bias.len()])
    }

    pub(super) fn conv(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["kernel_shape", "pads", "strides", "dilations", "group"])?;
        let (value, [in_channels, height, width]) = self.image(node)?;
        let (weight, bias) = (self.constant(node, 1)?, floats(self.constant(node, 2)?)?);
        let [out_channels, channels, kernel, columns] = dims(weight)?[..] else { return None };
        let padding = attributes.ints("pads").and_then(|pads| pads.first()).map_or(0, |&padding| padding);
        let plain = attributes.all("strides", 1) && attributes.all("dilations", 1) && attributes.all("pads", padding);
        let padding = usize::try_from(padding).ok()?;
        let square = kernel == columns && kernel % 2 == 1 && attributes.all("kernel_shape", kernel as i64);
        let fits = channels == in_channels && bias.len() == out_channels && attributes.int("group", 1) == 1;
        if !plain || !square || !fits || padding >= kernel || height.min(width) + 2 * padding < kernel {
            return None;
        }
        // The kernels' buffers are at most the window's area times as large as the image.
        let padded = (height + 2 * padding).checked_mul(width + 2 * padding)?;
        let values = padded.checked_mul(kernel * kernel)?.checked_mul(in_channels.max(out_channels))?;
        if kernel > MAX_WINDOW || values > MAX_CONV_VALUES {
            return None;
        }
        let conv = Conv { batch: 0, in_channels, height, width, out_channels, kernel, padding };
        let shape = vec![out_channels, conv.out_height(), conv.out_width()];
        self.push(Layer::Conv { conv, weight: floats(weight)?, bias }, &value, shape)
    }

    pub(super) fn max_pool(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["kernel_shape", "strides", "pads", "ceil_mode"])?;
        let value = self.values.get(node.input.first()?.as_str())?.clone();
        let (&[channels, height, width], &[_, padded_height, padded_width]) = (&value.shape[..], &value.padded[..])
        else {
            return None;
        };
        let two = |name| attributes.ints(name) == Some(&[2, 2]);
        let plain = attributes.all("pads", 0) && attributes.int("ceil_mode", 0) == 0;
        if !two("kernel_shape") || !two("strides") || !plain || padded_height % 2 + padded_width % 2 > 0 {
            return None;
        }
        let shape = vec![channels, padded_height / 2, padded_width / 2];
        self.push(Layer::MaxPool([channels, height, width]), &value, shape)
    }

    pub(super) fn resize(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["mode", "coordinate_transformation_mode", "nearest_mode"])?;
        let (value, [channels, height, width]) = self.image(node)?;
        let nearest = attributes.text("mode", "nearest") == "nearest"
            && attributes.text("coordinate_transformation_mode", "half_pixel") == "asymmetric"
            && attributes.text("nearest_mode", "round_prefer_floor") == "floor";
        let [_, regions, _] = &node.input[..] else { return None };
        if !nearest || !regions.is_empty() || floats(self.constant(node, 2)?)? != [1., 1., 2., 2.] {
            return None;
        }
        let shape = vec![channels, height.checked_mul(2)?, width.checked_mul(2)?];
        self.push(Layer::Upsample([channels, height, width]), &value, shape)
    }

    /// The first rows or columns of images.
    pub(super) fn slice(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let (value, [channels, height, width]) = self.image(node)?;
        let number = |index| match ints(self.constant(node, index)?)?[..] {
            [number] => Some(number),
            _ => None,
        };
        let (start, end, axis) = (number(1)?, usize::try_from(number(2)?).ok()?, number(3)?);
        let to = match axis {
            2 => [end.min(height), width],
            3 => [height, end.min(width)],
            _ => return None,
        };
        if start != 0 || end == 0 || node.input.len() != 4 {
            return None;
        }
        self.push(Layer::Crop { from: [height, width], to }, &value, vec![channels, to[0], to[1]])
    }

    /// One more row or column at the end of images of odd size, equal to the last: a pooling that follows sees only
    /// what is there.
    pub(super) fn pad(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["mode"])?;
        let value = self.only_input(node)?;
        let [_, _] = &node.input[..] else { return None };
        let axis = match ints(self.constant(node, 1)?)?[..] {
            [0, 0, 0, 0, 0, 0, 1, 0] => 1,
            [0, 0, 0, 0, 0, 0, 0, 1] => 2,
            _ => return None,
        };
        let mut padded = value.padded.clone();
        if attributes.text("mode", "constant") != "edge" || padded.len() != 3 || padded[axis] % 2 == 0 {
            return None;
        }
        padded[axis] += 1;
        Some(Value { padded, ..value })
    }

    pub(super) fn reshape(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["allowzero"])?;
        let shape = ints(self.constant(node, 1)?)?;
        let (&batch, row) = shape.split_first()?;
        let kept = match batch {
            -1 => true,
            0 => attributes.int("allowzero", 0) == 0,
            _ => self.layout.batch == Batch::Fixed(usize::try_from(batch).ok()?),
        };
        if !kept {
            return None;
        }
        // One length may be left open where the batch is not.
        let known = row
            .iter()
            .filter(|&&dim| dim != -1)
            .try_fold(1usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok().filter(|&dim| dim > 0)?))?;
        let open = row.iter().filter(|&&dim| dim == -1).count();
        let len: usize = self.input(node)?.shape.iter().product();
        if open > 1 || open == 1 && (batch == -1 || !len.is_multiple_of(known)) {
            return None;
        }
        let row = row.iter().map(|&dim| if dim == -1 { len / known } else { dim as usize });
        self.rename(node, row.collect())
    }

    pub(super) fn flatten(&mut self, node: &NodeProto) -> Option<Value> {
        let attributes = Attributes::of(node, &["axis"])?;
        let length = self.input(node)?.shape.iter().product();
        if attributes.int("axis", 1) == 1 { self.rename(node, vec![length]) } else { None }
    }

    pub(super) fn identity(&mut self, node: &NodeProto) -> Option<Value> {
        Attributes::of(node, &[])?;
        let shape = self.input(node)?.shape;
        self.rename(node, shape)
    }

    /// The same values in another shape.
    fn rename(&self, node: &NodeProto, shape: Vec<usize>) -> Option<Value> {
        self.input(node)?;
        let value = self.only_input(node)?;
        let length = shape.iter().try_fold(1usize, |length, &dim| length.checked_mul(dim))?;
        let same = length == value.shape.iter().product::<usize>();
        same.then(|| Value { padded: shape.clone(), shape, ..value })
    }

    /// An activation becomes part of the layer before it.
    pub(super) fn activation(&mut self, node: &NodeProto, activation: Activation) -> Option<Value> {
        Attributes::of(node, &[])?;
        self.input(node)?;
        let value = self.only_input(node)?;
        let Place::Between(index) = value.place else { return None };
        let step = &mut self.steps[index];
        if step.activation != Activation::None {
            return None;
        }
        step.activation = activation;
        Some(value)
    }
}
