//! An image to draw text, tiles and pixels on, saved as PNG.

use std::convert::Infallible;
use std::path::Path;

use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Polyline, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Baseline, Text};

use crate::error::{Error, Result};
use crate::file;

/// Pixels with red, green, blue and opacity.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
    /// The ground under a curve.
    shade: [u8; 4],
}

impl Canvas {
    /// A white page, to be looked at by itself.
    pub(super) fn page(width: u32, height: u32) -> Self {
        Self::filled(width, height, [255; 4], [244, 244, 244, 255])
    }

    /// A sheet without a ground, for a page that may be light or dark.
    pub(super) fn clear(width: u32, height: u32) -> Self {
        Self::filled(width, height, [0; 4], [128, 128, 128, 36])
    }

    fn filled(width: u32, height: u32, ground: [u8; 4], shade: [u8; 4]) -> Self {
        Self { width, height, rgba: ground.repeat((width * height) as usize), shade }
    }

    /// Fills a rectangle whose top left corner is at `(x, y)`.
    pub(super) fn fill(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), color: Rgb888) {
        let rectangle = Rectangle::new(Point::new(x as i32, y as i32), Size::new(width, height));
        let Ok(()) = rectangle.into_styled(PrimitiveStyle::with_fill(color)).draw(self);
    }

    /// Makes the ground for a curve, with its top left corner at `(x, y)`.
    pub(super) fn shade(&mut self, (x, y): (u32, u32), (width, height): (u32, u32)) {
        let shade = self.shade;
        for (x, y) in (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y))) {
            self.set(Point::new(x as i32, y as i32), shade);
        }
    }

    /// Draws a line from point to point.
    pub(super) fn line(&mut self, points: &[(i32, i32)], color: Rgb888) {
        let points: Vec<Point> = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
        let Ok(()) = Polyline::new(&points).into_styled(PrimitiveStyle::with_stroke(color, 2)).draw(self);
    }

    /// Writes one line whose top left corner is at `(x, y)`.
    pub(super) fn write(&mut self, text: &str, (x, y): (u32, u32), font: &MonoFont, color: Rgb888) {
        let style = MonoTextStyle::new(font, color);
        let position = Point::new(x as i32, y as i32);
        let Ok(_) = Text::with_baseline(text, position, style, Baseline::Top).draw(self);
    }

    /// The image as a PNG file, which would be at `path`.
    pub(super) fn to_png(&self, path: &Path) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let write = || encoder.write_header()?.write_image_data(&self.rgba);
        write().map_err(|error| Error::plot(path, error))?;
        Ok(bytes)
    }

    pub(super) fn save(&self, path: &Path) -> Result<()> {
        file::write_atomic(path, &self.to_png(path)?)
    }

    fn set(&mut self, point: Point, color: [u8; 4]) {
        if self.bounding_box().contains(point) {
            let start = ((point.y as u32 * self.width + point.x as u32) * 4) as usize;
            self.rgba[start..start + 4].copy_from_slice(&color);
        }
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            self.set(point, [color.r(), color.g(), color.b(), 255]);
        }
        Ok(())
    }
}
