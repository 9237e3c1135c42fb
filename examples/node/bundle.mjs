// What the programs beside this file share: the bundle that is meant, and its golden values.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { Tensor } from "onnxruntime-node";

export const TOLERANCE = 1e-5; // relative to max(white, |value|), as in the bundle's own verification

// A reader that has gone away, as `head` does, is no error.
process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));

// console.log would take a `%` in its first argument for a format.
export const print = (line) => process.stdout.write(`${line}\n`);

export function stop(reason, code = 1) {
  process.stderr.write(`${reason}\n`);
  process.exit(code);
}

// The bundle that the arguments name: a folder, the run that it belongs to, or the newest run.
export function findBundle(args, usage) {
  if (args.length === 1 && ["-h", "--help"].includes(args[0])) {
    print(usage);
    process.exit(0);
  }
  if (args.length > 1 || args.some((arg) => arg.startsWith("-"))) stop(usage, 2);
  const isBundle = (folder) => existsSync(join(folder, "model.json"));
  if (args.length === 0) {
    const runs = existsSync("runs") ? readdirSync("runs").map((run) => join("runs", run, "onnx")).filter(isBundle) : [];
    const time = (bundle) => statSync(join(bundle, "model.json")).mtimeMs;
    const newest = runs.sort((a, b) => time(a) - time(b)).at(-1);
    return newest ?? stop(`no run with a bundle in runs/; \`trainer fit\` and \`exporter --split\` make one\n${usage}`);
  }
  const found = [args[0], join(args[0], "onnx")].find(isBundle);
  return found ?? stop(`${args[0]}: expected a run or a bundle, found no model.json in it\n${usage}`);
}

// A .npz is a zip of .npy files: 10 bytes, a header of the length in the last two, then the values.
export function readNpz(path) {
  const arrays = Object.entries(unzipSync(readFileSync(path))).map(([name, bytes]) => {
    const headerLength = bytes[8] + 256 * bytes[9];
    const header = new TextDecoder().decode(bytes.subarray(10, 10 + headerLength));
    const dims = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((n) => n.trim()).map(Number);
    const values = bytes.slice(10 + headerLength);
    const tensor = header.includes("u1'") ? new Tensor("uint8", values, dims) : new Tensor("float32", new Float32Array(values.buffer), dims);
    return [name.replace(".npy", ""), tensor];
  });
  return Object.fromEntries(arrays);
}
