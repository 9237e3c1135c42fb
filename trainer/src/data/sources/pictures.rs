//! A folder of pictures, PNG, JPEG or WebP: of one class, or with a class for each folder in it.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rows::{PictureHeader, PictureSize, picture_files, picture_folders, picture_header, picture_pixels, planes};

use super::diagnose;
use super::idx::hold_out;
use super::loaded::Loaded;
use crate::data::picture_config::PictureConfig;
use crate::data::samples::Samples;
use crate::error::{Error, Result};

/// The largest side of pictures that are taken as they are.
const MAX_SIDE: u32 = 256;
/// The side that pictures of different sizes are given.
const USUAL_SIDE: u32 = 64;
/// The names of two folders that divide the pictures themselves.
const PARTS: [&[&str]; 2] = [&["train", "training"], &["test", "testing", "val", "valid", "validation"]];

/// Whether pictures are in `dir`, in a folder in it, or in those of its folders for training and testing.
pub(super) fn is_folder(dir: &Path) -> bool {
    let has_some = |dir: &PathBuf| has_pictures(dir);
    let is_part = |dir: &&PathBuf| PARTS.concat().contains(&name(dir).to_lowercase().as_str());
    let inside = picture_folders(dir);
    let deeper = || inside.iter().filter(is_part).any(|part| picture_folders(part).iter().any(has_some));
    dir.is_dir() && !diagnose::is_run(dir) && (has_pictures(dir) || inside.iter().any(has_some) || deeper())
}

/// Loads the pictures in `dir`; those for testing are in `test`, or in a folder of `dir`, or some that are held out.
pub(super) fn load(dir: &Path, config: &PictureConfig, test: Option<&Path>) -> Result<Loaded> {
    let part = |names: &[&str]| {
        picture_folders(dir).into_iter().find(|folder| names.contains(&name(folder).to_lowercase().as_str()))
    };
    let named = test;
    let [train, test] = PARTS.map(part);
    let (mut train, test) = match (named, train, test) {
        (Some(test), train, _) => (Class::all(train.as_deref().unwrap_or(dir))?, Some(Class::all(test)?)),
        (None, Some(train), Some(test)) => (Class::all(&train)?, Some(Class::all(&test)?)),
        _ => (Class::all(dir)?, None),
    };
    if let ([only], Some(test)) = (&mut train[..], &test)
        && only.name.is_empty()
        && test.iter().any(|class| !class.name.is_empty())
    {
        // `train/good` beside `test/good` and `test/broken`.
        only.name = name(dir);
    }
    let (size, mut notes) = size(&train, config)?;
    notes.insert(0, describe(&train));
    notes.extend(passed_over(dir, &train));
    let mut classes: Vec<&str> = train.iter().map(|class| class.name.as_str()).collect();
    let known = classes.len();
    for class in test.iter().flatten() {
        if !classes.contains(&class.name.as_str()) {
            classes.push(&class.name);
        }
    }
    if classes.len() > known {
        let others = classes[known..].join(", ");
        notes.push(format!("no training picture has these classes, whose test pictures are thus unusual: {others}"));
    }
    let training = samples(&train, &classes, size)?;
    let Some(test) = &test else {
        let (training, testing) = hold_out(&training).ok_or_else(|| {
            Error::file(dir, "expected two pictures or more, of which some are held out for testing, found one")
        })?;
        notes.push(format!("{} of them, drawn at random, are held out for testing", testing.len()));
        return Ok(Loaded { train: training, test: testing, notes, rest: None });
    };
    let testing = samples(test, &classes, size)?;
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
        let own = Self { name: String::new(), files: picture_files(dir) };
        let of_folder = |dir: PathBuf| Self { name: name(&dir), files: picture_files(&dir) };
        let folders = picture_folders(dir).into_iter().map(of_folder).filter(|class| !class.files.is_empty());
        let all: Vec<Self> = if own.files.is_empty() { folders.collect() } else { vec![own] };
        match all.len() {
            0 => Err(Error::file(dir, "expected pictures, PNG, JPEG or WebP, found none")),
            257.. => Err(Error::file(dir, format!("expected at most 256 folders, each a class, found {}", all.len()))),
            _ => Ok(all),
        }
    }
}

fn has_pictures(dir: &Path) -> bool {
    !picture_files(dir).is_empty()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn describe(classes: &[Class]) -> String {
    let count: usize = classes.iter().map(|class| class.files.len()).sum();
    match classes {
        [only] if only.name.is_empty() => format!("{count} pictures without classes"),
        _ => format!("{count} pictures in {}, each a class", bundle::counted(classes.len(), "folder")),
    }
}

/// What stands in the folder and is not taken: pictures in folders beside others, and pictures of kinds that are not read.
fn passed_over(dir: &Path, classes: &[Class]) -> Vec<String> {
    let mut notes = vec![];
    if let [only] = classes
        && only.name.is_empty()
    {
        let others: usize = picture_folders(dir).iter().map(|folder| picture_files(folder).len()).sum();
        if others > 0 {
            notes.push(format!(
                "passed over: {} in folders beside these; move all into folders, one for each class",
                bundle::counted(others, "picture")
            ));
        }
    }
    let folders = [vec![dir.to_owned()], picture_folders(dir)].concat();
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let is_other = |path: &Path| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        diagnose::PICTURES.contains(&ending.as_str())
    };
    let others = entries.filter(|entry| is_other(&entry.path())).count();
    if others > 0 {
        let others = bundle::counted(others, "picture");
        notes.push(format!(
            "passed over: {others} of kinds that are not read; PNG, JPEG and WebP are: {}",
            diagnose::CONVERT
        ));
    }
    notes
}

