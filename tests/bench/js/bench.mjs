// What the wasm does in Node, on one core, against the native AVX2 path and onnxruntime-web: a table on standard
// error, JSON on standard output.
//
// node tests/bench/js/bench.mjs [--no-nonces] [--rounds 60]; it builds what it measures, but for the package where
// SPHERE_POW_NO_BUILD is set. The products take turns, one multiplication each, since others may share the machine; each
// figure is the best of its rounds.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nativeProducts } from './native.mjs';
import { nonces } from './nonces.mjs';
import { benchWasm, root } from './wasm.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(join(here, 'node_modules/onnxruntime-web'))) {
  execFileSync('npm', ['ci', '--no-fund', '--no-audit', '--ignore-scripts'], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });
}
const { onnxProduct } = await import('./onnx.mjs');
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '60' }, 'no-nonces': { type: 'boolean', default: false } } });

/** One testnet nonce's rows and width, and as many outputs: a multiplication is over before others get the core. */
const shape = { rows: 128, cols: 1024, width: 1024 };
const { rows, cols, width } = shape;

/** Values without order. */
function noise(n, value) {
  let x = 1;
  return Array.from({ length: n }, () => value((x = (Math.imul(x, 1664525) + 1013904223) >>> 0) >>> 8));
}

/** The products that are compared, as functions that take one turn and give its seconds. */
async function products() {
  const wasm = await benchWasm();
  const native = nativeProducts({ level: 'avx2', ...shape });
  const integer = integerProduct(wasm);
  const { float, onnx, version } = await floatProducts(wasm);
  const timed = async (work) => {
    const began = performance.now();
    await work();
    return (performance.now() - began) / 1000;
  };
  const turns = {
    int8Wasm: () => timed(() => integer.run()),
    int8Avx2: () => native.seconds('int8'),
    f32Wasm: () => timed(() => float.run()),
    f32Onnx: () => timed(() => onnx.run()),
    f32Avx2: () => native.seconds('f32'),
  };
  return { turns, version, end: native.end };
}

/** Ours, checked against plain sums. */
function integerProduct(wasm) {
  const x = Int8Array.from(noise(rows * cols, (n) => (n % 255) - 127));
  const weights = Int8Array.from(noise(width * cols, (n) => (n % 93) - 46));
  const ours = new wasm.IntegerProduct(x, weights, cols);
  ours.run();
  const got = ours.result();
  for (const at of [0, width - 1, 77 * width + 123, rows * width - 1]) {
    const [row, n] = [Math.floor(at / width), at % width];
    let want = 0;
    for (let k = 0; k < cols; k++) want += x[row * cols + k] * weights[n * cols + k];
    if (got[at] !== want) throw new Error(`int8 [${row}, ${n}]: ${got[at]} is not ${want}`);
  }
  return ours;
}

/** Ours and theirs of the same numbers, checked against each other. */
async function floatProducts(wasm) {
  // Multiples of 2^-10 below 1, which f16 holds exactly.
  const small = (x) => ((x % 2048) - 1024) / 1024;
  const [x, weights] = [Float32Array.from(noise(rows * cols, small)), Float32Array.from(noise(width * cols, small))];
  const transposed = new Float32Array(weights.length);
  for (let n = 0; n < width; n++) for (let k = 0; k < cols; k++) transposed[k * width + n] = weights[n * cols + k];
  const float = new wasm.FloatProduct(x, weights, cols);
  const onnx = await onnxProduct(rows, cols, width, x, transposed);
  const want = await onnx.run();
  float.run();
  const got = float.result();
  // Ours is rounded to f16.
  for (let i = 0; i < want.length; i++) {
    if (!(Math.abs(got[i] - want[i]) <= 2 ** -10 * Math.abs(want[i]) + 1e-3)) throw new Error(`f32 [${i}]: ${got[i]} is not ${want[i]}`);
  }
  return { float, onnx, version: onnx.version };
}

/** Best giga-operations a second of each, taking turns. */
async function rates(turns, rounds) {
  const best = Object.fromEntries(Object.keys(turns).map((name) => [name, Infinity]));
  for (let i = 0; i < rounds; i++) {
    for (const [name, turn] of Object.entries(turns)) best[name] = Math.min(best[name], await turn());
  }
  return Object.fromEntries(Object.entries(best).map(([name, seconds]) => [name, (2 * rows * cols * width) / seconds / 1e9]));
}

const { turns, version, end } = await products();
const { int8Wasm, int8Avx2, f32Wasm, f32Onnx, f32Avx2 } = await rates(turns, Number(values.rounds));
end();
const report = {
  versions: {
    'sphere-pow': JSON.parse(readFileSync(join(root, 'verifier-wasm/package.json'), 'utf8')).version,
    node: process.versions.node,
    v8: process.versions.v8,
    'onnxruntime-web': version,
    rustc: execFileSync('rustc', ['--version'], { encoding: 'utf8' }).split(' ')[1],
    cpu: cpus()[0].model.trim(),
  },
  shape,
  int8: { wasm: int8Wasm, avx2: int8Avx2, shareOfAvx2: int8Wasm / int8Avx2 },
  f32: { wasm: f32Wasm, onnxruntimeWeb: f32Onnx, timesAsFastAsOnnx: f32Wasm / f32Onnx, avx2: f32Avx2 },
  nonces: values['no-nonces'] ? null : await nonces(),
};

const lines = {
  'int8, wasm, GOP/s': int8Wasm,
  'int8, native AVX2, GOP/s': int8Avx2,
  'int8, wasm as a share of AVX2': report.int8.shareOfAvx2,
  'f32, wasm, GFLOP/s': f32Wasm,
  [`f32, onnxruntime-web ${version}, GFLOP/s`]: f32Onnx,
  'f32, wasm, times as fast as onnxruntime-web': report.f32.timesAsFastAsOnnx,
  'f32, native AVX2, GFLOP/s': f32Avx2,
  ...(report.nonces && {
    'exact standard nonce, s': report.nonces.exactStandard.seconds,
    'the same, weights kept, s': report.nonces.exactStandard.keptSeconds,
    'gonka testnet nonce, s': report.nonces.gonkaTestnet.seconds,
    'of which its pool, s': report.nonces.gonkaTestnet.poolSeconds,
    'cancelling it halfway, ms': report.nonces.gonkaTestnet.cancelMilliseconds,
  }),
};
for (const [name, value] of Object.entries(lines)) console.error(`${name.padEnd(48)} ${value.toPrecision(3)}`);
console.log(JSON.stringify(report, null, 2));
process.exit(0);
