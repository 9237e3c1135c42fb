// Runs an exported autoencoder with onnxruntime-node, and checks it against the bundle's golden values.
//
//     npm install --prefix examples/node
//     node examples/node/autoencoder.mjs                            # the newest run in runs/
//     node examples/node/autoencoder.mjs runs/simple-digits-1       # a run, or its bundle

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { findBundle, print, readNpz, stop, TOLERANCE } from "./bundle.mjs";

const USAGE = "usage: node autoencoder.mjs [BUNDLE]    BUNDLE: a run or its bundle [default: the newest run in runs/]";

// A row as lines of text: an image of one channel, or the mean of several, which lie behind each other or, as bytes, side by side.
function draw(values, { image_shape: shape, input }) {
  const [height, width] = shape.slice(-2);
  const channels = shape.length === 3 ? shape[0] : 1;
  const [pixel, channel] = input.dtype === "uint8" ? [channels, 1] : [1, height * width];
  const white = input.range[1];
  const mean = (at) => Array.from({ length: channels }, (_, c) => values[at * pixel + c * channel]).reduce((a, b) => a + b) / channels / white;
  const pixels = Array.from({ length: height * width }, (_, at) => mean(at));
  const shade = (pixel) => " .:-=+*#%@"[Math.min(Math.floor(Math.max(pixel, 0) * 10), 9)].repeat(2);
  return Array.from({ length: height }, (_, y) => Array.from(pixels.slice(y * width, (y + 1) * width), shade).join(""));
}

const bundle = findBundle(process.argv.slice(2), USAGE);
const manifest = JSON.parse(readFileSync(join(bundle, "model.json"), "utf8"));
const encoder = await InferenceSession.create(join(bundle, "encoder.onnx"));
const decoder = await InferenceSession.create(join(bundle, "decoder.onnx"));
const golden = readNpz(join(bundle, "golden.npz"));

const { latent } = await encoder.run({ input: golden.input });
const { reconstruction } = await decoder.run({ latent });

print(`${bundle}: network ${manifest.network}, rows and their reconstructions from ${latent.dims[1]} numbers`);
// The rows of a table are no images: table.mjs runs those.
if (manifest.image_shape) {
  const [left, right] = [golden.input, reconstruction].map((rows) => draw(rows.data, manifest));
  left.forEach((line, y) => print(`${line} | ${right[y]}`));
}

for (const [name, found] of Object.entries({ latent, reconstruction })) {
  const white = manifest[name].range?.[1] ?? 1;
  const differences = golden[name].data.map((value, i) => Math.abs(found.data[i] - value) / Math.max(white, Math.abs(value)));
  const difference = differences.reduce((most, value) => Math.max(most, value), 0); // NaN stays NaN
  print(`${name}: ${found.dims[0]} golden rows, largest difference ${difference.toExponential(1)}`);
  if (!(difference <= TOLERANCE && found.data.length === golden[name].data.length)) {
    stop(`${name}: differs from the golden values by ${difference.toExponential(1)}, more than ${TOLERANCE}`);
  }
}
