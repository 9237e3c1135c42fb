//! An RGB image to draw text, tiles and pixels on, saved as PNG.

use std::convert::Infallible;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Polyline, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Baseline, Text};

use crate::error::{Error, Result};

/// A white page.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![255; (width * height * 3) as usize] }
    }

    /// Fills a rectangle whose top left corner is at `(x, y)`.
    pub(super) fn fill(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), color: Rgb888) {
        let rectangle = Rectangle::new(Point::new(x as i32, y as i32), Size::new(width, height));
        let Ok(()) = rectangle.into_styled(PrimitiveStyle::with_fill(color)).draw(self);
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

    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let file = File::create(path).map_err(|source| Error::io("write", path, source))?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let write = || encoder.write_header()?.write_image_data(&self.rgb);
        write().map_err(|error| Error::plot(path, error))
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
        let page = self.bounding_box();
        for Pixel(point, color) in pixels {
            if page.contains(point) {
                let start = ((point.y as u32 * self.width + point.x as u32) * 3) as usize;
                self.rgb[start..start + 3].copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
