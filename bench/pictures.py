#!/usr/bin/env python3
"""Times the preset `image` on colour pictures beside the same network in PyTorch and Keras: programs in turn, medians of epochs.

    bench/pictures.py                    # 3,786 emoji of 64 x 64, two epochs each; then 50 epochs against PCA
    bench/pictures.py --no-quality       # the times alone

Needs numpy, Pillow, torch, keras and jax in the Python that runs it, npm to fetch the pictures (the package `emoji-datasource-google`, its images
under Apache-2.0), and `cargo build --release --bin trainer`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRAINER = str(ROOT / "target/release/trainer")
PACKAGE = "emoji-datasource-google@16.0.0"
CHANNELS = (32, 64, 128, 256)
TRAINED, VALIDATED, BATCH = 3067, 341, 32


def fetch(folder):
    subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, capture_output=True)
    archive = next(name for name in os.listdir(folder) if name.endswith(".tgz"))
    subprocess.run(["tar", "xzf", archive, "package/img/google/64"], cwd=folder, check=True)
    return os.path.join(folder, "package/img/google/64")


def pictures(folder):
    """All pictures on white, [count, 3, 64, 64] in 0..1."""
    import numpy as np
    from PIL import Image

    def load(path):
        picture = Image.open(path).convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        white.alpha_composite(picture)
        return np.asarray(white.convert("RGB"))

    return np.stack([load(path) for path in sorted(Path(folder).glob("*.png"))]).transpose(0, 3, 1, 2).astype("float32") / 255


def in_torch(x):
    import torch
    from torch import nn

    torch.manual_seed(1)
    layers, width = [], 3
    for channels in CHANNELS:
        layers += [nn.Conv2d(width, channels, 3, 2, 1), nn.BatchNorm2d(channels), nn.ReLU()]
        width = channels
    layers += [nn.Flatten(), nn.Linear(4096, 128), nn.Linear(128, 4096), nn.Unflatten(1, (256, 4, 4)), nn.BatchNorm2d(256), nn.ReLU()]
    for channels in (128, 64, 32, 3):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, channels, 3, 1, 1)]
        layers += [nn.BatchNorm2d(channels), nn.ReLU()] if channels > 3 else [nn.Sigmoid()]
        width = channels
    network, train = nn.Sequential(*layers), torch.from_numpy(x[:TRAINED])
    held_out = torch.from_numpy(x[TRAINED : TRAINED + VALIDATED])
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)

    def epoch():
        network.train()
        for batch in torch.randperm(TRAINED).split(BATCH):
            rows = train[batch]
            loss = nn.functional.mse_loss(network(rows), rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            return nn.functional.mse_loss(network(held_out), held_out).item()

    return epoch


def in_keras(x):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    x = x.transpose(0, 2, 3, 1)
    network = keras.Sequential([keras.Input((64, 64, 3))])
    for channels in CHANNELS:
        for layer in (layers.Conv2D(channels, 3, strides=2, padding="same"), layers.BatchNormalization(), layers.ReLU()):
            network.add(layer)
    for layer in (layers.Flatten(), layers.Dense(128), layers.Dense(4096), layers.Reshape((4, 4, 256))):
        network.add(layer)
    for layer in (layers.BatchNormalization(), layers.ReLU()):
        network.add(layer)
    for channels in (128, 64, 32, 3):
        network.add(layers.UpSampling2D(2))
        network.add(layers.Conv2D(channels, 3, padding="same"))
        for layer in (layers.BatchNormalization(), layers.ReLU()) if channels > 3 else (layers.Activation("sigmoid"),):
            network.add(layer)
    network.compile(keras.optimizers.Adam(3e-3), "mse")
    train, held_out = x[:TRAINED], x[TRAINED : TRAINED + VALIDATED]

    def epoch():
        done = network.fit(train, train, batch_size=BATCH, epochs=1, validation_data=(held_out, held_out), verbose=0)
        return done.history["val_loss"][0]

    return epoch


def peer(name, folder, epochs):
    """Seconds and validation error of each epoch, as JSON; the first one compiles and is not counted."""
    epoch = {"PyTorch": in_torch, "Keras": in_keras}[name](pictures(folder))
    measured = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        error = epoch()
        measured.append((time.perf_counter() - start, error))
    print(json.dumps(measured[1:]))


def ours(folder, out, epochs):
    command = [TRAINER, "fit", "--data", folder, "--epochs", str(epochs), "--out", out, "--log-format", "plain"]
    subprocess.run(command, check=True, capture_output=True)
    lines = Path(out, "metrics.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","))) for line in lines[1:]]
    return [(float(row["seconds"]), float(row["val_mse"])) for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--no-quality", action="store_true", help="leave out the 50 epochs")
    parser.add_argument("--peer", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(*arguments.peer, arguments.epochs)
    with tempfile.TemporaryDirectory() as folder:
        images = fetch(folder)
        times = {"trainer": statistics.median(seconds for seconds, _ in ours(images, os.path.join(folder, "short"), arguments.epochs))}
        for name in ("PyTorch", "Keras"):
            command = [sys.executable, __file__, "--peer", name, images, "--epochs", str(arguments.epochs)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            times[name] = statistics.median(seconds for seconds, _ in json.loads(done.stdout.splitlines()[-1]))
        for name, seconds in times.items():
            part = "" if name == "trainer" else f", ours takes {times['trainer'] / seconds:.2f} of it"
            print(f"{name:8} {seconds:5.1f} s an epoch{part}")
        if not arguments.no_quality:
            out = os.path.join(folder, "long")
            measured = ours(images, out, 50)
            summary = json.loads(Path(out, "summary.json").read_text())
            print(f"50 epochs in {sum(seconds for seconds, _ in measured):.0f} s: test MSE {summary['test']['mse']:.5f},", end=" ")
            print(f"PCA with {summary['pca']['components']} components {summary['pca']['mse']:.5f}")


if __name__ == "__main__":
    main()
