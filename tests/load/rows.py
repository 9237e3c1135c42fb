#!/usr/bin/env python3
"""Encodes many rows from CSV, .npy and Parquet to each, and fails where results differ or memory grows with the rows.

    tests/load/rows.py --programs target/release [--rows 10000000]

Each row has 64 values. Of each run it prints rows a second, processor time, and the largest memory.
"""

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = 64
BLOCK = 10_000
FORMATS = ["csv", "npy", "parquet"]
GROWTH_MIB = 24  # what memory may differ by between an eighth of the rows and all


def measured(words):
    """Seconds, processor seconds and MiB of a program that must succeed."""
    start = time.monotonic()
    child = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{words}: {message.decode(errors='replace')}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def block():
    """Some rows, as numbers of 1/16 as the built-in digits have them."""
    state = 1
    for _ in range(BLOCK * COLUMNS):
        state = (state * 1103515245 + 12345) % 2**31
        yield (state >> 16) % 17 / 16


def write_rows(folder, rows, runtime, bundle):
    values = list(block())
    text = "".join(",".join(map(repr, values[at:at + COLUMNS])) + "\n" for at in range(0, len(values), COLUMNS))
    numbers = struct.pack(f"<{len(values)}f", *values)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {COLUMNS}), }}"
    header = header.ljust(117) + "\n"
    with open(folder / "rows.csv", "w") as csv, open(folder / "rows.npy", "wb") as npy:
        npy.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode())
        for _ in range(rows // BLOCK):
            csv.write(text)
            npy.write(numbers)
    # Rows as such: what the network makes of them would be others.
    subprocess.run([runtime, "reconstruct", bundle, folder / "rows.npy", "--out", folder / "rows.parquet"],
                   check=True, capture_output=True)


def in_a_process(work, *arguments):
    """Calls a function in a process of its own: what it takes would count as the memory of programs that are started later."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{work.__name__} failed")


def digest(path, runtime, run):
    """What tells latents from others. Parquet files of the same rows differ, so theirs are decoded."""
    if path.suffix == ".parquet":
        path, source = path.with_name("decoded.npy"), path
        subprocess.run([runtime, "decode", run, source, "--out", path], check=True, capture_output=True)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, default=Path("target/release"))
    parser.add_argument("--rows", type=int, default=160_000)
    parser.add_argument("--folder", type=Path, help="where the files are written [default: the system's temporary folder]")
    options = parser.parse_args()
    programs, rows = options.programs.resolve(), options.rows // (8 * BLOCK) * (8 * BLOCK)
    runtime, faults = programs / "runtime", []
    with tempfile.TemporaryDirectory(prefix="load-", dir=options.folder) as folder:
        folder = Path(folder)
        for words in (["trainer", "fit", "--epochs", "2", "--baseline-seconds", "0", "--out", folder / "run"],
                      ["exporter", "--split", folder / "run"]):
            subprocess.run([programs / words[0], *words[1:]], check=True, capture_output=True)
        memory, digests = {}, {}
        for count in (rows // 8, rows):
            in_a_process(write_rows, folder, count, runtime, folder / "run")
            for source in FORMATS:
                for target in FORMATS:
                    out = folder / f"out.{target}"
                    wall, cpu, mib = measured([runtime, "encode", folder / "run", folder / f"rows.{source}", "--out", out])
                    name = f"{source} to {target}"
                    print(f"{count:9} rows, {name:18}  {count / wall:9.0f} rows/s, {count / cpu:9.0f} for each second of "
                          f"processor time, {mib:4.0f} MiB", flush=True)
                    if source != "parquet":  # what the network made of the rows
                        found = digest(out, runtime, folder / "run")
                        if digests.setdefault((count, target), found) != found:
                            faults.append(f"{name}: other latents than from CSV")
                    memory.setdefault(name, []).append(mib)
                    out.unlink()
    faults += [f"{name}: {large:.0f} MiB for {rows} rows, {small:.0f} for an eighth of them"
               for name, (small, large) in memory.items() if large > small + GROWTH_MIB]
    print("\n".join(faults) or f"{rows} rows: the same latents from each, in the same memory")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
