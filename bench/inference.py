#!/usr/bin/env python3
"""Times inference by our runtime and by onnxruntime, in the same process, on the same rows of MNIST.

    bench/inference.py [--data MNIST_DIR] [--python PYTHON] [-- --batches 1,256 --threads 2 --rounds 7 --turn 20]

Installs onnxruntime in an environment in target/bench-venv; its library is then called directly, without Python in between. Trains
and exports `simple` and `conv`, again whenever the trainer or the exporter was built anew: one epoch is enough, because speed does
not depend on the weights.
"""

import argparse
import os
import shutil
import subprocess
from pathlib import Path

from training import ROOT, default_data, install

BUNDLES = ROOT / "target/bench-bundles"


def library(python):
    """The library of onnxruntime within the installed package, if there is one."""
    find = "import importlib.util as i; print(i.find_spec('onnxruntime').submodule_search_locations[0])"
    found = subprocess.run([python, "-c", find], capture_output=True, text=True)
    folder = Path(found.stdout.strip() or "/nowhere") / "capi"
    return next((path for name in ["libonnxruntime.so*", "libonnxruntime*.dylib"] for path in folder.glob(name)), None)


def bundle(preset, data):
    run, trainer, exporter = BUNDLES / preset, ROOT / "target/release/trainer", ROOT / "target/release/exporter"
    manifest = run / "onnx/model.json"
    built = max(program.stat().st_mtime for program in [trainer, exporter])
    if not manifest.exists() or manifest.stat().st_mtime < built:
        shutil.rmtree(run, ignore_errors=True)
        fit = [trainer, "fit", "--preset", preset, "--data", data, "--epochs", "1", "--out", run]
        # Exit code 3: the network learned nothing in one epoch, which is no matter here.
        if subprocess.run(fit, capture_output=True).returncode not in (0, 3):
            subprocess.run(fit, check=True)
        subprocess.run([exporter, run, "--split"], check=True, capture_output=True)
    return manifest.parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=default_data())
    parser.add_argument("--python", help="an interpreter that has onnxruntime, instead of the environment in target/bench-venv")
    parser.add_argument("options", nargs="*", help="options of the measuring program, after --")
    arguments = parser.parse_args()
    build = ["cargo", "build", "--release", "--workspace", "--bins"]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    found = library(arguments.python or install())
    environment = os.environ | ({"ORT_DYLIB_PATH": str(found)} if found else {})
    bundles = [bundle(preset, arguments.data) for preset in ["simple", "conv"]]
    measure = [ROOT / "target/release/inference", "--mnist", arguments.data, *arguments.options, *bundles]
    subprocess.run(measure, check=True, env=environment)


if __name__ == "__main__":
    main()
