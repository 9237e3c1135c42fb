#!/usr/bin/env python3
"""Times the epochs of every preset, ours and every peer's, on the same data in the same run.

    bench/training.py [--presets simple,deep,conv,denoise,vae] [--rounds 3] [--epochs 4] [--threads 2] [--data MNIST_DIR]

Makes an environment in target/bench-venv and installs the peers there. Rounds go through all programs in turn, so that what
else the machine does meets all of them; of each, the first epoch of a process is left out, which compiles.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "target/bench-venv"
PEERS = ["keras-jax", "keras-tensorflow", "torch", "torch-compile"]


def install():
    python = VENV / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    for requirement in (ROOT / "bench/requirements.txt").read_text().split():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        if subprocess.run(pip).returncode:
            print(f"{requirement} cannot be installed")
    return python


def ours(preset, arguments):
    with tempfile.TemporaryDirectory() as out:
        command = [ROOT / "target/release/trainer", "fit", "--preset", preset, "--data", arguments.data, "--validation", "test",
                   "--epochs", arguments.epochs, "--threads", arguments.threads, "--out", Path(out) / "run"]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        rows = (Path(out) / "run/metrics.csv").read_text().splitlines()
    columns = rows[0].split(",")
    rows = [dict(zip(columns, row.split(","))) for row in rows[1:]]
    return [float(row["seconds"]) for row in rows], float(rows[-1]["val_loss"])


def peer(python, name, preset, arguments):
    command = [python, ROOT / "bench/peer.py", name, preset, arguments.epochs, arguments.threads, arguments.data]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["it failed"])[-1]
    result = json.loads(done.stdout.splitlines()[-1])
    return result["seconds"], result["val_loss"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--presets", default="simple,deep,conv,denoise,vae")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data", default=os.environ.get("HOURGLASS_MNIST", ROOT.parent / "shared/data/mnist"))
    parser.add_argument("--python", help="an interpreter that has the peers, instead of an environment of our own")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--workspace", "--bins"], cwd=ROOT, check=True, capture_output=True)
    python = arguments.python or install()
    for preset in arguments.presets.split(","):
        names = ["hourglass"] + [name for name in arguments.peers.split(",") if preset != "vae" or name.startswith("torch")]
        seconds, losses = {name: [] for name in names}, {}
        for _ in range(arguments.rounds):
            for name in list(seconds):
                epochs, loss = ours(preset, arguments) if name == "hourglass" else peer(python, name, preset, arguments)
                if epochs is None:
                    del seconds[name]
                    losses[name] = f"missing: {loss}"
                else:
                    seconds[name] += epochs[1:]
                    losses[name] = f"{loss:.4f}"
        ours_median = statistics.median(seconds["hourglass"])
        print(f"\n{preset}: seconds an epoch, {arguments.threads} threads, {arguments.rounds} rounds\n")
        print(f"{'':<18}{'median':>9}{'least':>9}{'most':>9}{'ours / it':>11}   loss after {arguments.epochs} epochs")
        for name in names:
            if name not in seconds:
                print(f"{name:<18}{losses[name]}")
                continue
            times = seconds[name]
            median = statistics.median(times)
            print(f"{name:<18}{median:>9.2f}{min(times):>9.2f}{max(times):>9.2f}{ours_median / median:>11.2f}   {losses[name]}")


if __name__ == "__main__":
    main()
