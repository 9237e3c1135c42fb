//! The pictures a person wants to see: originals, their latent vectors and what comes back; and what the decoder makes of others.

use std::path::Path;

use embedded_graphics::mono_font::ascii::{FONT_9X18, FONT_9X18_BOLD, FONT_10X20};
use embedded_graphics::pixelcolor::Rgb888;

use super::canvas::Canvas;
use super::tiles::{CELL, Tiles};
use super::viridis::viridis;
use crate::error::Result;
use crate::numbers::Amount;
use crate::report::page::{Image, Scale, Strip};

const GAP: u32 = 12;
const LABELS: u32 = 150;
const TITLE: u32 = 64;
const LEGEND: u32 = 40;
/// The legend's colours, from low to high.
const SCALE: (u32, u32) = (200, 14);
const INK: Rgb888 = Rgb888::new(33, 33, 33);
const GREY: Rgb888 = Rgb888::new(110, 110, 110);

/// What is drawn, a column for each image: named rows of images, and the latent vectors among them.
pub(super) struct Rows {
    pub(super) before: Vec<(String, Vec<Vec<f32>>)>,
    pub(super) latent: Vec<Vec<f32>>,
    pub(super) after: Vec<(String, Vec<Vec<f32>>)>,
    /// An image's channels, height and width.
    pub(super) shape: [usize; 3],
}

/// A row of `Rows` with the tiles and colours that it is drawn in.
struct DrawnRow<'a> {
    name: String,
    values: &'a [Vec<f32>],
    tiles: &'a Tiles,
    color: &'a dyn Fn(&[f32]) -> Rgb888,
}

impl DrawnRow<'_> {
    fn draw(&self, canvas: &mut Canvas, (left, y): (u32, u32), cell_width: u32) {
        for (column, values) in (0..).zip(self.values) {
            let x = left + column * (cell_width + GAP) + (cell_width - self.tiles.width()) / 2;
            self.tiles.draw(canvas, (x, y), values, self.color);
        }
    }
}

impl Rows {
    /// Draws originals, latent vectors and reconstructions to `path`, and gives the same row by row for a page.
    pub(super) fn draw(&self, path: &Path, caption: &[String; 2]) -> Result<Image> {
        let image = Tiles::image(self.shape);
        let latent_dim = self.latent.first().map_or(1, Vec::len);
        let latent = Tiles::latent(latent_dim);
        // One scale for all, so that columns can be compared; it spans zero, which ReLU never goes below.
        let values = || self.latent.iter().flatten().copied();
        let (low, high) = values().fold((0f32, 0f32), |(low, high), value| (low.min(value), high.max(value)));
        let colored = |values: &[f32]| {
            let [red, green, blue] = viridis((values[0] - low) / (high - low).max(f32::MIN_POSITIVE));
            Rgb888::new(red, green, blue)
        };

        let mut rows = Vec::new();
        for (name, values) in &self.before {
            rows.push(DrawnRow { name: name.clone(), values, tiles: &image, color: &pixel });
        }
        let name = format!("latent ({latent_dim})");
        rows.push(DrawnRow { name, values: &self.latent, tiles: &latent, color: &colored });
        for (name, values) in &self.after {
            rows.push(DrawnRow { name: name.clone(), values, tiles: &image, color: &pixel });
        }

        let (columns, cell_width) = (self.latent.len() as u32, CELL.max(image.width()).max(latent.width()));
        let width = columns * (cell_width + GAP);
        let height: u32 = rows.iter().map(|row| row.tiles.height() + GAP).sum();
        let (width_of_page, left) = (text_width(caption).max(LABELS + width) + 2 * GAP, GAP + LABELS);
        let mut page = Canvas::page(width_of_page, TITLE + height + LEGEND);
        write_caption(&mut page, caption);
        let mut y = TITLE;
        for row in &rows {
            page.write(&row.name, (GAP, y + row.tiles.height() / 2 - 9), &FONT_9X18_BOLD, INK);
            row.draw(&mut page, (left, y), cell_width);
            y += row.tiles.height() + GAP;
        }
        let [low, high] = [low, high].map(|value| Amount(f64::from(value)).to_string());
        let scale_left = left + 9 * low.len() as u32 + GAP;
        page.write("latent values", (GAP, y + 6), &FONT_9X18, GREY);
        page.write(&low, (left, y + 6), &FONT_9X18, GREY);
        draw_scale(&mut page, (scale_left, y + 8));
        page.write(&high, (scale_left + SCALE.0 + GAP, y + 6), &FONT_9X18, GREY);
        page.save(path)?;

        let strip = |row: &DrawnRow| {
            let (width, height) = (width - GAP, row.tiles.height());
            let mut strip = Canvas::clear(width, height);
            row.draw(&mut strip, (0, 0), cell_width);
            Ok(Strip { name: row.name.clone(), png: strip.to_png(path)?, width, height })
        };
        let mut scale = Canvas::clear(SCALE.0, SCALE.1);
        draw_scale(&mut scale, (0, 0));
        Ok(Image::Strips {
            strips: rows.iter().map(strip).collect::<Result<_>>()?,
            // A scale from a value to itself would say nothing.
            scale: if low == high {
                None
            } else {
                Some(Scale { name: "latent values".into(), low, high, png: scale.to_png(path)? })
            },
        })
    }
}

