//! The sizes of a Winograd convolution, and where its tiles lie.

/// Numbers of channels are multiples of this, or one.
pub const CHANNELS: usize = 16;

/// The rows and columns of a tile.
pub(super) const TILE: usize = 2;
/// The taps of a kernel.
pub(super) const TAPS: usize = 9;

/// A 3 x 3 convolution with stride 1 and padding 1 of an image, or of the image upsampled by 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WinogradConv {
    /// Whether the image is upsampled by 2 first.
    pub upsampled: bool,
    /// The height of an image.
    pub height: usize,
    /// The width of an image.
    pub width: usize,
    /// Channels of an image, a multiple of [`CHANNELS`].
    pub in_channels: usize,
    /// Channels of an output image, a multiple of [`CHANNELS`].
    pub out_channels: usize,
}

impl WinogradConv {
    /// The rows and columns of a tile's window.
    pub(super) fn window(&self) -> usize {
        if self.upsampled { 3 } else { 4 }
    }

    /// Tiles above and beside each other in an image.
    pub(super) fn tiles(&self) -> [usize; 2] {
        [self.height, self.width].map(|size| if self.upsampled { size } else { size.div_ceil(TILE) })
    }

    pub(super) fn out_size(&self) -> [usize; 2] {
        [self.height, self.width].map(|size| if self.upsampled { TILE * size } else { size })
    }

    pub(super) fn image(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    pub(super) fn out_image(&self) -> usize {
        self.out_size().iter().product::<usize>() * self.out_channels
    }

    /// The length of the gradient of the transformed weight.
    pub fn gradient_len(&self) -> usize {
        self.window().pow(2) * self.in_channels * self.out_channels
    }

    /// The length of the transformed weight.
    pub fn transformed_len(&self) -> usize {
        2 * self.gradient_len()
    }

    /// The indices of `tiles` tiles, each with its image, row and column.
    #[inline(always)]
    pub(super) fn each_tile(&self, tiles: usize) -> impl Iterator<Item = (usize, [usize; 3])> {
        let [rows, columns] = self.tiles();
        let rows = (0..tiles / (rows * columns)).flat_map(move |image| (0..rows).map(move |row| (image, row)));
        rows.flat_map(move |(image, row)| (0..columns).map(move |column| [image, row, column])).enumerate()
    }

    /// The offset of each pixel of a tile's window; `None` for those outside the image.
    #[inline(always)]
    pub(super) fn window_offsets<const N: usize>(&self, [image, row, column]: [usize; 3]) -> [[Option<usize>; N]; N] {
        let step = if self.upsampled { 1 } else { TILE };
        let first = [step * row, step * column].map(|first| first.wrapping_sub(1));
        offsets(first, [self.height, self.width], [image, self.in_channels])
    }

    /// The offset of each output pixel of a tile; `None` for those outside the image.
    #[inline(always)]
    pub(super) fn output_offsets(&self, [image, row, column]: [usize; 3]) -> [[Option<usize>; TILE]; TILE] {
        offsets([TILE * row, TILE * column], self.out_size(), [image, self.out_channels])
    }
}

/// The offset of each pixel of a square in images of this size, from the row and column `first` on, which may be just outside.
#[inline(always)]
fn offsets<const N: usize>(
    first: [usize; 2],
    [height, width]: [usize; 2],
    [image, channels]: [usize; 2],
) -> [[Option<usize>; N]; N] {
    let mut offsets = [[None; N]; N];
    for (row, offsets) in offsets.iter_mut().enumerate() {
        for (column, offset) in offsets.iter_mut().enumerate() {
            let (y, x) = (first[0].wrapping_add(row), first[1].wrapping_add(column));
            if y < height && x < width {
                *offset = Some(((image * height + y) * width + x) * channels);
            }
        }
    }
    offsets
}
