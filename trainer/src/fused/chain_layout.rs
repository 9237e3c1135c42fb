//! Whether the channels of a chain's image lie first or last in memory: the layers that follow decide.

use super::chain::Chain;
use super::layer::{Kind, Layer};

impl Chain {
    /// Whether the channels of the output lie last.
    pub(crate) fn is_channels_last(&self) -> bool {
        self.channels_last
    }

    /// The shape of the image before an upsampling, if that is the last layer.
    pub(super) fn upsampled(&self) -> Option<[usize; 3]> {
        match self.layers.last()? {
            Layer { kind: Kind::Upsample(from @ [channels, height, width]), relu: false, .. } => {
                (self.dims == [*channels, 2 * height, 2 * width]).then_some(*from)
            }
            _ => None,
        }
    }

    /// Removes an upsampling, if that is the last layer.
    pub(super) fn take_upsampling(&mut self) {
        if let Some(small) = self.upsampled() {
            self.layers.pop();
            self.dims = small.to_vec();
        }
    }

    /// Moves the channels of the image last, or first.
    pub(super) fn set_channels_last(&mut self, channels_last: bool) {
        if let Some([channels, height, width]) = self.image()
            && channels > 1
            && channels_last != self.channels_last
        {
            let sizes = [channels, height * width];
            let dims = self.dims.clone();
            self.push(Kind::Transpose(if channels_last { sizes } else { [sizes[1], sizes[0]] }), &dims, [0; 2]);
        }
        self.channels_last = channels_last;
    }

    /// Moves the channels first, for layers without a kernel for channels last.
    pub(crate) fn channels_first(&mut self) {
        self.settle_upsampling();
        self.set_channels_last(false);
    }

    /// Moves the channels first before an upsampling that is the last layer: with channels last, there is a kernel only for an
    /// upsampling and the convolution after it.
    pub(super) fn settle_upsampling(&mut self) {
        let upsampled = |layer: &mut Layer| matches!(layer.kind, Kind::Upsample(_));
        if self.channels_last
            && let Some(layer) = self.layers.pop_if(upsampled)
        {
            let Kind::Upsample(small) = layer.kind else { return };
            let large = std::mem::replace(&mut self.dims, small.to_vec());
            self.set_channels_last(false);
            self.dims = large;
            self.layers.push(layer);
        }
    }
}
