//! A folder of pictures, PNG, JPEG or WebP: of one class, or with a class for each folder in it.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgba};
use rayon::prelude::*;

use super::arrays::planes;
use super::diagnose;
use super::idx::hold_out;
use super::loaded::Loaded;
use crate::data::picture_config::PictureConfig;
use crate::data::samples::Samples;
use crate::error::{Error, Result};

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// The largest side of pictures that are taken as they are.
const MAX_SIDE: u32 = 256;
/// The side that pictures of different sizes are given.
const USUAL_SIDE: u32 = 64;
/// A picture of more pixels on a side, or one that takes more memory, is refused before it is decoded.
const MAX_ENCODED_SIDE: u32 = 16_384;
const MAX_MEMORY: u64 = 1 << 28;
/// What transparent pixels show.
const GROUND: [u8; 3] = [255; 3];
/// The names of two folders that divide the pictures themselves.
const PARTS: [&[&str]; 2] = [&["train", "training"], &["test", "testing", "val", "valid", "validation"]];

/// Whether pictures are in `dir`, in a folder in it, or in those of its folders for training and testing.
pub(super) fn is_folder(dir: &Path) -> bool {
    let has_some = |dir: &PathBuf| has_picture(dir);
    let is_part = |dir: &&PathBuf| PARTS.concat().contains(&name(dir).to_lowercase().as_str());
    let inside = folders(dir);
    let deeper = || inside.iter().filter(is_part).any(|part| folders(part).iter().any(has_some));
    dir.is_dir() && !diagnose::is_run(dir) && (has_picture(dir) || inside.iter().any(has_some) || deeper())
}

/// Loads the pictures in `dir`.
pub(super) fn load(dir: &Path, config: &PictureConfig) -> Result<Loaded> {
    let part =
        |names: &[&str]| folders(dir).into_iter().find(|folder| names.contains(&name(folder).to_lowercase().as_str()));
    let [train, test] = PARTS.map(part);
    let (train, test) = match (train, test) {
        (Some(train), Some(test)) => (Class::all(&train)?, Some(Class::all(&test)?)),
        _ => (Class::all(dir)?, None),
    };
    let (size, mut notes) = Size::of(&train, config)?;
    notes.insert(0, describe(&train));
    let classes: Vec<&str> = train.iter().map(|class| class.name.as_str()).collect();
    let training = samples(&train, &classes, size)?;
    let Some(test) = test else {
        let (training, testing) = hold_out(&training).ok_or_else(|| {
            Error::file(dir, "expected two pictures or more, of which some are held out for testing, found one")
        })?;
        notes.push(format!("{} of them, drawn at random, are held out for testing", testing.len()));
        return Ok(Loaded { train: training, test: testing, notes, rest: None });
    };
    let testing = samples(&test, &classes, size)?;
    Ok(Loaded { train: training, test: testing, notes, rest: None })
}

/// Pictures of one class, in the order of their names.
struct Class {
    /// The name of the folder; empty where there is no class.
    name: String,
    files: Vec<PathBuf>,
}

impl Class {
    fn all(dir: &Path) -> Result<Vec<Self>> {
        let own = Self { name: String::new(), files: pictures(dir) };
        let of_folder = |dir: PathBuf| Self { name: name(&dir), files: pictures(&dir) };
        let folders = folders(dir).into_iter().map(of_folder).filter(|class| !class.files.is_empty());
        let all: Vec<Self> = if own.files.is_empty() { folders.collect() } else { vec![own] };
        match all.len() {
            0 => Err(Error::file(dir, "expected pictures, PNG, JPEG or WebP, found none")),
            257.. => Err(Error::file(dir, format!("expected at most 256 folders, each a class, found {}", all.len()))),
            _ => Ok(all),
        }
    }
}

/// Files and folders, in the order of their names.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    paths
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    entries(dir).into_iter().filter(|path| path.is_dir()).collect()
}

fn pictures(dir: &Path) -> Vec<PathBuf> {
    entries(dir).into_iter().filter(|path| is_picture(path)).collect()
}

/// Whether the name of a file is that of a picture.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && path.is_file()
}

