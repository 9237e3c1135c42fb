//! How values fill a cell of a picture: a grid of equal squares, or curves over time.

use embedded_graphics::pixelcolor::Rgb888;

use super::canvas::Canvas;

/// Side of the square that an image fills, as nearly as whole pixels allow.
pub(super) const CELL: u32 = 84;
/// Legible on white and on black: a curve, and one that is compared with it.
const CURVES: [Rgb888; 2] = [Rgb888::new(41, 128, 196), Rgb888::new(214, 104, 32)];

/// A cell's columns and rows of values, and the side of the square that each value fills.
pub(super) struct Tiles {
    columns: u32,
    rows: u32,
    side: u32,
    channels: usize,
    curve: bool,
}

impl Tiles {
    /// An image of `[channels, height, width]`.
    pub(super) fn image(shape: [usize; 3]) -> Self {
        Self::image_within(shape, CELL)
    }

    /// An image of `[channels, height, width]` in a square whose side is `cell`.
    pub(super) fn image_within([channels, height, width]: [usize; 3], cell: u32) -> Self {
        if width == 1 && height > 1 {
            return Self { columns: cell, rows: cell, side: 1, channels, curve: true };
        }
        let side = (cell / height.max(width) as u32).max(1);
        Self { columns: width as u32, rows: height as u32, side, channels, curve: false }
    }

    /// A latent vector as a block about twice as wide as high.
    pub(super) fn latent(units: usize) -> Self {
        let columns = ((2 * units) as f64).sqrt().ceil().min(units as f64) as u32;
        let side = (CELL / columns).clamp(1, CELL / 4);
        Self { columns, rows: (units as u32).div_ceil(columns), side, channels: 1, curve: false }
    }

    pub(super) fn width(&self) -> u32 {
        self.columns * self.side
    }

    pub(super) fn height(&self) -> u32 {
        self.rows * self.side
    }

    /// Draws `values` with their top left corner at `(x, y)`.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        (x, y): (u32, u32),
        values: &[f32],
        color: &dyn Fn(&[f32]) -> Rgb888,
    ) {
        if self.curve {
            canvas.shade((x, y), (self.width(), self.height()));
            let steps = values.len() / self.channels;
            let last = (steps - 1) as f32;
            let point = |(index, value): (usize, &f32)| {
                let right = index as f32 / last * (self.width() - 1) as f32;
                let down = (1. - value.clamp(0., 1.)) * (self.height() - 1) as f32;
                (x as i32 + right.round() as i32, y as i32 + down.round() as i32)
            };
            for (values, color) in values.chunks(steps).zip(CURVES) {
                let points: Vec<_> = values.iter().enumerate().map(point).collect();
                canvas.line(&points, color);
            }
            return;
        }
        let plane = values.len() / self.channels;
        for index in 0..plane {
            let pixel: Vec<f32> = values[index..].iter().step_by(plane).copied().collect();
            let (column, row) = (index as u32 % self.columns, index as u32 / self.columns);
            let corner = (x + column * self.side, y + row * self.side);
            canvas.fill(corner, (self.side, self.side), color(&pixel));
        }
    }
}
