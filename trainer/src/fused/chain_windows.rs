//! Layers of a chain that lay out windows: convolutions with steps, transposed ones, and those over the steps of a sequence.

use candle_core::Tensor;
use candle_nn::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use kernels::Windows;

use super::chain::Chain;
use super::layer::Kind;
use super::storage::is_f32_cpu;

impl Chain {
    /// Appends a convolution with steps.
    pub(super) fn conv_with_steps(&mut self, layer: &Conv2d) -> bool {
        let Conv2dConfig { padding, stride, dilation: 1, groups: 1, .. } = *layer.config() else { return false };
        let (&[channels, in_channels, kernel, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else {
            return false;
        };
        let Some(large @ [given, rows, columns]) = self.image() else { return false };
        let fits = kernel == width && rows.min(columns) + 2 * padding >= kernel && given == in_channels;
        if !fits || ![layer.weight(), bias].into_iter().all(is_f32_cpu) {
            return false;
        }
        let [height, width] = [rows, columns].map(|side| (side + 2 * padding - kernel) / stride + 1);
        let small = [channels, height, width];
        let windows = Windows { large, small, kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] };
        self.append_windows(Kind::Shrink(windows), small, [layer.weight(), bias])
    }

    /// Appends a transposed convolution.
    pub(crate) fn conv_transpose(&mut self, layer: &ConvTranspose2d) -> bool {
        let ConvTranspose2dConfig { padding, output_padding: 0, stride, dilation: 1 } = *layer.config() else {
            return false;
        };
        let (&[in_channels, channels, kernel, width], Some(bias)) = (layer.weight().dims(), layer.bias()) else {
            return false;
        };
        let Some(small @ [given, rows, columns]) = self.image() else { return false };
        let side = |side: usize| ((side - 1) * stride + kernel).checked_sub(2 * padding).filter(|side| *side > 0);
        let (Some(height), Some(columns)) = (side(rows), side(columns)) else { return false };
        if kernel != width || given != in_channels || ![layer.weight(), bias].into_iter().all(is_f32_cpu) {
            return false;
        }
        let large = [channels, height, columns];
        let windows = Windows { large, small, kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] };
        self.append_windows(Kind::Enlarge(windows), large, [layer.weight(), bias])
    }

    /// Appends a convolution over steps, `weight` `[channels, n, kernel]`.
    pub(crate) fn conv1d(&mut self, [weight, bias]: [&Tensor; 2], stride: usize, padding: usize) -> bool {
        let (&[channels, features, kernel], &[steps, given]) = (weight.dims(), &self.dims[..]) else { return false };
        if given != features || steps + 2 * padding < kernel || ![weight, bias].into_iter().all(is_f32_cpu) {
            return false;
        }
        let count = (steps + 2 * padding - kernel) / stride + 1;
        let (large, small) = ([features, 1, steps], [channels, 1, count]);
        let windows = Windows { large, small, kernel: [1, kernel], stride: [1, stride], padding: [0, padding] };
        self.parameters.extend([weight.clone(), bias.clone()]);
        self.push(Kind::Shrink(windows), &[count, channels], [weight.elem_count(), channels])
    }

    /// Appends a repetition of every step of a sequence.
    pub(crate) fn repeat_steps(&mut self, times: usize) -> bool {
        let [steps, features] = self.dims[..] else { return false };
        self.push(Kind::RepeatSteps { features, times }, &[steps * times, features], [0; 2])
    }

    /// Appends a cut to the first steps of a sequence.
    pub(crate) fn first_steps(&mut self, to: [usize; 2]) -> bool {
        let [steps, features] = self.dims[..] else { return false };
        to[0] <= steps && to[1] == features && self.push(Kind::FirstSteps, &to, [0; 2])
    }

    /// Appends what takes and gives images with their channels last.
    fn append_windows(&mut self, kind: Kind, dims: [usize; 3], [weight, bias]: [&Tensor; 2]) -> bool {
        self.settle_upsampling();
        self.set_channels_last(true);
        self.parameters.extend([weight.clone(), bias.clone()]);
        // A single channel is both first and last.
        self.channels_last = dims[0] > 1;
        self.push(kind, &dims, [weight.elem_count(), bias.elem_count()])
    }
}