/// The size that was chosen, or the pictures' own if it is one; colour where any picture has it.
fn size(classes: &[Class], config: &PictureConfig) -> Result<(PictureSize, Vec<String>)> {
    let files: Vec<&PathBuf> = classes.iter().flat_map(|class| &class.files).collect();
    let headers: rows::Result<Vec<PictureHeader>> = files.par_iter().map(|path| picture_header(path)).collect();
    let headers = headers.map_err(|error| Error::Table(error.to_string()))?;
    let first = headers[0].size;
    let same = headers.iter().all(|header| header.size == first);
    let channels = if headers.iter().all(|header| header.is_grey) { 1 } else { 3 };
    let mut notes = Vec::new();
    let own = same && first.into_iter().all(|side| side <= MAX_SIDE);
    let size = match config.size {
        None if own => PictureSize { size: first, channels, resized: false },
        chosen => {
            let side = chosen.map_or(USUAL_SIDE, |side| side as u32);
            let why = if chosen.is_some() {
                ""
            } else if same {
                "; `--size` chooses another"
            } else {
                ", since their sizes differ; `--size` chooses another"
            };
            notes
                .push(format!("their middle is cut out square and resized to {side} x {side} (filter: triangle){why}"));
            PictureSize { size: [side; 2], channels, resized: true }
        }
    };
    let kind = if channels == 3 { "in colour" } else { "in grey" };
    let [height, width] = size.size;
    notes.push(format!("they are {height} x {width} pixels {kind}"));
    if headers.iter().any(|header| header.is_transparent) {
        notes.push("transparent pixels show white".into());
    }
    Ok((size, notes))
}

/// All pictures with the places of their classes in `names`.
fn samples(classes: &[Class], names: &[&str], size: PictureSize) -> Result<Samples> {
    let label = |class: &Class| names.iter().position(|name| *name == class.name).unwrap_or_default() as u8;
    let labels = classes.iter().flat_map(|class| vec![label(class); class.files.len()]).collect();
    let files: Vec<&PathBuf> = classes.iter().flat_map(|class| &class.files).collect();
    let pixels: rows::Result<Vec<Vec<u8>>> = files.par_iter().map(|path| picture_pixels(path, size)).collect();
    let pixels = pixels.map_err(|error| {
        let error = error.to_string();
        let is_size = error.contains(" pixels, found ");
        Error::Table(error + if is_size { "; `--size` resizes all pictures" } else { "" })
    })?;
    let ([height, width], channels) = (size.size.map(|side| side as usize), size.channels);
    Samples::images(planes(&pixels.concat(), [channels, height * width]), labels, [channels, height, width], 255)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{DynamicImage, GrayImage, Rgba, RgbaImage};

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
        let loaded = load(dir.path(), &PictureConfig::default(), None).unwrap();
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
    fn classes_of_test_pictures_alone_are_unusual() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        for index in 0..6u8 {
            save(&dir.join(format!("train/good/{index}.png")), GrayImage::from_pixel(9, 9, image::Luma([index])));
            let class = ["good", "broken"][usize::from(index % 2)];
            save(&dir.join(format!("test/{class}/{index}.png")), GrayImage::from_pixel(9, 9, image::Luma([index])));
        }
        let (train, test) = (dir.join("train"), dir.join("test"));
        for (data, test) in [(dir, None), (&train, Some(&*test)), (&train.join("good"), Some(&*test))] {
            let loaded = load(data, &PictureConfig::default(), test).unwrap();
            assert_eq!((loaded.train.labels(), loaded.test.labels()), (&[0; 6][..], &[1, 1, 1, 0, 0, 0][..]));
            assert!(loaded.notes.iter().any(|note| note.ends_with("thus unusual: broken")), "{:?}", loaded.notes);
        }
    }

    #[test]
    fn pictures_of_different_sizes_are_cut_and_resized() {
        let dir = tempfile::tempdir().unwrap();
        save(&dir.path().join("a.png"), GrayImage::from_pixel(30, 10, image::Luma([7])));
        save(&dir.path().join("b.jpg"), GrayImage::from_pixel(16, 16, image::Luma([7])));
        let loaded = load(dir.path(), &PictureConfig { size: Some(12) }, None).unwrap();
        assert_eq!(loaded.train.image(), [1, 12, 12]);
        assert!(loaded.train.pixels().iter().chain(loaded.test.pixels()).all(|pixel| (6..=8).contains(pixel)));
        let usual = load(dir.path(), &PictureConfig::default(), None).unwrap();
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
            load(dir.path(), &PictureConfig::default(), None).unwrap_err().to_string()
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
