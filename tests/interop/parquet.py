#!/usr/bin/env python3
"""Writes the same rows to Parquet with every compression, encoding and version that pyarrow has; `runtime` must read the same from each.

    tests/interop/parquet.py RUNTIME BUNDLE ROWS.csv
"""

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

ENCODINGS = {
    "plain": {"use_dictionary": False},
    "dictionary": {"use_dictionary": True},
    "delta": {"use_dictionary": False, "column_encoding": {
        pa.string(): "DELTA_BYTE_ARRAY", pa.int64(): "DELTA_BINARY_PACKED", pa.float64(): "BYTE_STREAM_SPLIT"}},
    "lengths": {"use_dictionary": False, "column_encoding": {pa.string(): "DELTA_LENGTH_BYTE_ARRAY"}},
}


def main():
    runtime, bundle, rows = sys.argv[1:]
    table = csv.read_csv(rows)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def scored(source):
            out = folder / "scored.csv"
            subprocess.run([runtime, "score", bundle, str(source), "--out", str(out)], check=True, capture_output=True)
            return out.read_bytes()

        unsigned = folder / "unsigned.parquet"
        for width in (8, 16, 32, 64):
            largest = 2**width - 1
            numbers = pa.table({"n": pa.array([1, largest // 2 + 1, largest], getattr(pa, f"uint{width}")())})
            parquet.write_table(numbers, unsigned)
            said = subprocess.run([runtime, "convert", str(unsigned)], check=True, capture_output=True, text=True).stdout
            found = [float(line) for line in said.split()]
            if any(abs(a - b) > b * 1e-6 for a, b in zip(found, [1, largest // 2 + 1, largest], strict=True)):
                sys.exit(f"uint{width}: found {found}")
        expected, count = scored(rows), 0
        for codec, (name, options), version in itertools.product(
                ["none", "snappy", "gzip", "brotli", "zstd", "lz4"], ENCODINGS.items(), ["1.0", "2.0"]):
            options = dict(options)
            if "column_encoding" in options:
                options["column_encoding"] = {column.name: options["column_encoding"][column.type] for column in table.schema
                                              if column.type in options["column_encoding"]}
            path = folder / f"{codec}-{name}-{version}.parquet"
            parquet.write_table(table, path, compression=codec, data_page_version=version, data_page_size=2000,
                                row_group_size=301, **options)
            if scored(path) != expected:
                sys.exit(f"{path.name}: other scores than from {rows}")
            count += 1
    print(f"{count} Parquet files: the same scores from each")


if __name__ == "__main__":
    main()
