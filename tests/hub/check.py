#!/usr/bin/env python3
"""Checks `trainer fit --data mnist` against a small server on loopback that answers as the Hugging Face hub does.

    tests/hub/check.py target/release/trainer

The trainer needs the feature `hub`; this needs pyarrow and Pillow. The server has a Parquet of MNIST's schema with a few rows. Checked are
a download, the cache, a file that does not exist, a download that is cut off, and one of other content than its hash says.
"""

import hashlib
import io
import os
import random
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"mnist/train/0000.parquet": 300, "mnist/test/0000.parquet": 60}


def parquet(rows):
    """So many pictures of 28 x 28 with a bar whose place is the label."""
    import pyarrow
    import pyarrow.parquet
    from PIL import Image

    draw = random.Random(rows)
    images, labels = [], []
    for _ in range(rows):
        label = draw.randrange(10)
        picture = Image.new("L", (28, 28))
        picture.paste(200 + draw.randrange(50), (2 * label + 2, 3, 2 * label + 5, 25))
        png = io.BytesIO()
        picture.save(png, "PNG")
        images.append({"bytes": png.getvalue(), "path": None})
        labels.append(label)
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    table = pyarrow.table({"image": pyarrow.array(images, kind), "label": pyarrow.array(labels, pyarrow.int64())})
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    return file.getvalue()


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        hub = self.server
        hub.requests += 1
        name = next((name for name in hub.files if self.path.split("?")[0].endswith(name)), None)
        if name is None or hub.mode == "missing" or "/datasets/ylecun/mnist/resolve/" not in self.path:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = hub.files[name]
        sent = content
        if hub.mode == "wrong":
            sent = content[:200] + bytes(100) + content[300:]
        first = 0
        ranged = self.headers.get("Range")
        if ranged:
            first = int(ranged.split("=")[1].split("-")[0])
        self.send_response(206 if ranged else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        if ranged:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        if not body:
            return
        if hub.mode == "cut":
            self.wfile.write(sent[first : first + (len(sent) - first) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(sent[first:])

    def log_message(self, *_):
        pass


class Check:
    def __init__(self, trainer, folder):
        self.trainer, self.folder, self.runs = os.path.abspath(trainer), folder, 0
        self.hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        self.hub.files = {name: parquet(rows) for name, rows in FILES.items()}
        self.hub.mode, self.hub.requests = "whole", 0
        threading.Thread(target=self.hub.serve_forever, daemon=True).start()

    def fit(self, mode, cache):
        """Exit status, what was said, and how many requests there were."""
        self.runs += 1
        self.hub.mode, self.hub.requests = mode, 0
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HOURGLASS_"))}
        environment["HF_ENDPOINT"] = f"http://127.0.0.1:{self.hub.server_address[1]}"
        environment["HF_HOME"] = os.path.join(self.folder, cache)
        command = [self.trainer, "fit", "--data", "mnist", "--epochs", "20", "--batch-size", "32", "--out", os.path.join(self.folder, f"run{self.runs}")]
        command += ["--baseline-seconds", "0", "--log-format", "plain"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr, self.hub.requests

    def expect(self, what, mode, cache, works, says=(), requests=None):
        status, said, asked = self.fit(mode, cache)
        problems = [] if (status == 0) == works else [f"exit status {status}"]
        problems += [f"no `{text}`" for text in says if text not in said]
        if "panicked" in said or len(said.splitlines()) > 40:
            problems.append("a panic, or too many lines")
        if requests is not None and asked != requests:
            problems.append(f"{asked} requests instead of {requests}")
        if problems:
            sys.exit(f"{what}: {', '.join(problems)}:\n{said}")
        print(f"{what}: as expected, {asked} requests")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        check = Check(sys.argv[1], folder)
        check.expect("download", "whole", "cache", True, ["270 to train, 30 to validate"])
        check.expect("cache, though the hub has nothing any more", "missing", "cache", True, requests=0)
        failure = ["cannot get it from `ylecun/mnist` on the Hugging Face hub", "HOURGLASS_MNIST"]
        check.expect("a file that is not there", "missing", "other", False, failure)
        check.expect("a download that is cut off", "cut", "other", False, failure)
        check.expect("the same cache afterwards", "whole", "other", True)
        check.expect("other content than its hash says", "wrong", "third", False, ["another SHA-256", "another try"])
        check.expect("another try", "whole", "third", True)


if __name__ == "__main__":
    main()
