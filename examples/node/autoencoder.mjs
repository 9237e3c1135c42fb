// Runs an exported autoencoder with onnxruntime-node, and checks it against the bundle's golden values.
//
//     node autoencoder.mjs ../../runs/simple-digits-1/onnx

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { InferenceSession, Tensor } from "onnxruntime-node";

const TOLERANCE = 1e-5; // relative to max(1, |value|), as in the bundle's own proof

// A .npz is a zip of .npy files: 10 bytes, a header of the length in the last two, then the values.
function readNpz(path) {
  const arrays = Object.entries(unzipSync(readFileSync(path))).map(([name, bytes]) => {
    const headerLength = bytes[8] + 256 * bytes[9];
    const header = new TextDecoder().decode(bytes.subarray(10, 10 + headerLength));
    const dims = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((n) => n.trim()).map(Number);
    return [name.replace(".npy", ""), new Tensor("float32", new Float32Array(bytes.slice(10 + headerLength).buffer), dims)];
  });
  return Object.fromEntries(arrays);
}

function draw(pixels, [height, width]) {
  const shade = (pixel) => " .:-=+*#%@"[Math.min(Math.floor(pixel * 10), 9)].repeat(2);
  return Array.from({ length: height }, (_, y) => Array.from(pixels.slice(y * width, (y + 1) * width), shade).join(""));
}

const bundle = process.argv[2];
const description = JSON.parse(readFileSync(join(bundle, "model.json"), "utf8"));
const encoder = await InferenceSession.create(join(bundle, "encoder.onnx"));
const decoder = await InferenceSession.create(join(bundle, "decoder.onnx"));
const golden = readNpz(join(bundle, "golden.npz"));

const { latent } = await encoder.run({ input: golden.input });
const { reconstruction } = await decoder.run({ latent });

const [left, right] = [golden.input, reconstruction].map((rows) => draw(rows.data, description.image_shape));
console.log(`${description.network}: an original and its reconstruction from ${latent.dims[1]} numbers`);
left.forEach((line, y) => console.log(line, "|", right[y]));

for (const [name, found] of Object.entries({ latent, reconstruction })) {
  const differences = golden[name].data.map((value, i) => Math.abs(found.data[i] - value) / Math.max(1, Math.abs(value)));
  const difference = differences.reduce((most, value) => Math.max(most, value), 0); // NaN stays NaN
  console.log(`${name}: ${found.dims[0]} golden rows, largest difference ${difference.toExponential(1)}`);
  if (!(difference <= TOLERANCE && found.data.length === golden[name].data.length)) {
    console.error(`${name} differs from the golden values by more than ${TOLERANCE}`);
    process.exitCode = 1;
  }
}