fn draw_scale(canvas: &mut Canvas, (x, y): (u32, u32)) {
    for step in 0..SCALE.0 {
        let [red, green, blue] = viridis(step as f32 / (SCALE.0 - 1) as f32);
        canvas.fill((x + step, y), (1, SCALE.1), Rgb888::new(red, green, blue));
    }
}

/// Images that the decoder made, side by side in rows of `columns`.
pub(super) struct Grid {
    pub(super) images: Vec<Vec<f32>>,
    pub(super) columns: u32,
    /// An image's channels, height and width.
    pub(super) shape: [usize; 3],
}

impl Grid {
    /// Draws the images to `path`, and gives them without the caption for a page.
    pub(super) fn draw(&self, path: &Path, caption: &[String; 2]) -> Result<Image> {
        let tiles = Tiles::image_within(self.shape, CELL * 2 / 3);
        let (cell_width, cell_height) = (tiles.width() + 2, tiles.height() + 2);
        let (width, height) =
            (self.columns * cell_width, (self.images.len() as u32).div_ceil(self.columns) * cell_height);
        let draw = |canvas: &mut Canvas, (left, top): (u32, u32)| {
            for (index, values) in (0..).zip(&self.images) {
                let corner = (left + index % self.columns * cell_width, top + index / self.columns * cell_height);
                tiles.draw(canvas, corner, values, &pixel);
            }
        };
        let mut page = Canvas::page(text_width(caption).max(width) + 2 * GAP, TITLE + height + GAP);
        write_caption(&mut page, caption);
        draw(&mut page, (GAP, TITLE));
        page.save(path)?;

        let (width, height) = (width - 2, height - 2);
        let mut grid = Canvas::clear(width, height);
        draw(&mut grid, (0, 0));
        let strip = Strip { name: String::new(), png: grid.to_png(path)?, width, height };
        Ok(Image::Strips { strips: vec![strip], scale: None })
    }
}

/// Enough for the wider of the caption's fonts.
fn text_width(caption: &[String; 2]) -> u32 {
    caption.iter().map(|line| line.len() as u32 * 10).max().unwrap_or(0)
}

fn write_caption(canvas: &mut Canvas, caption: &[String; 2]) {
    canvas.write(&caption[0], (GAP, 12), &FONT_10X20, INK);
    canvas.write(&caption[1], (GAP, 36), &FONT_9X18, GREY);
}

/// A pixel in colour, or in grey where there are no three channels.
fn pixel(values: &[f32]) -> Rgb888 {
    let level = |channel: usize| (values[channel].clamp(0., 1.) * 255.).round() as u8;
    let [red, green, blue] = if values.len() == 3 { [0, 1, 2] } else { [0; 3] };
    Rgb888::new(level(red), level(green), level(blue))
}
