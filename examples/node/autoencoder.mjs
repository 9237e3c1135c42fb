// Runs an exported autoencoder with onnxruntime-node, and checks it against the bundle's golden values.
//
//     npm install --prefix examples/node
//     node examples/node/autoencoder.mjs                            # the newest run in runs/
//     node examples/node/autoencoder.mjs runs/simple-digits-1       # a run, or its bundle

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { InferenceSession, Tensor } from "onnxruntime-node";

const USAGE = "usage: node autoencoder.mjs [BUNDLE]    BUNDLE: a run or its bundle [default: the newest run in runs/]";
const TOLERANCE = 1e-5; // relative to max(1, |value|), as in the bundle's own verification

// console.log would take a `%` in its first argument for a format.
const print = (line) => process.stdout.write(`${line}\n`);

function stop(reason, code = 1) {
  process.stderr.write(`${reason}\n`);
  process.exit(code);
}

// The bundle that the arguments name: a folder, the run that it belongs to, or the newest run.
function findBundle(args) {
  if (args.length === 1 && ["-h", "--help"].includes(args[0])) {
    print(USAGE);
    process.exit(0);
  }
  if (args.length > 1 || args.some((arg) => arg.startsWith("-"))) stop(USAGE, 2);
  const isBundle = (folder) => existsSync(join(folder, "model.json"));
  if (args.length === 0) {
    const runs = existsSync("runs") ? readdirSync("runs").map((run) => join("runs", run, "onnx")).filter(isBundle) : [];
    const time = (bundle) => statSync(join(bundle, "model.json")).mtimeMs;
    const newest = runs.sort((a, b) => time(a) - time(b)).at(-1);
    return newest ?? stop(`no run with a bundle in runs/; \`trainer fit\` and \`exporter --split\` make one\n${USAGE}`);
  }
  const found = [args[0], join(args[0], "onnx")].find(isBundle);
  return found ?? stop(`${args[0]}: expected a run or a bundle, found no model.json in it\n${USAGE}`);
}

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
  const shade = (pixel) => " .:-=+*#%@"[Math.min(Math.floor(Math.max(pixel, 0) * 10), 9)].repeat(2);
  return Array.from({ length: height }, (_, y) => Array.from(pixels.slice(y * width, (y + 1) * width), shade).join(""));
}

const bundle = findBundle(process.argv.slice(2));
const manifest = JSON.parse(readFileSync(join(bundle, "model.json"), "utf8"));
const encoder = await InferenceSession.create(join(bundle, "encoder.onnx"));
const decoder = await InferenceSession.create(join(bundle, "decoder.onnx"));
const golden = readNpz(join(bundle, "golden.npz"));

const { latent } = await encoder.run({ input: golden.input });
const { reconstruction } = await decoder.run({ latent });

print(`${bundle}: network ${manifest.network}, an image and its reconstruction from ${latent.dims[1]} numbers`);
const [left, right] = [golden.input, reconstruction].map((rows) => draw(rows.data, manifest.image_shape));
left.forEach((line, y) => print(`${line} | ${right[y]}`));

for (const [name, found] of Object.entries({ latent, reconstruction })) {
  const differences = golden[name].data.map((value, i) => Math.abs(found.data[i] - value) / Math.max(1, Math.abs(value)));
  const difference = differences.reduce((most, value) => Math.max(most, value), 0); // NaN stays NaN
  print(`${name}: ${found.dims[0]} golden rows, largest difference ${difference.toExponential(1)}`);
  if (!(difference <= TOLERANCE && found.data.length === golden[name].data.length)) {
    stop(`${name}: differs from the golden values by ${difference.toExponential(1)}, more than ${TOLERANCE}`);
  }
}
