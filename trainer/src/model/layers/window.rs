//! The settings that all convolutions have: channels, the window, its steps, and zeros around.

use super::entries::Entries;
use super::settings::check_count;

/// The settings of a convolution's window.
pub(super) struct Window {
    pub(super) channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: Option<usize>,
}

impl Window {
    /// Reads them from a config's table; kernel and stride have these defaults.
    pub(super) fn read(entries: &mut Entries, [kernel, stride]: [usize; 2]) -> Result<Self, String> {
        Ok(Self {
            channels: entries.count("channels")?,
            kernel: entries.count_or("kernel", kernel)?,
            stride: entries.count_or("stride", stride)?,
            padding: entries.optional_count("padding")?,
        })
    }

    /// Fails for a setting out of its range; `padding` is what it comes to.
    pub(super) fn check([channels, kernel, stride]: [usize; 3], padding: usize) -> Result<(), String> {
        for (setting, value) in [("channels", channels), ("kernel", kernel), ("stride", stride)] {
            check_count(setting, value)?;
        }
        // Zero is fine for padding alone.
        if padding == 0 { Ok(()) } else { check_count("padding", padding) }
    }

    /// The setting `padding` of the mirror image, which takes a step at a time: with it, what `kernel` and `padding` made of the sides is
    /// undone; behind steps of `stride`, which are undone before, it keeps them.
    pub(super) fn mirrored_padding([kernel, stride]: [usize; 2], padding: usize) -> Result<Option<usize>, String> {
        if stride == 1 {
            let opposite = (kernel - 1).checked_sub(padding).ok_or("its padding is wider than its window")?;
            let same = kernel % 2 == 1 && opposite == kernel / 2;
            return Ok((!same).then_some(opposite));
        }
        if kernel.is_multiple_of(2) {
            return Err("an even `kernel` with a `stride` above 1 has no mirror image".into());
        }
        Ok(None)
    }
}
