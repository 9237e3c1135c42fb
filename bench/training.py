#!/usr/bin/env python3
"""Times the epochs of every preset, with our trainer and with every peer, on the same data in the same run.

    bench/training.py [--presets simple,deep,conv,denoise,vae] [--rounds 3] [--epochs 4] [--threads 2] [--data MNIST_DIR]
    bench/training.py --to 0.093

Installs the peers in an environment in target/bench-venv. A round runs every program once, so that other load on the machine affects
all of them; the first epoch of a process, which compiles, is left out. MB is peak resident memory. A peer gets one thread where that
is faster.

`products alone (torch)` is the floor of the dense networks: the time that PyTorch needs for the matrix products of the training steps
alone. With `--to`, the clock runs from the start of the process to the end of the first epoch whose validation loss is at most that;
loading, compiling and validating count. Our MB include what follows the last epoch: measuring the test rows, PCA and the plots.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "target/bench-venv"
PEERS = ["keras-jax", "keras-tensorflow", "torch", "torch-compile", "floor"]
TITLES = {"floor": "products alone (torch)"}
CONVOLUTIONS = ["conv", "denoise"]


class Done(NamedTuple):
    """The result of a program: its epochs as it printed them, its wall time, its peak memory, and why it failed."""

    epochs: list
    seconds: float
    megabytes: float
    error: str


def install():
    python = VENV / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    for requirement in (ROOT / "bench/requirements.txt").read_text().split():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        if subprocess.run(pip).returncode:
            print(f"{requirement} cannot be installed")
    return python


def build():
    subprocess.run(["cargo", "build", "--release", "--workspace", "--bins"], cwd=ROOT, check=True, capture_output=True)


def default_data():
    return os.environ.get("HOURGLASS_MNIST", ROOT.parent / "shared/data/mnist")


def ours(preset, epochs, threads, data, *options):
    return [ROOT / "target/release/trainer", "fit", "--preset", preset, "--data", data, "--validation", "test", "--epochs", epochs,
            "--threads", threads, "--log-format", "json", "--out", "run", *options]


def watch(command, enough=None):
    """Runs a program in a folder of its own, to its end or to the first epoch for which `enough` is true."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, tempfile.TemporaryFile("w+") as errors:
        command = [str(part) for part in command]
        # A start is cold only without the cache that torch.compile has kept from the last one.
        environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": folder} if enough else None
        epochs, stopped, began = [], False, time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder, env=environment)
        for line in child.stdout:
            record = json.loads(line) if line.startswith("{") else {}
            if "epoch" in record:
                epochs.append(record)
                if stopped := bool(enough and enough(record)):
                    break
        seconds = time.perf_counter() - began
        if stopped:
            child.kill()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        errors.seek(0)
        error = "" if stopped or not child.returncode else (errors.read().strip().splitlines() or ["it failed"])[-1]
    return Done(epochs, seconds, usage.ru_maxrss * 1024 / 1e6, error)


class Programs:
    """All programs for one preset, each with the number of threads that suits it best."""

    def __init__(self, preset, arguments, names):
        self.preset, self.arguments, self.names, self.threads = preset, arguments, names, {}
        for name in names:
            self.threads[name] = arguments.threads
            # Convolutions have work for every thread.
            if name != "hourglass" and preset not in CONVOLUTIONS and arguments.threads > 1:
                self.threads[name] = min([arguments.threads, 1], key=lambda threads: self.fastest(name, threads))

    def command(self, name, epochs, threads):
        if name == "hourglass":
            return ours(self.preset, epochs, threads, self.arguments.data)
        return [self.arguments.python, ROOT / "bench/peer.py", name, self.preset, epochs, threads, self.arguments.data]

    def fastest(self, name, threads):
        done = watch(self.command(name, 3, threads))
        return min((epoch["seconds"] for epoch in done.epochs[1:]), default=math.inf)

    def rounds(self, epochs, enough=None):
        """The results of each program in each round; a program that failed has no further rounds."""
        done = {name: [] for name in self.names}
        for _ in range(self.arguments.rounds):
            for name in self.names:
                if not (done[name] and done[name][-1].error):
                    done[name].append(watch(self.command(name, epochs, self.threads[name]), enough))
        return done

    def table(self, title, last, done, times_of, last_of):
        """Prints a line for each program: its times, our time over its time, its threads and memory, and one more column."""
        print(f"\n{self.preset}: {title}, at most {self.arguments.threads} threads, {self.arguments.rounds} rounds\n")
        print(f"{'':<23}{'median':>9}{'least':>9}{'most':>9}{'ours / it':>11}{'threads':>9}{'MB':>7}   {last}")
        reference = None
        for name in self.names:
            title, final = TITLES.get(name, name), done[name][-1]
            times = [] if final.error else times_of(done[name])
            if not times:
                print(f"{title:<23}  {'missing: ' + final.error if final.error else 'not reached'}")
                continue
            median = statistics.median(times)
            reference = reference or median
            memory = max(one.megabytes for one in done[name])
            print(f"{title:<23}{median:>9.2f}{min(times):>9.2f}{max(times):>9.2f}{reference / median:>11.2f}"
                  f"{self.threads[name]:>9}{memory:>7.0f}   {last_of(done[name])}", flush=True)


def loss_of(done):
    loss = done[-1].epochs[-1]["val_loss"]
    return "-" if loss is None else f"{loss:.4f}"


def time_epochs(preset, arguments):
    fits = {"floor": preset not in CONVOLUTIONS, "keras-jax": preset != "vae", "keras-tensorflow": preset != "vae"}
    names = ["hourglass"] + [name for name in arguments.peers.split(",") if fits.get(name, True)]
    programs = Programs(preset, arguments, names)
    done = programs.rounds(arguments.epochs)
    programs.table("seconds an epoch", f"loss after {arguments.epochs} epochs", done,
                   lambda done: [epoch["seconds"] for one in done for epoch in one.epochs[1:]], loss_of)


def time_to(loss, arguments):
    def reached(epoch):
        return epoch["val_loss"] <= loss

    def times_of(done):
        return [one.seconds for one in done if reached(one.epochs[-1])]

    programs = Programs("simple", arguments, ["hourglass"] + [name for name in arguments.peers.split(",") if name != "floor"])
    done = programs.rounds(100, reached)
    programs.table(f"seconds from a cold start to {loss}", "epochs", done, times_of,
                   lambda done: f"{statistics.median(len(one.epochs) for one in done):.0f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--presets", default="simple,deep,conv,denoise,vae")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--to", type=float, metavar="LOSS", help="time `simple` to this validation loss instead")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data", default=default_data())
    parser.add_argument("--python", help="an interpreter that has the peers, instead of the environment in target/bench-venv")
    arguments = parser.parse_args()
    arguments.data = Path(arguments.data).resolve()
    build()
    arguments.python = os.path.abspath(shutil.which(arguments.python)) if arguments.python else install()
    if arguments.to:
        time_to(arguments.to, arguments)
        return
    for preset in arguments.presets.split(","):
        time_epochs(preset, arguments)


if __name__ == "__main__":
    main()
