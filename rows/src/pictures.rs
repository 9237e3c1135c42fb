//! Pictures, PNG, JPEG or WebP, as bytes: the files of a folder, and the pixels of each.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result as AnyResult, anyhow, bail};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgba};
use resize::Pixel::{Gray8, RGB8};
use resize::Type::Triangle;
use rgb::FromSlice;

use crate::error::Result;

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// A picture of more pixels on a side, or one that takes more memory, is refused before it is decoded.
pub const MAX_PICTURE_SIDE: u32 = 16_384;
const MAX_MEMORY: u64 = 72 << 20;
/// Orientations that exchange height and width.
const QUARTER_TURNS: [Orientation; 4] =
    [Orientation::Rotate90, Orientation::Rotate270, Orientation::Rotate90FlipH, Orientation::Rotate270FlipH];
/// What transparent pixels show.
const GROUND: [u8; 3] = [255; 3];

/// The pictures in a folder, in the order of their names. What begins with `.` is passed over.
pub fn picture_files(dir: &Path) -> Vec<PathBuf> {
    entries(dir).into_iter().filter(|path| is_picture(path)).collect()
}

/// The folders in a folder, in the order of their names. What begins with `.` is passed over.
pub fn picture_folders(dir: &Path) -> Vec<PathBuf> {
    entries(dir).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    paths.sort();
    paths
}

/// Whether the name of a file is that of a picture.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && path.is_file()
}

/// What the start of a file says about a picture.
#[derive(Clone, Copy, Debug)]
pub struct PictureHeader {
    /// Height and width in pixels.
    pub size: [u32; 2],
    /// Whether it has no colour.
    pub is_grey: bool,
    /// Whether pixels may be transparent.
    pub is_transparent: bool,
}

/// Reads the header of a picture.
///
/// # Errors
///
/// When the file cannot be read, is no picture, or one that would take too much memory.
pub fn picture_header(path: &Path) -> Result<PictureHeader> {
    Ok(header(path).with_context(|| path.display().to_string())?)
}

fn header(path: &Path) -> AnyResult<PictureHeader> {
    let mut decoder = reader(path)?.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let is_turned = matches!(decoder.orientation(), Ok(turn) if QUARTER_TURNS.contains(&turn));
    if width.max(height) > MAX_PICTURE_SIDE || decoder.total_bytes() > MAX_MEMORY {
        bail!(
            "expected a picture of at most {MAX_PICTURE_SIDE} pixels on a side and 72 MiB, found {height} x {width}; \
             leave it out"
        );
    }
    let color = decoder.color_type();
    let is_grey = matches!(color, ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16);
    let size = if is_turned { [width, height] } else { [height, width] };
    Ok(PictureHeader { size, is_grey, is_transparent: color.has_alpha() })
}

fn reader(path: &Path) -> AnyResult<ImageReader<Cursor<Vec<u8>>>> {
    let bytes = without_profile(bundle::read(path).context("cannot read it")?);
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_PICTURE_SIDE);
    limits.max_image_height = Some(MAX_PICTURE_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    Ok(reader.with_guessed_format()?)
}

/// A PNG without its colour profile, which is not applied, and which may unpack to a gigabyte.
fn without_profile(bytes: Vec<u8>) -> Vec<u8> {
    const START: usize = 8;
    if !bytes.starts_with(b"\x89PNG") || bytes.len() < START {
        return bytes;
    }
    let (mut kept, mut place) = (bytes[..START].to_vec(), START);
    // Each part: the length of its content, its name, the content and a checksum.
    while let Some(&[a, b, c, d, ref name @ ..]) = bytes[place..].first_chunk::<8>() {
        let end = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_add(place + 12).min(bytes.len());
        match name {
            b"IDAT" => break,
            b"iCCP" => (),
            _ => kept.extend(&bytes[place..end]),
        }
        place = end;
    }
    kept.extend(&bytes[place..]);
    kept
}

