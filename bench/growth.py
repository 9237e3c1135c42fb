#!/usr/bin/env python3
"""Measures how the time of an epoch grows with rows, width, latent, batch and threads, and draws docs/growth.svg.

    bench/growth.py [--rounds 1] [--threads 2] [--data MNIST_DIR] [--out docs/growth.svg]

Each time is the median of the epochs after the first, including validation on a sixth as many rows. `power` is the exponent of
growth since the line above: 1 where time grows in proportion, 0 where it stays the same.
"""

import argparse
import gzip
import math
import os
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from training import ROOT, build, default_data, ours, watch

ROWS = 60_000
GREY, STRONG = "#7d8590", "#e8590c"
WIDTH, HEIGHT, LEFT, TOP, GAP_X, GAP_Y = 268, 190, 62, 34, 76, 84


class Panel(NamedTuple):
    """One chart: its title, the axis, the presets' points `(x, seconds)`, and whether a line in proportion is drawn too."""

    title: str
    axis: str
    lines: dict
    proportion: bool


def scaled(data, folder, times):
    """MNIST's four files with this many times the rows: repeated, or the first of them.

    Copied in small pieces, because a program's peak memory starts at its parent's.
    """
    for part in ["train", "t10k"]:
        for name, header, size in [(f"{part}-images-idx3-ubyte", 16, 784), (f"{part}-labels-idx1-ubyte", 8, 1)]:
            with gzip.open(data / f"{name}.gz") as file, open(folder / name, "wb") as out:
                head = file.read(header)
                rows = round(int.from_bytes(head[4:8], "big") * times)
                out.write(head[:4] + rows.to_bytes(4, "big") + head[8:])
                left = rows * size
                while left:
                    piece = file.read(min(left, 1 << 20))
                    if not piece:
                        file.seek(header)
                    left -= out.write(piece)
    return folder


def measure(arguments, preset, *options, data=None, threads=None, epochs=4):
    """Seconds an epoch."""
    times = []
    for _ in range(arguments.rounds):
        command = ours(preset, epochs, threads or arguments.threads, data or arguments.data, *options)
        done = watch(command, lambda epoch: epoch["epoch"] == epochs)
        if done.error:
            raise SystemExit(done.error)
        times += [epoch["seconds"] for epoch in done.epochs[1:]]
    return statistics.median(times)


def table(title, points, rows=lambda x: ROWS):
    """Prints `{x: seconds}` and returns its points for the chart."""
    print(f"\n{title}\n\n{'':>8}{'s an epoch':>12}{'ms / 1,000 rows':>17}{'power':>8}")
    before = None
    for x, seconds in points.items():
        power = f"{math.log(seconds / before[1]) / math.log(x / before[0]):.2f}" if before else ""
        print(f"{x:>8}{seconds:>12.3f}{seconds / rows(x) * 1e6:>17.2f}{power:>8}", flush=True)
        before = x, seconds
    return list(points.items())


def panels(arguments):
    points = {}
    with tempfile.TemporaryDirectory() as folder:
        for times in [0.1, 1, 10]:
            points[round(ROWS * times)] = measure(arguments, "simple", data=scaled(arguments.data, Path(folder), times))
    lines = {"simple": table("rows, `simple`", points, rows=lambda x: x)}
    yield Panel("rows, simple", "training rows", lines, True)

    points = {width: measure(arguments, "deep", "--hidden", f"{width},{width // 2}") for width in [64, 128, 256, 512]}
    lines = {"deep": table("width of the first hidden layer, the second is half of it, `deep`", points)}
    yield Panel("width, deep", "units of the first hidden layer", lines, True)

    points = {units: measure(arguments, "simple", "--latent-dim", units) for units in [8, 16, 32, 64, 128]}
    yield Panel("latent, simple", "values of the latent", {"simple": table("width of the latent, `simple`", points)}, True)

    batches = [64, 128, 256, 512, 1024, 2048, 4096]
    points = {batch: measure(arguments, "simple", "--batch-size", batch) for batch in batches}
    yield Panel("batch, simple", "rows in a batch", {"simple": table("batch, `simple`", points)}, False)

    lines = {}
    for preset in ["simple", "deep", "vae", "conv"]:
        epochs = 2 if preset == "conv" else 4
        counts = [1] if arguments.threads == 1 else [1, arguments.threads]
        points = {threads: measure(arguments, preset, threads=threads, epochs=epochs) for threads in counts}
        lines[preset] = table(f"threads, `{preset}`", points)
    yield Panel("threads", "threads", lines, False)


