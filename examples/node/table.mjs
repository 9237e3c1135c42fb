// Runs the bundle of a table with onnxruntime-node: from a CSV with names, words and gaps to alarms and their reasons.
//
//     npm install --prefix examples/node
//     node examples/node/table.mjs runs/table-sensors-1               # checks the bundle's golden rows
//     node examples/node/table.mjs runs/table-sensors-1 rows.csv      # the most unusual rows, and why

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { findBundle, print, readNpz, stop, TOLERANCE } from "./bundle.mjs";

const USAGE = "usage: node table.mjs [BUNDLE [ROWS.csv]]    BUNDLE: a run or its bundle [default: the newest run in runs/]";
const MISSING = ["", "na", "nan", "null", "none", "?"];
const TRUTH = { true: 1, false: 0 };

// The cells of each line; a cell in quotes may hold commas and, doubled, quotes.
const cells = (line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);

// The seconds of a date as ISO 8601 has it; without an offset it counts as UTC.
const seconds = (text) => Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) || !/\d:\d/.test(text) ? text : `${text.replace(" ", "T")}Z`) / 1000;

// A raw value: a number as it is, NaN where it is missing, a date in seconds, a word by its place; other words come last.
function rawValue(text, column) {
  if (MISSING.includes(text.trim().toLowerCase())) return NaN;
  if (column.kind === "category") {
    const place = column.values.indexOf(text);
    return place < 0 ? column.values.length : place;
  }
  if (column.since) return seconds(text) - seconds(column.since);
  return TRUTH[text.toLowerCase()] ?? Number(text);
}

const [name, csv] = process.argv.slice(2);
const bundle = findBundle(name === undefined ? [] : [name], USAGE);
const { schema } = JSON.parse(readFileSync(join(bundle, "model.json"), "utf8"));
if (!schema) stop(`${bundle}: expected the bundle of a table; autoencoder.mjs beside this program runs others`);
const encoder = await InferenceSession.create(join(bundle, "encoder.onnx"));
const decoder = await InferenceSession.create(join(bundle, "decoder.onnx"));
// It warns that `alpha`, the part of usual rows that may be alarms, is an input with a default.
const scorer = await InferenceSession.create(join(bundle, "scorer.onnx"), { logSeverityLevel: 3 });
const reconstruct = async (input) => {
  const { latent } = await encoder.run({ input });
  return { latent, ...(await decoder.run({ latent })) };
};
const score = (input, alpha = 0.01) => scorer.run({ input, alpha: new Tensor("float32", [alpha], [1]) });

// The columns that are furthest off, with how many standard deviations of their error on usual rows.
function reasons(errors, count = 3) {
  const places = schema.map((_, at) => at).sort((a, b) => errors[b] - errors[a]);
  return places.slice(0, count).map((at) => `${schema[at].name} ${errors[at].toFixed(1)}`).join(", ");
}

if (csv === undefined) {
  const golden = readNpz(join(bundle, "golden.npz"));
  const scales = { latent: [1], reconstruction: schema.map((column) => column.scale ?? 1) };
  for (const [output, found] of Object.entries(await reconstruct(golden.input))) {
    const [rows, width] = found.dims;
    let difference = 0;
    for (let row = 0; row < rows; row += 1) {
      // In units of a column's scale, and relative to the largest value of the row.
      const scale = (at) => scales[output][at % scales[output].length];
      const known = Array.from({ length: width }, (_, at) => golden[output].data[row * width + at] / scale(at));
      const size = Math.max(1, ...known.map(Math.abs));
      known.forEach((value, at) => {
        const distance = Math.abs(found.data[row * width + at] / scale(at) - value) / size;
        difference = distance <= difference ? difference : distance; // NaN stays NaN
      });
    }
    print(`${output}: ${rows} golden rows, largest difference ${difference.toExponential(1)}`);
    if (!(difference <= TOLERANCE)) stop(`${output}: differs from the golden values by more than ${TOLERANCE}`);
  }
  const scored = await score(golden.input);
  for (const output of ["score", "p_value"]) {
    const differences = [...golden[output].data].map((known, at) => Math.abs(scored[output].data[at] - known) / Math.max(1, Math.abs(known)));
    const difference = Math.max(...differences);
    print(`${output}: ${differences.length} golden rows, largest difference ${difference.toExponential(1)}`);
    if (!(difference <= TOLERANCE)) stop(`${output}: differs from the golden values by more than ${TOLERANCE}`);
  }
} else {
  const [header, ...lines] = readFileSync(csv, "utf8").split(/\r?\n/).filter((line) => line !== "").map(cells);
  const places = schema.map((column) => header.indexOf(column.name));
  const absent = schema.filter((_, at) => places[at] < 0).map((column) => column.name);
  if (absent.length > 0) stop(`${csv}: expected the columns ${absent.join(", ")} too`);
  const raw = Float32Array.from(lines.flatMap((line) => schema.map((column, at) => rawValue(line[places[at]], column))));
  const found = await score(new Tensor("float32", raw, [lines.length, schema.length]));
  const [scores, p_values, alarms, errors] = ["score", "p_value", "is_anomaly", "feature_error"].map((name) => found[name].data);
  print(`${csv}: ${lines.length} rows, ${alarms.reduce((sum, alarm) => sum + Number(alarm), 0)} alarms where 1 % of usual rows are`);
  const rows = lines.map((_, row) => row).sort((a, b) => (scores[b] || 0) - (scores[a] || 0)); // a row without a score comes last
  for (const row of rows.slice(0, 5)) {
    const why = reasons(errors.subarray(row * schema.length, (row + 1) * schema.length));
    print(`  row ${row + 1}: p-value ${p_values[row].toFixed(4)}; off by standard deviations: ${why}`);
  }
}