fn refused(error: ImageError) -> anyhow::Error {
    match error {
        ImageError::Unsupported(_) => {
            anyhow!("it is none of PNG, JPEG and WebP, whatever its name says; leave it out")
        }
        ImageError::Limits(_) => anyhow!("it is too large to decode within 72 MiB; leave it out"),
        error => anyhow!("it cannot be decoded ({error}); mend it or leave it out"),
    }
}

/// What all pictures are made to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    /// Height and width in pixels.
    pub size: [u32; 2],
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Whether the middle is cut out square and resized (filter: triangle), instead of a picture of another size being refused.
    pub resized: bool,
}

/// The pixels of a picture, `[height, width, channels]`. Transparent pixels show white.
///
/// # Errors
///
/// When the file cannot be read, is no picture, too large, or of another size.
pub fn picture_pixels(path: &Path, size: PictureSize) -> Result<Vec<u8>> {
    Ok(pixels(path, size).with_context(|| path.display().to_string())?)
}

fn pixels(path: &Path, PictureSize { size: [height, width], channels, resized }: PictureSize) -> AnyResult<Vec<u8>> {
    let mut decoder = reader(path)?.into_decoder().map_err(refused)?;
    // As cameras hold it: what is said about it may be damaged, and the picture whole.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    let found = [picture.height(), picture.width()];
    if !resized && found != [height, width] {
        let [found_height, found_width] = found;
        bail!("expected {height} x {width} pixels, found {found_height} x {found_width}");
    }
    let most =
        u64::from(found[0]) * u64::from(found[1]) * if picture.color().has_alpha() { 4 } else { channels as u64 };
    if most > MAX_MEMORY {
        bail!("it is too large to decode within 72 MiB; leave it out");
    }
    let opaque = match picture.color().has_alpha() {
        false => picture,
        true => {
            let mut rgba = picture.into_rgba8();
            rgba.pixels_mut().for_each(|pixel| *pixel = on_ground(*pixel));
            DynamicImage::ImageRgba8(rgba)
        }
    };
    let pixels = if channels == 1 { opaque.into_luma8().into_raw() } else { opaque.into_rgb8().into_raw() };
    if resized { square(&pixels, found, channels, width) } else { Ok(pixels) }
}

/// The middle of a picture as a square with this side.
fn square(pixels: &[u8], [height, width]: [u32; 2], channels: usize, side: u32) -> AnyResult<Vec<u8>> {
    let [height, width, side] = [height, width, side].map(|length| length as usize);
    let least = width.min(height);
    let middle = &pixels[((height - least) / 2 * width + (width - least) / 2) * channels..];
    let mut resized = vec![0; side * side * channels];
    if channels == 1 {
        let mut resizer = resize::new(least, least, side, side, Gray8, Triangle)?;
        resizer.resize_stride(middle.as_gray(), width, resized.as_gray_mut())?;
    } else {
        let mut resizer = resize::new(least, least, side, side, RGB8, Triangle)?;
        resizer.resize_stride(middle.as_rgb(), width, resized.as_rgb_mut())?;
    }
    Ok(resized)
}

/// A pixel in front of the ground.
fn on_ground(Rgba([red, green, blue, alpha]): Rgba<u8>) -> Rgba<u8> {
    let mix = |value: u8, ground: u8| {
        let (value, ground, alpha) = (u32::from(value), u32::from(ground), u32::from(alpha));
        ((value * alpha + ground * (255 - alpha) + 127) / 255) as u8
    };
    Rgba([mix(red, GROUND[0]), mix(green, GROUND[1]), mix(blue, GROUND[2]), 255])
}

/// Pictures `[height, width, channels]` as `[channels, height, width]`, where `pixels` is height times width.
pub fn planes(bytes: &[u8], [channels, pixels]: [usize; 2]) -> Vec<u8> {
    let plane = |picture: &'_ [u8], channel: usize| {
        picture.iter().skip(channel).step_by(channels).copied().collect::<Vec<u8>>()
    };
    bytes
        .chunks(channels * pixels)
        .flat_map(|picture| (0..channels).flat_map(move |channel| plane(picture, channel)))
        .collect()
}