def short(seconds):
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def text(x, y, words, anchor="middle", color=GREY, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}"{more}>{words}</text>'


def scale(values, span, start, end):
    """A logarithmic axis of `span` decades with the values in its middle."""
    middle = (math.log10(min(values)) + math.log10(max(values))) / 2
    low = middle - span / 2
    return low, lambda value: start + (math.log10(value) - low) / span * (end - start)


def draw(panel, left, top):
    xs = sorted({x for line in panel.lines.values() for x, _ in line})
    ys = [seconds for line in panel.lines.values() for _, seconds in line]
    right, bottom = left + WIDTH, top + HEIGHT
    wide, high = math.log10(max(xs) / min(xs)) or 0.3, math.log10(max(ys) / min(ys))
    # As many decades up as across where proportion is drawn, so that flat looks flat.
    high = max(high, wide if panel.proportion else 0.8) * 1.3
    several = len(panel.lines) > 1
    _, at_x = scale(xs, wide * (2.5 if several else 1.25), left, right)
    low, at_y = scale(ys, high, bottom, top)

    yield text(left, top - 12, panel.title, "start", more=' font-weight="bold" font-size="14"')
    yield f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="{GREY}"/>'
    for exponent in range(-4, 5):
        for digit in [1, 2, 5]:
            tick = digit * 10.0**exponent
            if low <= math.log10(tick) <= low + high:
                yield f'<path d="M{left - 4} {at_y(tick):.1f}H{right}" stroke="{GREY}" stroke-opacity="0.25"/>'
                yield text(left - 8, at_y(tick) + 4, f"{tick:g}", "end")
    for x in xs:
        yield f'<path d="M{at_x(x):.1f} {bottom}v4" stroke="{GREY}"/>' + text(at_x(x), bottom + 18, f"{x:,}" if x > 4096 else x)
    yield text(left + WIDTH / 2, bottom + 38, panel.axis)
    rotated = f' transform="rotate(-90 {left - 46} {top + HEIGHT / 2})"'
    yield text(left - 46, top + HEIGHT / 2, "seconds an epoch", more=rotated)

    clip = f"beside-{panel.axis.replace(' ', '-')}"
    yield f'<clipPath id="{clip}"><rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}"/></clipPath>'
    for preset, line in panel.lines.items():
        if panel.proportion:
            (x, y), last = line[0], line[-1][0]
            yield (f'<path d="M{at_x(x):.1f} {at_y(y):.1f}L{at_x(last):.1f} {at_y(y * last / x):.1f}" stroke="{GREY}" '
                   f'stroke-dasharray="4 4" clip-path="url(#{clip})"/>')
        path = "L".join(f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in line)
        yield f'<path d="M{path}" fill="none" stroke="{STRONG}" stroke-width="2"/>'
        for (_, before), (x, y) in zip([line[0], *line], line):
            yield f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" fill="{STRONG}"/>'
            if not several:
                yield text(at_x(x) - 5, at_y(y) + (20 if before > 1.3 * y else -10), short(y), color=STRONG)
        if several:
            (first, slow), (last, fast) = line[0], line[-1]
            yield text(at_x(first) - 9, at_y(slow) + 4, f"{preset} {short(slow)}", "end", STRONG)
            yield text(at_x(last) + 9, at_y(fast) + 4, f"{short(fast)} ({slow / fast:.2f} x)", "start", STRONG)


def picture(drawn):
    width, height = 3 * (WIDTH + GAP_X) + 10, 2 * (HEIGHT + GAP_Y)
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="12" '
           'font-family="system-ui, sans-serif">')
    places = [(LEFT + column * (WIDTH + GAP_X), TOP + row * (HEIGHT + GAP_Y)) for row in range(2) for column in range(3)]
    for panel, place in zip(drawn, places):
        yield from draw(panel, *place)
    left, top = places[-1]
    yield f'<path d="M{left} {top + 16}h36" stroke="{STRONG}" stroke-width="2"/>' + text(left + 46, top + 20, "measured", "start")
    yield f'<path d="M{left} {top + 40}h36" stroke="{GREY}" stroke-dasharray="4 4"/>'
    yield text(left + 46, top + 44, "in proportion to the first point", "start")
    yield text(left, top + 68, f"{ROWS:,} rows but for the first panel", "start")
    yield "</svg>"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data", default=default_data())
    parser.add_argument("--out", type=Path, default=ROOT / "docs/growth.svg")
    arguments = parser.parse_args()
    arguments.data = Path(arguments.data).resolve()
    build()
    arguments.out.write_text("\n".join(picture(list(panels(arguments)))) + "\n")


if __name__ == "__main__":
    main()
