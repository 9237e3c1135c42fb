#!/usr/bin/env python3
"""Runs the fuzz targets from real and hostile files as seeds, and fails if one finds something.

    fuzz/run.py --programs target/release [--seconds 600] [--only READER]

It needs a nightly compiler and `cargo install cargo-fuzz`. What is found goes to fuzz/found/READER, where the tests try it again.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/hostile"))

from make import all_cases, write  # noqa: E402
from run import base_run  # noqa: E402

MAX_SEED = 1 << 16
# The endings of files that each reader takes.
SEEDS = {
    "graph": ["encoder.onnx", "decoder.onnx"],
    "scorer": ["scorer.onnx"],
    "manifest": ["model.json"],
    "rows": [".csv", ".npy", ".npz", ".parquet", ".gz"],
    "table": [".csv"],
    "picture": [".png", ".jpg", ".jpeg", ".webp"],
    "idx": ["-ubyte"],
    "checkpoint": [".safetensors"],
    "config": [".toml"],
}


def sow(corpus, programs):
    """Gives each reader the files of a run, of the bundles in tests, and of the hostile cases as seeds."""
    for reader in SEEDS:
        (corpus / reader).mkdir(parents=True)

    def take(folder):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_SEED:
                content = path.read_bytes()
                for reader, ends in SEEDS.items():
                    if path.name.endswith(tuple(ends)):
                        (corpus / reader / f"{hash(content) & (1 << 64) - 1:016x}").write_bytes(content)

    take(HERE.parent / "tests/bundles")
    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        base = base_run(Path(folder), programs)
        take(base)
        for number, case in enumerate(all_cases(base)):
            place = Path(folder) / str(number)
            write(case, place)
            take(place)
            subprocess.run(["rm", "-rf", place], check=True)


def fuzz(reader, corpus, seconds):
    found = HERE / "found" / reader
    found.mkdir(parents=True, exist_ok=True)
    words = ["cargo", "+nightly", "fuzz", "run", "--fuzz-dir", str(HERE), reader, str(corpus / reader), "--", f"-max_total_time={seconds}",
             "-rss_limit_mb=2048", "-timeout=10", f"-max_len={MAX_SEED}", f"-artifact_prefix={found}/", "-verbosity=1"]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", cwd=HERE)
    runs = re.findall(r"^#(\d+)\s+\S+\s+cov: (\d+)", done.stderr, re.M)
    last = f"{int(runs[-1][0]):,} inputs, {runs[-1][1]} places reached" if runs else "no input was tried"
    print(f"{reader:10}  {last}{'' if done.returncode == 0 else '; it FOUND something'}", flush=True)
    if done.returncode:
        print(done.stderr[-3000:], flush=True)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, default=HERE.parent / "target/release")
    parser.add_argument("--seconds", type=int, default=600, help="for each reader")
    parser.add_argument("--only", choices=SEEDS, help="only this reader")
    parser.add_argument("--jobs", type=int, default=2, help="readers at a time")
    options = parser.parse_args()
    subprocess.run(["cargo", "+nightly", "fuzz", "build", "--fuzz-dir", str(HERE)], check=True, cwd=HERE)
    readers = [options.only] if options.only else list(SEEDS)
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        corpus = Path(folder) / "corpus"
        sow(corpus, options.programs.resolve())
        with ThreadPoolExecutor(options.jobs) as pool:
            held = list(pool.map(lambda reader: fuzz(reader, corpus, options.seconds), readers))
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
