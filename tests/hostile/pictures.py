"""Pictures from strangers: PNG, JPEG and others in a folder, and the IDX files of MNIST."""

import gzip
import struct
import zlib

from cases import EITHER, REFUSED, Case, made
from graphs import ESCAPES, MILLION
from tables import FIT, bomb

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def zeros(megabytes):
    """Zeros in the form that PNG packs its pixels in."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(MILLION)) for _ in range(megabytes)), packer.flush()])


def png(width, height, pixels=None, depth=8, colour=0, interlace=0, before=b""):
    """A picture; without pixels, one that is as black as it says it is large."""
    if pixels is None:
        pixels = zlib.compress(bytes(height * (1 + (width * depth * {0: 1, 2: 3, 6: 4}[colour] + 7) // 8)), 9)
    shape = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return SIGNATURE + chunk(b"IHDR", shape) + before + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(width, height, marker=0xC0, scan=b"", components=1):
    """The segments of a JPEG file up to its pixels."""
    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes([index + 1, 0x11, 0]) for index in range(components))
    parts = [segment(0xDB, b"\0" + b"\1" * 64), segment(marker, frame), segment(0xC4, b"\0\1" + bytes(15) + b"\0"),
             segment(0xC4, b"\x10\1" + bytes(15) + b"\0")]
    begin = bytes([components]) + b"".join(bytes([index + 1, 0]) for index in range(components)) + b"\0\x3f\0"
    return b"\xff\xd8" + b"".join(parts) + segment(0xDA, begin) + scan + b"\xff\xd9"


def webp(kind, content):
    padded = content + b"\0" * (len(content) % 2)
    body = b"WEBP" + kind + struct.pack("<I", len(content)) + padded
    return b"RIFF" + struct.pack("<I", len(body)) + body


def picture(name, content, outcome=REFUSED, file="hostile.png"):
    """A folder with this picture and twenty good ones."""
    def make(folder):
        (folder / "pictures").mkdir()
        (folder / "pictures" / file).write_bytes(made(content))
        for index in range(20):
            (folder / "pictures" / f"good-{index}.png").write_bytes(png(16, 16))

    return Case("pictures-" + name, FIT + "pictures --preset simple --size 8", make, outcome)


def idx(magic, dims, data=b""):
    return struct.pack(f">I{len(dims)}I", magic, *dims) + data


def images(name, content, outcome=REFUSED, end=""):
    """A folder with these training images."""
    def make(folder):
        (folder / "images").mkdir()
        (folder / "images" / f"train-images-idx3-ubyte{end}").write_bytes(made(content))

    return Case("idx-" + name, FIT + "images", make, outcome)


SMALL = bytes(20 * 16)

CASES = [
    picture("of-zero-bytes", b""),
    picture("of-its-signature-only", SIGNATURE),
    picture("of-65535-by-65535-pixels-with-little-data", png(65535, 65535, zlib.compress(bytes(100)))),
    picture("of-2-to-the-31-pixels-a-side", png(2**31 - 1, 2**31 - 1, zlib.compress(bytes(100)))),
    picture("of-no-pixels", png(0, 0, zlib.compress(b""))),
    picture("of-16384-by-16384-grey-pixels", lambda: png(16384, 16384), EITHER),
    picture("of-16384-by-16384-pixels-of-one-bit", lambda: png(16384, 16384, depth=1), EITHER),
    picture("of-8600-by-8600-grey-pixels", lambda: png(8600, 8600), EITHER),
    picture("of-5000-by-5000-coloured-pixels", lambda: png(5000, 5000, colour=2), EITHER),
    picture("of-4300-by-4300-transparent-pixels", lambda: png(4300, 4300, colour=6), EITHER),
    picture("of-8192-by-8192-coloured-pixels", lambda: png(8192, 8192, colour=2), EITHER),
    picture("of-16384-by-16384-pixels-with-little-data", png(16384, 16384, zlib.compress(bytes(100)))),
    picture("of-16384-by-1-pixels", png(16384, 1), EITHER),
    picture("of-16-by-16-pixels-with-a-gigabyte-behind-them", lambda: png(16, 16, zeros(1000)), EITHER),
    picture("with-a-profile-of-a-gigabyte",
            lambda: png(16, 16, before=chunk(b"iCCP", b"x\0\0" + zeros(1000))), EITHER),
    picture("with-a-text-of-a-gigabyte", lambda: png(16, 16, before=chunk(b"zTXt", b"x\0\0" + zeros(1000))), EITHER),
    picture("with-a-million-texts", lambda: png(16, 16, before=chunk(b"tEXt", b"a\0b") * MILLION), EITHER),
    picture("with-a-chunk-of-4-gib", SIGNATURE + struct.pack(">I", 2**32 - 1) + b"IHDR"),
    picture("with-two-headers", png(16, 16, before=png(9, 9)[8:33]), EITHER),
    picture("of-an-unknown-depth", png(16, 16, zlib.compress(bytes(999)), depth=7)),
    picture("of-an-unknown-colour", png(16, 16, zlib.compress(bytes(999)), colour=99)),
    picture("of-an-unknown-interlace", png(16, 16, interlace=9)),
    picture("of-a-wrong-checksum", png(16, 16)[:-8] + bytes(8), EITHER),
    picture("that-is-cut", png(16, 16)[:50]),
    picture("that-is-a-jpeg-that-is-cut", jpeg(16, 16)[:90]),
    picture("that-is-a-jpeg-of-65535-by-65535-pixels", jpeg(65535, 65535)),
    picture("that-is-a-jpeg-of-16000-by-16000-pixels", jpeg(16000, 16000, components=3)),
    picture("that-is-a-jpeg-of-no-pixels", jpeg(0, 0)),
    picture("that-is-a-progressive-jpeg-of-16000-by-16000-pixels", jpeg(16000, 16000, 0xC2, components=3)),
    picture("that-is-a-jpeg-of-255-components", jpeg(16, 16, components=255)),
    picture("that-is-a-jpeg-of-endless-markers", lambda: b"\xff\xd8" + b"\xff" * 8 * MILLION),
    picture("that-is-a-jpeg-of-a-million-comments", lambda: b"\xff\xd8" + segment(0xFE, b"x") * MILLION),
    picture("that-is-a-webp-of-16384-by-16384-pixels",
            webp(b"VP8X", b"\0" * 4 + (16383).to_bytes(3, "little") * 2), file="hostile.webp"),
    picture("that-is-a-webp-without-loss-of-16384-by-16384-pixels",
            webp(b"VP8L", b"\x2f" + struct.pack("<I", 0xFFFFFFF) + bytes(100)), file="hostile.webp"),
    picture("that-is-a-webp-of-a-chunk-of-4-gib", b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff" + bytes(50),
            file="hostile.webp"),
    picture("that-is-a-gif-of-65535-by-65535-pixels", b"GIF89a" + b"\xff" * 4 + bytes(50)),
    picture("that-is-a-bmp-of-2-to-the-31-pixels",
            b"BM" + struct.pack("<IIIIiiHH", 100, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24) + bytes(50)),
    picture("that-is-a-tiff-with-a-loop", b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    picture("that-is-an-svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='99999' height='99999'/>"),
    picture("called-by-escape-codes", b"", file=ESCAPES + ".png"),
    images("of-zero-bytes", b""),
    images("of-a-wrong-number", idx(0x00000903, [20, 4, 4], SMALL)),
    images("of-255-dimensions", idx(0x000008FF, [1] * 255, b"\0")),
    images("of-no-dimensions", idx(0x00000800, [])),
    images("whose-length-wraps", idx(0x00000803, [2**32 - 1] * 3, SMALL)),
    images("whose-length-wraps-to-0", idx(0x00000803, [2**31, 2**31, 4], SMALL)),
    images("of-4-billion-images", idx(0x00000803, [2**32 - 1, 1, 1], SMALL)),
    images("of-no-pixels", idx(0x00000803, [2**32 - 1, 0, 0])),
    images("that-is-too-short", idx(0x00000803, [20, 4, 4], SMALL[:-1])),
    images("that-is-too-long", idx(0x00000803, [20, 4, 4], SMALL + b"\0")),
    images("of-a-gigabyte-packed", lambda: bomb(1000, idx(0x00000803, [MILLION, 25, 40])), EITHER, ".gz"),
    images("of-a-gigabyte-that-claims-20-images", lambda: bomb(1000, idx(0x00000803, [20, 4, 4])), end=".gz"),
    images("of-a-gigabyte-of-one-image", lambda: bomb(1000, idx(0x00000803, [1, 31250, 32000])), end=".gz"),
    images("that-is-packed-twice", gzip.compress(gzip.compress(idx(0x00000803, [20, 4, 4], SMALL))), end=".gz"),
    images("that-is-packed-and-cut", gzip.compress(idx(0x00000803, [20, 4, 4], SMALL))[:-9], end=".gz"),
]
