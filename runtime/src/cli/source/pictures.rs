//! Pictures as rows: of a folder, of the folders in it, or a single one.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::{Result, bail};
use bundle::{counted, printable};
use rayon::prelude::*;
use rows::{PictureSize, picture_files, picture_folders, picture_header, picture_pixels, planes};
use runtime::Tensor;

use super::blocks::{RowBlocks, ahead, start};

/// Values in a block of pictures, and the most pictures in it.
const VALUES: usize = 1 << 20;
const MAX_PICTURES: usize = 256;
/// How PNG, JPEG and WebP files begin.
const MAGIC: [&[u8]; 3] = [b"\x89PNG", b"\xff\xd8\xff", b"RIFF"];

/// Pictures as rows, which other threads decode ahead.
pub(super) struct Pictures {
    blocks: mpsc::IntoIter<rows::Result<Block>>,
    count: usize,
    done: usize,
    resized: usize,
    size: [u32; 2],
}

struct Block {
    values: Vec<f32>,
    count: usize,
    /// Pictures that had another size.
    resized: usize,
}

/// Whether pictures are at `path`.
pub(super) fn are_at(path: &Path) -> bool {
    !files(path).is_empty()
}

/// The names of the pictures at `path`, below it; nothing where there are none.
pub(super) fn names(path: &Path) -> Option<Vec<String>> {
    let below = |file: &PathBuf| file.strip_prefix(path).ok().filter(|name| *name != Path::new("")).map(Path::to_owned);
    let own = |file: &PathBuf| file.file_name().map(PathBuf::from).unwrap_or_default();
    let name = |file: &PathBuf| below(file).unwrap_or_else(|| own(file)).display().to_string();
    let names: Vec<String> = files(path).iter().map(name).collect();
    (!names.is_empty()).then_some(names)
}

fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        let is_picture = MAGIC.iter().any(|magic| start(path).starts_with(magic));
        return if is_picture { vec![path.into()] } else { vec![] };
    }
    let mut files = picture_files(path);
    files.extend(picture_folders(path).iter().flat_map(|folder| picture_files(folder)));
    files
}

/// How pictures of an array have to be turned whose channels are not where the network has them: rows and columns of a matrix.
pub(super) fn turned(found: &[usize], expected: &[usize]) -> Option<[usize; 2]> {
    let ([a, b, c], false) = (<[usize; 3]>::try_from(found).ok()?, found == expected) else { return None };
    // Channels first or last in the network.
    [([c, a, b], [a * b, c]), ([b, c, a], [a, b * c])]
        .into_iter()
        .find_map(|(shape, matrix)| (shape == *expected).then_some(matrix))
}

impl Pictures {
    /// The pictures at `path` as values of `tensor`, whose rows are pictures `[channels, height, width]`.
    pub(super) fn open(path: &Path, tensor: &Tensor, image: &[usize]) -> Result<Self> {
        let (channels, [height, width]) = match *image {
            [height, width] => (1, [height, width]),
            [channels, height, width] => (channels, [height, width]),
            _ => bail!("expected rows of numbers for `{}`, found pictures", printable(&tensor.name)),
        };
        let size = PictureSize { size: [height as u32, width as u32], channels, resized: height == width };
        let files = files(path);
        let count = files.len();
        let takes_bytes = tensor.dtype == "uint8";
        let per_block = (VALUES / (channels * height * width).max(1)).clamp(1, MAX_PICTURES);
        let blocks = ahead((0..count.div_ceil(per_block)).map(move |block| {
            let files = &files[block * per_block..count.min((block + 1) * per_block)];
            read(files, size, takes_bytes)
        }));
        Ok(Self { blocks, count, done: 0, resized: 0, size: size.size })
    }
}

fn read(files: &[PathBuf], size: PictureSize, takes_bytes: bool) -> rows::Result<Block> {
    let picture = |path: &PathBuf| Ok((picture_header(path)?.size != size.size, picture_pixels(path, size)?));
    let pictures = files.par_iter().map(picture).collect::<rows::Result<Vec<(bool, Vec<u8>)>>>()?;
    let resized = pictures.iter().filter(|(is_resized, _)| *is_resized).count();
    let bytes: Vec<u8> = pictures.into_iter().flat_map(|(_, pixels)| pixels).collect();
    let pixels = (size.size[0] * size.size[1]) as usize;
    let values = if takes_bytes {
        bytes.into_iter().map(f32::from).collect()
    } else {
        planes(&bytes, [size.channels, pixels]).into_iter().map(|byte| f32::from(byte) / 255.).collect()
    };
    Ok(Block { values, count: files.len(), resized })
}

impl RowBlocks for Pictures {
    fn next(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(block) = self.blocks.next().transpose()? else { return Ok(None) };
        self.done += block.count;
        self.resized += block.resized;
        Ok(Some(block.values))
    }

    fn part(&self) -> f64 {
        self.done as f64 / self.count.max(1) as f64
    }

    fn note(&self) -> Option<String> {
        let [height, width] = self.size;
        let resized = match self.resized {
            0 => String::new(),
            count => format!("; {count} cut out square and resized to {height} x {width}"),
        };
        Some(counted(self.count, "picture") + &resized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_go_where_the_network_has_them() {
        assert_eq!(turned(&[4, 5, 3], &[3, 4, 5]), Some([20, 3]));
        assert_eq!(turned(&[3, 4, 5], &[4, 5, 3]), Some([3, 20]));
        assert_eq!(
            (turned(&[3, 4, 5], &[3, 4, 5]), turned(&[60], &[3, 4, 5]), turned(&[5, 4, 3], &[3, 4, 5])),
            (None, None, None)
        );
    }
}
