#!/usr/bin/env python3
"""Writes all hostile inputs, each into a folder that is named for what it is.

    tests/hostile/make.py OUT [--run RUN]

The damaged runs are copies of RUN, a folder that `trainer fit` wrote; without it, they are left out.
"""

import argparse
from pathlib import Path

import bundles
import graphs
import layers
import operators
import pictures
import runs
import tables

KINDS = [bundles, graphs, layers, operators, pictures, tables]


def all_cases(run=None):
    """Every case; those that are a damaged run need one to begin with."""
    cases = [case for kind in KINDS for case in kind.CASES]
    cases += runs.CONFIGS + (runs.cases(run) if run else [])
    twice = {case.name for case in cases if sum(other.name == case.name for other in cases) > 1}
    assert not twice, twice
    return cases


def write(case, folder):
    folder.mkdir()
    case.make(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--run", type=Path, help="a finished run")
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    for case in all_cases(options.run):
        write(case, options.out / case.name)


if __name__ == "__main__":
    main()
