"""Trains one preset in another framework and prints the seconds of each epoch, validation included, as JSON.

    python peer.py keras-jax|keras-tensorflow|torch|torch-compile|floor PRESET EPOCHS THREADS MNIST_DIR

The networks, the optimiser (Adam at 0.001), the batches and the data are those of `trainer fit --preset PRESET --validation test`.
A line is printed at the end of each epoch. `floor` trains nothing: its epochs are the matrix products of a step alone, as many times
as an epoch has steps.
"""

import gzip
import json
import os
import sys
import time

FRAMEWORK, PRESET, EPOCHS, THREADS, DATA = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
# Before numpy and the frameworks read them.
os.environ.update(OMP_NUM_THREADS=str(THREADS), NPROC=str(THREADS), TF_NUM_INTRAOP_THREADS=str(THREADS))
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = FRAMEWORK.removeprefix("keras-")

import numpy as np  # noqa: E402

BATCH = 128 if PRESET == "vae" else 256
NOISE = 0.5 if PRESET == "denoise" else 0.0
CONVOLUTIONS = {"conv": [16, 8, 8], "denoise": [32, 32]}
WIDTHS = {"simple": [32], "deep": [128, 64, 32]}


def dense(preset):
    """Widths from the input to the reconstruction."""
    widths = [784] + WIDTHS[preset]
    return widths + widths[-2::-1]


def report(epoch, seconds, loss):
    print(json.dumps({"epoch": epoch + 1, "seconds": seconds, "val_loss": loss}), flush=True)


def images(name):
    with gzip.open(os.path.join(DATA, name), "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255


def keras_epochs(train, test):
    import keras
    from keras import layers

    def noisy(rows):
        noise = np.random.default_rng(1).normal(0, NOISE, rows.shape).astype(np.float32)
        return np.clip(rows + noise, 0, 1)

    x = start = keras.Input((784,))
    if PRESET in CONVOLUTIONS:
        x, sizes = layers.Reshape((28, 28, 1))(x), []
        for channels in CONVOLUTIONS[PRESET]:
            x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
            sizes.append((x.shape[1], channels))
            x = layers.MaxPooling2D(2, padding="same")(x)
        given = [1] + CONVOLUTIONS[PRESET][:-1]
        for index in reversed(range(len(sizes))):
            x = layers.UpSampling2D(2)(x)
            if x.shape[1] != sizes[index][0]:
                x = layers.Cropping2D(((0, 1), (0, 1)))(x)
            activation = "relu" if index else "sigmoid"
            x = layers.Conv2D(given[index], 3, padding="same", activation=activation)(x)
        x = layers.Flatten()(x)
    else:
        for width in dense(PRESET)[1:-1]:
            x = layers.Dense(width, activation="relu")(x)
        x = layers.Dense(784, activation="sigmoid")(x)
    model = keras.Model(start, x)
    # Many steps in one call save a tenth of an epoch of `simple`; XLA, which Keras does not use on TensorFlow by default, saves half of
    # it there. Convolutions keep the defaults: many steps in one call slow them on JAX, and XLA doubles their time on TensorFlow.
    faster = {} if PRESET in CONVOLUTIONS else {"steps_per_execution": 32, "jit_compile": True}
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="binary_crossentropy", **faster)

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            report(epoch, time.perf_counter() - self.began, logs["val_loss"])

    # Noise is drawn once, which favours the peer: our trainer draws it anew every epoch.
    inputs = (noisy(train), noisy(test)) if NOISE else (train, test)
    model.fit(
        inputs[0], train, epochs=EPOCHS, batch_size=BATCH, shuffle=True, verbose=0,
        validation_data=(inputs[1], test), validation_batch_size=500, callbacks=[Clock()],
    )


def torch_epochs(train, test):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)

    class Vae(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.mean, self.log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
            self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

        def forward(self, x):
            hidden = F.relu(self.hidden(x))
            mean, log_variance = self.mean(hidden), self.log_variance(hidden)
            latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
            divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
            return self.decoder(latent), divergence

    class Crop(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.size = size

        def forward(self, x):
            return x[:, :, : self.size, : self.size]

    def network():
        if PRESET == "vae":
            return Vae()
        if PRESET in CONVOLUTIONS:
            channels, side, sides, parts = [1] + CONVOLUTIONS[PRESET], 28, [], [nn.Unflatten(1, (1, 28, 28))]
            for given, taken in zip(channels, channels[1:]):
                parts += [nn.Conv2d(given, taken, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
                sides.append(side)
                side = -(-side // 2)
            for index in reversed(range(len(sides))):
                parts += [nn.Upsample(scale_factor=2)]
                side *= 2
                if side != sides[index]:
                    side = sides[index]
                    parts += [Crop(side)]
                parts += [nn.Conv2d(channels[index + 1], channels[index], 3, padding=1)] + [nn.ReLU()] * bool(index)
            return nn.Sequential(*parts, nn.Flatten())
        widths = dense(PRESET)
        layers = [part for pair in zip(widths, widths[1:]) for part in (nn.Linear(*pair), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    model = network()
    # The same initial weights as our trainer and Keras; from PyTorch's own, `simple` takes far more epochs to the same loss.
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    compiled = torch.compile(model) if FRAMEWORK == "torch-compile" else model
    optimizer = torch.optim.Adam(model.parameters(), 0.001, fused=True)
    train, test = torch.from_numpy(train), torch.from_numpy(test)

    def loss_of(rows):
        given = (rows + NOISE * torch.randn_like(rows)).clamp(0, 1) if NOISE else rows
        if PRESET == "vae":
            logits, divergence = compiled(given)
            return F.binary_cross_entropy_with_logits(logits, rows, reduction="sum") / len(rows) + divergence
        return F.binary_cross_entropy_with_logits(compiled(given), rows)

    for epoch in range(EPOCHS):
        began = time.perf_counter()
        for indices in torch.randperm(len(train)).split(BATCH):
            loss = loss_of(train[indices])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            value = float(np.mean([loss_of(rows).item() for rows in test.split(500)]))
        report(epoch, time.perf_counter() - began, value)


def floor_epochs(train, test):
    import torch

    torch.set_num_threads(THREADS)
    pairs = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)]
    if PRESET != "vae":
        pairs = list(zip(dense(PRESET), dense(PRESET)[1:]))
    products = []
    for index, (given, taken) in enumerate(pairs):
        x, y, weight = torch.randn(BATCH, given), torch.randn(BATCH, taken), torch.randn(taken, given)
        products += [(x, weight.t(), torch.empty_like(y)), (y.t(), x, torch.empty_like(weight))]
        if index:  # the gradient of the images is not needed
            products += [(y, weight, torch.empty_like(x))]

    for epoch in range(EPOCHS):
        steps = []
        for _ in range(300):
            began = time.perf_counter()
            for left, right, out in products:
                torch.mm(left, right, out=out)
            steps.append(time.perf_counter() - began)
        report(epoch, float(np.median(steps)) * len(train) / BATCH, None)


train, test = images("train-images-idx3-ubyte.gz"), images("t10k-images-idx3-ubyte.gz")
epochs = floor_epochs if FRAMEWORK == "floor" else keras_epochs if FRAMEWORK.startswith("keras") else torch_epochs
epochs(train, test)