fn has_picture(dir: &Path) -> bool {
    fs::read_dir(dir).into_iter().flatten().flatten().any(|entry| is_picture(&entry.path()))
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn describe(classes: &[Class]) -> String {
    let count: usize = classes.iter().map(|class| class.files.len()).sum();
    match classes {
        [only] if only.name.is_empty() => format!("{count} pictures without classes"),
        _ => format!("{count} pictures in {} folders, each a class", classes.len()),
    }
}

/// What all pictures are made to be.
#[derive(Clone, Copy)]
struct Size {
    height: u32,
    width: u32,
    channels: usize,
    /// Whether the middle is cut out square and resized.
    resized: bool,
}

/// What the start of a file says about a picture.
struct Header {
    size: (u32, u32),
    is_grey: bool,
    is_transparent: bool,
}

impl Size {
    /// The size that was chosen, or the pictures' own if it is one; colour where any picture has it.
    fn of(classes: &[Class], config: &PictureConfig) -> Result<(Self, Vec<String>)> {
        let files: Vec<&PathBuf> = classes.iter().flat_map(|class| &class.files).collect();
        let headers = files.par_iter().map(|path| header(path)).collect::<Result<Vec<Header>>>()?;
        let first = headers[0].size;
        let same = headers.iter().all(|header| header.size == first);
        let channels = if headers.iter().all(|header| header.is_grey) { 1 } else { 3 };
        let mut notes = Vec::new();
        let own = same && first.0 <= MAX_SIDE && first.1 <= MAX_SIDE;
        let size = match config.size {
            None if own => Self { height: first.1, width: first.0, channels, resized: false },
            chosen => {
                let side = chosen.map_or(USUAL_SIDE, |side| side as u32);
                let why = if chosen.is_some() {
                    ""
                } else if same {
                    "; `--size` chooses another"
                } else {
                    ", since their sizes differ; `--size` chooses another"
                };
                notes.push(format!(
                    "their middle is cut out square and resized to {side} x {side} (filter: triangle){why}"
                ));
                Self { height: side, width: side, channels, resized: true }
            }
        };
        let kind = if channels == 3 { "in colour" } else { "in grey" };
        notes.push(format!("they are {} x {} pixels {kind}", size.height, size.width));
        if headers.iter().any(|header| header.is_transparent) {
            notes.push("transparent pixels show white".into());
        }
        Ok((size, notes))
    }
}

fn reader(path: &Path) -> Result<ImageReader<Cursor<Vec<u8>>>> {
    let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_ENCODED_SIDE);
    limits.max_image_height = Some(MAX_ENCODED_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    reader.with_guessed_format().map_err(|source| Error::io("read", path, source))
}

fn header(path: &Path) -> Result<Header> {
    let decoder = reader(path)?.into_decoder().map_err(|error| refused(path, &error))?;
    let size = decoder.dimensions();
    if size.0 > MAX_ENCODED_SIDE || size.1 > MAX_ENCODED_SIDE || decoder.total_bytes() > MAX_MEMORY {
        let (width, height) = size;
        let reason = format!(
            "expected a picture of at most {MAX_ENCODED_SIDE} pixels on a side and 256 MiB, found {height} x {width}; leave it out"
        );
        return Err(Error::file(path, reason));
    }
    let color = decoder.color_type();
    let is_grey = matches!(color, ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16);
    Ok(Header { size, is_grey, is_transparent: color.has_alpha() })
}

fn refused(path: &Path, error: &ImageError) -> Error {
    let reason = match error {
        ImageError::Unsupported(_) => "it is none of PNG, JPEG and WebP, whatever its name says; leave it out".into(),
        ImageError::Limits(_) => "it is too large to decode within 256 MiB; leave it out".into(),
        error => format!("it cannot be decoded ({error}); mend it or leave it out"),
    };
    Error::file(path, reason)
}

/// All pictures with the places of their classes in `names`.
fn samples(classes: &[Class], names: &[&str], size: Size) -> Result<Samples> {
    let labelled = classes.iter().map(|class| {
        let place = names.iter().position(|name| *name == class.name);
        place.map(|place| (class, place as u8)).ok_or_else(|| {
            let folder = class.files[0].parent().unwrap_or(Path::new(""));
            Error::file(folder, format!("expected a class of the training pictures, {}", names.join(", ")))
        })
    });
    let labelled = labelled.collect::<Result<Vec<_>>>()?;
    let labels = labelled.iter().flat_map(|(class, label)| vec![*label; class.files.len()]).collect();
    let files: Vec<&PathBuf> = classes.iter().flat_map(|class| &class.files).collect();
    let pixels = files.par_iter().map(|path| pixels(path, size)).collect::<Result<Vec<Vec<u8>>>>()?;
    Samples::images(pixels.concat(), labels, [size.channels, size.height as usize, size.width as usize], 255)
}

/// The pixels of a picture, `[channels, height, width]`.
fn pixels(path: &Path, size: Size) -> Result<Vec<u8>> {
    let picture = reader(path)?.decode().map_err(|error| refused(path, &error))?;
    let picture = if size.resized { square(picture, size.width) } else { picture };
    if (picture.width(), picture.height()) != (size.width, size.height) {
        let (expected, found) = ((size.height, size.width), (picture.height(), picture.width()));
        let reason = format!(
            "expected {} x {} pixels, found {} x {}; `--size` resizes all pictures",
            expected.0, expected.1, found.0, found.1
        );
        return Err(Error::file(path, reason));
    }
    let mut rgba = picture.to_rgba8();
    rgba.pixels_mut().for_each(|pixel| *pixel = on_ground(*pixel));
    let opaque = DynamicImage::ImageRgba8(rgba);
    Ok(match size.channels {
        1 => opaque.to_luma8().into_raw(),
        channels => planes(&opaque.to_rgb8().into_raw(), [channels, (size.width * size.height) as usize]),
    })
}

/// The middle of a picture as a square with this side.
fn square(picture: DynamicImage, side: u32) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let least = width.min(height);
    picture.crop_imm((width - least) / 2, (height - least) / 2, least, least).resize_exact(
        side,
        side,
        FilterType::Triangle,
    )
}

