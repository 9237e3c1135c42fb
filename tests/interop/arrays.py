#!/usr/bin/env python3
"""Writes a series with two channels and pictures in colour, the same every time.

    tests/interop/arrays.py series.npy pictures.npz
"""

import sys

import numpy as np


def main():
    draw = np.random.default_rng(1)
    time = np.arange(4000)
    series = np.stack([np.sin(time / 9) + draw.normal(0, 0.05, 4000), 1e4 + 300 * np.cos(time / 23)], 1)
    np.save(sys.argv[1], series)
    y, x = np.mgrid[:16, :16]
    phase = draw.uniform(0, 6, (300, 1, 1, 3))
    waves = np.sin(x[None, :, :, None] / 3 + phase) + np.cos(y[None, :, :, None] / 4 - phase)
    pictures = (127.5 + 60 * waves).astype(np.uint8)
    np.savez(sys.argv[2], x_train=pictures[:250], x_test=pictures[250:])


if __name__ == "__main__":
    main()
