#!/usr/bin/env python3
"""Runs every command of the documents as it stands, in the order in which it stands.

    .ci/documents.py [--long] [--list] [--after DOCUMENT] [DOCUMENT ..]

A block that opens with ```sh is one shell script; it runs in the repository's root, or below the folder that a block
before it went to with `cd` in parentheses. Blocks that open with ```sh long take minutes to hours and run with `--long` alone.
Blocks of any other kind (text, toml, rust) are not commands. A block runs once, in the first document that has it, and not at all where the
document of `--after` has it.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A newcomer reads them in this order, so a later one may use what an earlier one made.
DOCUMENTS = [
    "README.md",
    "docs/trainer.md",
    "docs/layers.md",
    "docs/benchmarks.md",
    "docs/architecture.md",
    "docs/security.md",
    "CONTRIBUTING.md",
    "examples/README.md",
]
BLOCK = re.compile(r"^```sh(?P<long> long)?\n(?P<script>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document):
    """Yields the line, whether it is long, and the script of each block of commands."""
    text = (ROOT / document).read_text()
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start()) + 2, bool(match["long"]), match["script"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="*", default=[name for name in DOCUMENTS if (ROOT / name).exists()])
    parser.add_argument("--long", action="store_true", help="run the blocks marked long too")
    parser.add_argument("--list", action="store_true", help="print the commands and run none")
    parser.add_argument("--after", metavar="DOCUMENT", help="a document whose commands have been run")
    arguments = parser.parse_args()

    failed = passed = skipped = 0
    earlier = blocks(arguments.after) if arguments.after else []
    known = {script: arguments.after for _, is_long, script in earlier if arguments.long or not is_long}
    for document in arguments.documents:
        for line, is_long, script in blocks(document):
            print(f"\n-- {document}:{line}\n{script}", end="", flush=True)
            if arguments.list:
                continue
            if is_long and not arguments.long:
                skipped += 1
                print("(long: left out)")
                continue
            if script in known:
                skipped += 1
                print(f"(as in {known[script]})")
                continue
            known[script] = document
            started = time.monotonic()
            code = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=os.environ).returncode
            print(f"-- exit {code} after {time.monotonic() - started:.1f} s", flush=True)
            passed, failed = passed + (code == 0), failed + (code != 0)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
