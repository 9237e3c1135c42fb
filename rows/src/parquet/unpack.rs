//! Unpacks pages, to the length that they claim and no further.

use std::io::{Read, Result};

use parquet::basic::Compression;

use super::damage::NOT_WHOLE;
use crate::gunzip::Gunzip;

/// Appends what must be `length` bytes then.
pub(super) fn unpack(codec: Compression, packed: &[u8], content: &mut Vec<u8>, length: usize) -> Result<()> {
    let damaged = || std::io::Error::other(NOT_WHOLE);
    let before = content.len();
    match codec {
        Compression::UNCOMPRESSED => content.extend_from_slice(packed),
        Compression::SNAPPY => {
            // A byte of it adds 64 at most.
            if snap::raw::decompress_len(packed)? != length || length / 64 > packed.len() {
                return Err(damaged());
            }
            content.resize(before + length, 0);
            snap::raw::Decoder::new().decompress(packed, &mut content[before..])?;
        }
        Compression::GZIP(_) => read(Gunzip::new(packed), content, length)?,
        Compression::BROTLI(_) => read(brotli_decompressor::Decompressor::new(packed, 1 << 12), content, length)?,
        Compression::ZSTD(_) => {
            let unpack = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|_| damaged())?;
            read(unpack, content, length)?;
        }
        Compression::LZ4 => {
            content.extend(hadoop(packed, length).or_else(|| block(packed, length)).ok_or_else(damaged)?);
        }
        Compression::LZ4_RAW => content.extend(block(packed, length).ok_or_else(damaged)?),
        Compression::LZO => return Err(damaged()),
    }
    if content.len() - before == length { Ok(()) } else { Err(damaged()) }
}

/// At most one byte more than it should be.
fn read(unpack: impl Read, content: &mut Vec<u8>, length: usize) -> Result<()> {
    unpack.take(length as u64 + 1).read_to_end(content).map(|_| ())
}

fn block(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    // A byte of LZ4 adds 255 at most.
    if length / 256 > packed.len() {
        return None;
    }
    lz4_flex::block::decompress(packed, length).ok()
}

/// What Hadoop makes of LZ4: blocks, each behind its length before and after it was packed.
fn hadoop(mut packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    let size = |packed: &mut &[u8]| packed.split_off(..4)?.first_chunk().map(|size| u32::from_be_bytes(*size));
    while !packed.is_empty() {
        let (after, before) = (size(&mut packed)? as usize, size(&mut packed)? as usize);
        if after > length - bytes.len() {
            return None;
        }
        bytes.extend(block(packed.split_off(..before)?, after)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};

    use super::*;

    /// 1,000 times "rows ", by each of them.
    #[test]
    fn a_page_is_unpacked_to_its_length_and_no_further() {
        let plain = b"rows ".repeat(1000);
        let snappy = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        let lz4 = lz4_flex::block::compress(&plain);
        let mut hadoop = vec![];
        for _ in 0..2 {
            hadoop.extend([5000u32, lz4.len() as u32].iter().flat_map(|size| size.to_be_bytes()));
            hadoop.extend(&lz4);
        }
        let gzip = {
            let mut packer = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
            std::io::Write::write_all(&mut packer, &plain).unwrap();
            packer.finish().unwrap()
        };
        let zstd = ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
        // A block of 5 letters that are not packed, and its end.
        let brotli = b"\x0b\x02\x80rows \x03".to_vec();
        let cases = [
            (Compression::SNAPPY, snappy, 5000),
            (Compression::GZIP(GzipLevel::default()), gzip, 5000),
            (Compression::ZSTD(ZstdLevel::default()), zstd, 5000),
            (Compression::LZ4_RAW, lz4.clone(), 5000),
            (Compression::LZ4, lz4, 5000),
            (Compression::LZ4, hadoop, 10_000),
            (Compression::BROTLI(BrotliLevel::default()), brotli, 5),
            (Compression::UNCOMPRESSED, plain, 5000),
        ];
        for (codec, packed, length) in cases {
            let unpacked = |packed: &[u8], length| {
                let mut content = b"levels".to_vec();
                unpack(codec, packed, &mut content, length).map(|()| content.split_off(6))
            };
            let bytes = unpacked(&packed, length).unwrap_or_else(|error| panic!("{codec}: {error}"));
            assert_eq!(bytes, b"rows ".repeat(length / 5), "{codec}");
            for wrong in [0, length - 1, length + 1, 1 << 40] {
                assert!(unpacked(&packed, wrong).is_err(), "{codec} to {wrong}");
            }
            assert!(unpacked(&packed[..packed.len() - 2], length).is_err(), "{codec}");
        }
    }
}