/// A pixel in front of the ground.
fn on_ground(Rgba([red, green, blue, alpha]): Rgba<u8>) -> Rgba<u8> {
    let mix = |value: u8, ground: u8| {
        let (value, ground, alpha) = (u32::from(value), u32::from(ground), u32::from(alpha));
        ((value * alpha + ground * (255 - alpha) + 127) / 255) as u8
    };
    Rgba([mix(red, GROUND[0]), mix(green, GROUND[1]), mix(blue, GROUND[2]), 255])
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, RgbaImage};

    use super::*;

    fn save(path: &Path, picture: impl Into<DynamicImage>) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.into().save(path).unwrap();
    }

    #[test]
    fn folders_are_classes_and_transparent_pixels_white() {
        let dir = tempfile::tempdir().unwrap();
        for index in 0..20u8 {
            let class = ["cats", "dogs"][usize::from(index % 2)];
            let picture = RgbaImage::from_pixel(8, 6, Rgba([index, 100, 200, if index == 0 { 0 } else { 255 }]));
            save(&dir.path().join(format!("{class}/{index:02}.png")), picture);
        }
        assert!(is_folder(dir.path()));
        let loaded = load(dir.path(), &PictureConfig::default()).unwrap();
        assert_eq!((loaded.train.len(), loaded.test.len(), loaded.train.image()), (18, 2, [3, 6, 8]));
        assert!(loaded.train.labels().contains(&0) && loaded.train.labels().contains(&1));
        let all = [loaded.train.pixels(), loaded.test.pixels()].concat();
        let first: Vec<u8> = all.chunks(3 * 48).map(|picture| picture[0]).collect();
        assert!(first.contains(&255) && first.contains(&19) && !first.contains(&0), "{first:?}");
        assert!(all.chunks(3 * 48).all(|picture| picture[50] == 100 || picture[50] == 255));
        assert_eq!(loaded.notes[0], "20 pictures in 2 folders, each a class");
        assert!(loaded.notes.contains(&"transparent pixels show white".to_owned()), "{:?}", loaded.notes);
    }

    #[test]
    fn pictures_of_different_sizes_are_cut_and_resized() {
        let dir = tempfile::tempdir().unwrap();
        save(&dir.path().join("a.png"), GrayImage::from_pixel(30, 10, image::Luma([7])));
        save(&dir.path().join("b.jpg"), GrayImage::from_pixel(16, 16, image::Luma([7])));
        let loaded = load(dir.path(), &PictureConfig { size: Some(12) }).unwrap();
        assert_eq!(loaded.train.image(), [1, 12, 12]);
        assert!(loaded.train.pixels().iter().chain(loaded.test.pixels()).all(|pixel| (6..=8).contains(pixel)));
        let usual = load(dir.path(), &PictureConfig::default()).unwrap();
        assert_eq!(usual.train.image(), [1, 64, 64]);
        assert!(usual.notes.iter().any(|note| note.contains("since their sizes differ")), "{:?}", usual.notes);
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let dir = tempfile::tempdir().unwrap();
        save(&dir.path().join("a.png"), GrayImage::from_pixel(9, 9, image::Luma([7])));
        let bad = dir.path().join("b.png");
        let error = |bytes: &[u8]| {
            fs::write(&bad, bytes).unwrap();
            load(dir.path(), &PictureConfig::default()).unwrap_err().to_string()
        };
        assert!(error(b"no picture").contains("b.png: it is none of PNG, JPEG and WebP"), "{}", error(b"no picture"));
        let whole = fs::read(dir.path().join("a.png")).unwrap();
        assert!(error(&whole[..whole.len() / 2]).contains("it cannot be decoded"));
        // A header of 60,000 x 60,000 pixels.
        let mut bomb = whole;
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let error = error(&bomb);
        assert!(error.contains("b.png: ") && error.contains("leave it out"), "{error}");
    }
}
