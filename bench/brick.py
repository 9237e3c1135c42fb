#!/usr/bin/env python3
"""Defects pasted into patches of a brick wall: how well the score tells those patches from the others, beside five
nearest neighbours and PCA, and how well `feature_error` shows where the defects are, beside PCA.

    pip install scikit-image scikit-learn onnxruntime
    cargo build --release --bins
    bench/brick.py [--seed 1] [-- ARGUMENTS OF trainer fit]

The upper part of scikit-image's picture `brick` is cut into patches that train, the lower part into patches that test.
Half of those get a defect: a piece of gravel or grass, a scratch or a blot.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from anomalies import PROGRAMS, run
from numpy.lib.stride_tricks import sliding_window_view
from skimage import data, draw
from sklearn.metrics import roc_auc_score

SIDE, ABOVE = 32, 320  # pixels: a patch, and the part of the picture that trains
KINDS = ("gravel", "grass", "scratch", "blot")


def patches(picture, step):
    """All patches at so many pixels from each other, [patches, side, side]."""
    return sliding_window_view(picture, (SIDE, SIDE))[::step, ::step].reshape(-1, SIDE, SIDE).copy()


def paste(patch, kind, random):
    """Spoils the patch, and returns which pixels."""
    mask = np.zeros(patch.shape, bool)
    if kind == "scratch":
        start, angle, length = random.integers(4, SIDE - 4, 2), random.uniform(0, np.pi), random.uniform(8, 16)
        end = np.round(start + length * np.array([np.sin(angle), np.cos(angle)])).astype(int)
        mask[draw.line(*start, *np.clip(end, 0, SIDE - 1))] = True
    elif kind == "blot":
        mask[draw.disk(random.integers(4, SIDE - 4, 2), random.uniform(2, 5), shape=patch.shape)] = True
    else:
        size = random.integers(6, 13, 2)
        top, left = random.integers(0, SIDE + 1 - size)
        mask[top : top + size[0], left : left + size[1]] = True
        other = getattr(data, kind)()
        top, left = random.integers(0, np.array(other.shape) - SIDE)
        patch[mask] = other[top : top + SIDE, left : left + SIDE][mask]
        return mask
    patch[mask] = np.clip(patch[mask] + random.choice([-40.0, 40.0]), 0, 255)
    return mask


def pca_maps(train, test, width):
    """How many standard deviations of its error on training patches each pixel is off."""
    train, test = (patches.reshape(len(patches), -1) / 255 for patches in (train, test))
    mean = train.mean(0)
    basis = np.linalg.svd(train - mean, full_matrices=False)[2][:width]
    train, test = (rows - mean - (rows - mean) @ basis.T @ basis for rows in (train, test))
    return np.abs(test / np.sqrt((train**2).mean(0))).reshape(-1, SIDE, SIDE)


def located(maps, masks):
    """The ROC-AUC of the pixels, and how often the largest mean of 3 x 3 pixels is around a pixel of the defect."""
    spoilt = np.flatnonzero(masks.any((1, 2)))
    smooth = sliding_window_view(np.pad(maps[spoilt], ((0, 0), (1, 1), (1, 1)), "edge"), (3, 3), (1, 2)).mean((-1, -2))
    largest = smooth.reshape(len(spoilt), -1).argmax(1)
    is_hit = masks.reshape(len(masks), -1)[spoilt, largest]
    return f"{100 * roc_auc_score(masks.ravel(), maps.ravel()):18.1f} {100 * is_hit.mean():27.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    own = sys.argv[1:]
    split = own.index("--") if "--" in own else len(own)
    arguments, fit = parser.parse_args(own[:split]), own[split + 1 :]
    random, picture = np.random.default_rng(arguments.seed), data.brick()
    train, test = patches(picture[:ABOVE], 8), patches(picture[ABOVE:], 16)
    masks, kinds = np.zeros(test.shape, bool), np.full(len(test), "no defect")
    for number, place in enumerate(random.permutation(len(test))[: len(test) // 2]):
        kinds[place] = KINDS[number % len(KINDS)]
        masks[place] = paste(test[place], kinds[place], random)
    truth = masks.any((1, 2))
    with tempfile.TemporaryDirectory() as folder:
        file, trained = Path(folder, "patches.npz"), Path(folder, "run")
        np.savez(file, x_train=train, y_train=np.zeros(len(train), int), x_test=test, y_test=truth.astype(int))
        seed = ["--seed", str(arguments.seed)]
        run(PROGRAMS / "trainer", "fit", "--data", file, "--out", trained, "--baseline-seconds", "600", *seed, *fit)
        run(PROGRAMS / "exporter", "--split", trained)
        report = json.loads((trained / "summary.json").read_text())["anomalies"]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns that `alpha` is an input with a default
        scorer = onnxruntime.InferenceSession(trained / "onnx/scorer.onnx", options)
        rows = (test / 255).astype(np.float32).reshape(-1, *scorer.get_inputs()[0].shape[1:])
        score, errors = scorer.run(["score", "feature_error"], {"input": rows})
    baselines = {other["name"]: other for other in report["baselines"]}
    maps = {"this run's score": np.abs(errors).reshape(test.shape)}
    maps |= {name: pca_maps(train, test, int(name.split()[1])) for name in baselines if name.startswith("PCA")}
    print(f"{len(train)} patches trained, {len(test)} tested; {truth.sum()} of them have a defect")
    print(f"{'in %':28s}   patches: ROC-AUC, average precision   pixels: ROC-AUC, largest within the defect")
    for name, figures in {"this run's score": report, **baselines}.items():
        print(f"{name:28s} {100 * figures['roc_auc']:18.1f} {100 * figures['average_precision']:19.1f}", end=" ")
        print(located(maps[name], masks) if name in maps else f"{'-':>18s} {'-':>27s}")
    for kind in KINDS:
        kept = (kinds == kind) | ~truth
        auc, found = roc_auc_score(truth[kept], score[kept]), located(maps["this run's score"][kept], masks[kept])
        print(f"  of {kind:23s} {100 * auc:18.1f} {'':19s} {found}")
    print(f"{'by chance':28s} {50:18.1f} {100 * truth.mean():19.1f} {50:18.1f} {100 * masks[truth].mean():27.1f}")


if __name__ == "__main__":
    main()
