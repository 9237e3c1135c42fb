#!/usr/bin/env python3
"""Writes a stand-in for MNIST's four files: the same names, format and sizes of image, bars instead of digits.

A file `stand-in` beside them says so; tests of MNIST's figures leave such a folder alone.

    tests/interop/stand_in.py DIR
"""

import gzip
import random
import struct
import sys
from pathlib import Path

SIDE = 28


def image(label, generator):
    """A bar whose angle is the label's: ten classes."""
    pixels = bytearray(SIDE * SIDE)
    slope, shift = (label - 4.5) / 4, generator.uniform(-4, 4)
    for row in range(4, SIDE - 4):
        middle = SIDE / 2 + shift + slope * (row - SIDE / 2)
        for column in range(SIDE):
            ink = max(0.0, 1 - abs(column - middle) / 2)
            pixels[row * SIDE + column] = int(255 * ink)
    return bytes(pixels)


def write(directory, name, images, repeats, generator):
    """Writes `images` different images, each `repeats` times, and their labels."""
    labels = [index % 10 for index in range(images)]
    pixels = b"".join(image(label, generator) for label in labels) * repeats
    labels, count = labels * repeats, images * repeats
    files = {
        f"{name}-images-idx3-ubyte.gz": struct.pack(">IIII", 2051, count, SIDE, SIDE) + pixels,
        f"{name}-labels-idx1-ubyte.gz": struct.pack(">II", 2049, count) + bytes(labels),
    }
    for file, content in files.items():
        (directory / file).write_bytes(gzip.compress(content, mtime=0))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory, generator = Path(sys.argv[1]), random.Random(1)
    directory.mkdir(parents=True, exist_ok=True)
    # 30,000 training rows are enough to learn from in one epoch; the 10,000 test rows are as many as MNIST has.
    write(directory, "train", 2000, 15, generator)
    write(directory, "t10k", 400, 25, generator)
    (directory / "stand-in").write_text("bars instead of digits, written by tests/interop/stand_in.py\n")


if __name__ == "__main__":
    main()
