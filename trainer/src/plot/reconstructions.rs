//! The pictures a person wants to see: originals, their codes and what comes back; and what the decoder makes of any code.

use std::path::Path;

use embedded_graphics::mono_font::ascii::{FONT_9X18, FONT_9X18_BOLD, FONT_10X20};
use embedded_graphics::pixelcolor::Rgb888;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};

use super::canvas::Canvas;
use crate::error::Result;

/// Side of the square that an image fills, as nearly as whole pixels allow.
const CELL: u32 = 84;
const GAP: u32 = 12;
const LABELS: u32 = 150;
const TITLE: u32 = 64;
const LEGEND: u32 = 40;
const INK: Rgb888 = Rgb888::new(33, 33, 33);
const GREY: Rgb888 = Rgb888::new(110, 110, 110);
const CURVE: Rgb888 = Rgb888::new(31, 119, 180);
const PAPER: Rgb888 = Rgb888::new(244, 244, 244);

/// What is drawn, a column for each image: named rows of images, and the codes among them.
pub(super) struct Rows {
    pub(super) before: Vec<(&'static str, Vec<Vec<f32>>)>,
    pub(super) codes: Vec<Vec<f32>>,
    pub(super) after: Vec<(&'static str, Vec<Vec<f32>>)>,
}

/// Draws originals, codes and reconstructions to `path`; `shape` is an image's height and width.
pub(super) fn draw(path: &Path, rows: &Rows, shape: [usize; 2], caption: &[String; 2]) -> Result<()> {
    let image = Tiles::image(shape);
    let code = Tiles::code(rows.codes.first().map_or(1, Vec::len));
    let columns = rows.codes.len() as u32;
    let cell_width = CELL.max(image.width()).max(code.width());
    let text = caption.iter().map(|line| line.len() as u32 * 10).max().unwrap_or(0);
    let width = (LABELS + columns * (cell_width + GAP)).max(text) + 2 * GAP;
    let images = (rows.before.len() + rows.after.len()) as u32;
    let height = TITLE + LEGEND + images * (image.height() + GAP) + code.height() + GAP;
    let mut canvas = Canvas::new(width, height);
    canvas.write(&caption[0], (GAP, 12), &FONT_10X20, INK);
    canvas.write(&caption[1], (GAP, 36), &FONT_9X18, GREY);

    // One scale for all codes, so that columns can be compared; it spans zero, which ReLU codes never go below.
    let values = || rows.codes.iter().flatten().copied();
    let (low, high) = values().fold((0f32, 0f32), |(low, high), value| (low.min(value), high.max(value)));
    let viridis = |value: f32| {
        let color = ViridisRGB.get_color(((value - low) / (high - low).max(f32::MIN_POSITIVE)).clamp(0., 1.));
        Rgb888::new(color.0, color.1, color.2)
    };

    let mut y = TITLE;
    let mut draw_row = |name: &str, rows: &[Vec<f32>], tiles: &Tiles, color: &dyn Fn(f32) -> Rgb888| {
        canvas.write(name, (GAP, y + tiles.height() / 2 - 9), &FONT_9X18_BOLD, INK);
        for (column, values) in (0..).zip(rows) {
            let x = GAP + LABELS + column * (cell_width + GAP);
            tiles.draw(&mut canvas, (x + (cell_width - tiles.width()) / 2, y), values, color);
        }
        y += tiles.height() + GAP;
    };
    let latent_dim = rows.codes.first().map_or(0, Vec::len);
    for (name, images) in &rows.before {
        draw_row(name, images, &image, &grey);
    }
    draw_row(&format!("code ({latent_dim})"), &rows.codes, &code, &viridis);
    for (name, images) in &rows.after {
        draw_row(name, images, &image, &grey);
    }

    let left = GAP + LABELS;
    let scale = 200;
    for step in 0..scale {
        let value = low + (high - low) * step as f32 / (scale - 1) as f32;
        canvas.fill((left + 50 + step, y + 8), (1, 14), viridis(value));
    }
    canvas.write("code", (GAP, y + 6), &FONT_9X18, GREY);
    canvas.write(&format!("{low:.1}"), (left, y + 6), &FONT_9X18, GREY);
    canvas.write(&format!("{high:.1}"), (left + 50 + scale + 10, y + 6), &FONT_9X18, GREY);
    canvas.save(path)
}

/// Draws `images` in rows of `columns` to `path`, side by side.
pub(super) fn draw_grid(
    path: &Path,
    images: &[Vec<f32>],
    columns: u32,
    shape: [usize; 2],
    caption: &[String; 2],
) -> Result<()> {
    let image = Tiles::image_within(shape, CELL * 2 / 3);
    let (width, height) = (image.width() + 2, image.height() + 2);
    let text = caption.iter().map(|line| line.len() as u32 * 10).max().unwrap_or(0);
    let rows = (images.len() as u32).div_ceil(columns);
    let mut canvas = Canvas::new((columns * width).max(text) + 2 * GAP, TITLE + rows * height + GAP);
    canvas.write(&caption[0], (GAP, 12), &FONT_10X20, INK);
    canvas.write(&caption[1], (GAP, 36), &FONT_9X18, GREY);
    for (index, values) in (0..).zip(images) {
        let corner = (GAP + index % columns * width, TITLE + index / columns * height);
        image.draw(&mut canvas, corner, values, &grey);
    }
    canvas.save(path)
}

fn grey(value: f32) -> Rgb888 {
    let level = (value.clamp(0., 1.) * 255.).round() as u8;
    Rgb888::new(level, level, level)
}

/// How values fill a cell: a grid of equal squares, or the curve of a single column over time.
struct Tiles {
    columns: u32,
    rows: u32,
    side: u32,
    curve: bool,
}

impl Tiles {
    fn image(shape: [usize; 2]) -> Self {
        Self::image_within(shape, CELL)
    }

    fn image_within([height, width]: [usize; 2], cell: u32) -> Self {
        if width == 1 && height > 1 {
            return Self { columns: cell, rows: cell, side: 1, curve: true };
        }
        let side = (cell / height.max(width) as u32).max(1);
        Self { columns: width as u32, rows: height as u32, side, curve: false }
    }

    /// A code as a block about twice as wide as high.
    fn code(units: usize) -> Self {
        let columns = ((2 * units) as f64).sqrt().ceil().min(units as f64) as u32;
        let side = (CELL / columns).clamp(1, CELL / 4);
        Self { columns, rows: (units as u32).div_ceil(columns), side, curve: false }
    }

    fn width(&self) -> u32 {
        self.columns * self.side
    }

    fn height(&self) -> u32 {
        self.rows * self.side
    }

    fn draw(&self, canvas: &mut Canvas, (x, y): (u32, u32), values: &[f32], color: &dyn Fn(f32) -> Rgb888) {
        if self.curve {
            canvas.fill((x, y), (self.width(), self.height()), PAPER);
            let last = (values.len() - 1) as f32;
            let point = |(index, value): (usize, &f32)| {
                let right = index as f32 / last * (self.width() - 1) as f32;
                let down = (1. - value.clamp(0., 1.)) * (self.height() - 1) as f32;
                (x as i32 + right.round() as i32, y as i32 + down.round() as i32)
            };
            let points: Vec<_> = values.iter().enumerate().map(point).collect();
            return canvas.line(&points, CURVE);
        }
        for (index, &value) in (0..).zip(values) {
            let (column, row) = (index % self.columns, index / self.columns);
            let corner = (x + column * self.side, y + row * self.side);
            canvas.fill(corner, (self.side, self.side), color(value));
        }
    }
}
