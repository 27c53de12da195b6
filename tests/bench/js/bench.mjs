// What the wasm does in Node, on one core, against onnxruntime-web and the native AVX2 path: a table, then JSON.
//
// node tests/bench/js/bench.mjs [--no-nonces]; it builds what it measures. Figures that are compared are measured in
// turns with each other where they share a process, since others may share the machine; each is the best of its runs.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchWasm, inTurns } from './wasm.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');
if (!existsSync(join(here, 'node_modules/onnxruntime-web'))) {
  execFileSync('npm', ['ci', '--no-fund', '--no-audit', '--ignore-scripts'], { cwd: here, stdio: 'inherit' });
}

/** The testnet's shape: one nonce's rows, its width, a part of its feed-forward's. */
const [rows, cols, width] = [128, 1024, 4096];
const operations = 2 * rows * cols * width;
const rate = (seconds) => operations / seconds / 1e9;
const ROUNDS = 40;

/** Values without order: what they are does not matter, that they agree does. */
function noise(n, value) {
  let x = 1;
  return Array.from({ length: n }, () => value((x = (Math.imul(x, 1664525) + 1013904223) >>> 0) >>> 8));
}

async function f32(wasm) {
  const { onnxProduct } = await import('./onnx.mjs');
  // Multiples of 2^-10 below 1, which f16 holds exactly: both multiply the same numbers.
  const small = (x) => ((x % 2048) - 1024) / 1024;
  const [x, weights] = [Float32Array.from(noise(rows * cols, small)), Float32Array.from(noise(width * cols, small))];
  const transposed = new Float32Array(weights.length);
  for (let n = 0; n < width; n++) for (let k = 0; k < cols; k++) transposed[k * width + n] = weights[n * cols + k];
  const ours = new wasm.FloatProduct(x, weights, cols);
  const theirs = await onnxProduct(rows, cols, width, x, transposed);
  const want = await theirs.run();
  ours.run();
  const got = ours.result();
  // Ours is rounded to f16.
  for (let i = 0; i < want.length; i++) {
    if (!(Math.abs(got[i] - want[i]) <= 2 ** -10 * Math.abs(want[i]) + 1e-3)) throw new Error(`[${i}]: ${got[i]} is not ${want[i]}`);
  }
  const { first, second, ratio } = await inTurns(ROUNDS, () => ours.run(), () => theirs.run());
  return { wasm: rate(first), onnxruntimeWeb: rate(second), timesAsFast: 1 / ratio, version: theirs.version };
}

async function int8(wasm) {
  const x = Int8Array.from(noise(rows * cols, (n) => (n % 255) - 127));
  const weights = Int8Array.from(noise(width * cols, (n) => (n % 93) - 46));
  const ours = new wasm.IntegerProduct(x, weights, cols);
  ours.run();
  const got = ours.result();
  for (const at of [0, width - 1, 77 * width + 1234, rows * width - 1]) {
    const [row, n] = [Math.floor(at / width), at % width];
    let want = 0;
    for (let k = 0; k < cols; k++) want += x[row * cols + k] * weights[n * cols + k];
    if (got[at] !== want) throw new Error(`[${at}]: ${got[at]} is not ${want}`);
  }
  const { first } = await inTurns(ROUNDS, () => ours.run(), () => {});
  return rate(first);
}

function native() {
  const args = ['run', '--release', '--quiet', '-p', 'sphere-pow-cpu', '--example', 'products', '--', '--level', 'avx2'];
  const sizes = ['--rows', rows, '--cols', cols, '--width', width, '--rounds', ROUNDS].map(String);
  const { int8Seconds, f32Seconds } = JSON.parse(execFileSync('cargo', [...args, ...sizes], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
  return { int8: rate(int8Seconds), f32: rate(f32Seconds) };
}

/** A nonce of each profile, by the package. */
async function nonces() {
  if (!existsSync(join(root, 'verifier-wasm/dist/index.js'))) execFileSync(process.execPath, ['verifier-wasm/build.mjs'], { cwd: root, stdio: 'inherit' });
  const { createVerifier } = await import(join(root, 'verifier-wasm/dist/index.js'));
  const timed = async (options, rounds) => {
    const verifier = await createVerifier({ blockHash: 'bench', ...options });
    let [best, pool] = [Infinity, 0];
    const phases = new Set();
    for (let nonce = 0; nonce < rounds; nonce++) {
      const began = performance.now();
      await verifier.distance('key', nonce, {
        onProgress: ({ phase }) => {
          if (phase !== 'pool' && !pool) pool = (performance.now() - began) / 1000;
          phases.add(phase);
        },
      });
      best = Math.min(best, (performance.now() - began) / 1000);
    }
    await verifier.close();
    return { seconds: best, pool, phases: [...phases] };
  };
  const standard = await timed({ profile: 'exact', params: 'standard' }, 5);
  const kept = await timed({ profile: 'exact', params: 'standard', keepWeights: true }, 5);
  const testnet = await timed({ profile: 'gonka', params: 'testnet' }, 1);
  return {
    exactStandard: standard.seconds,
    exactStandardKept: kept.seconds,
    gonkaTestnet: testnet.seconds,
    gonkaTestnetPool: testnet.pool,
    gonkaTestnetPhases: testnet.phases,
  };
}

const wasm = await benchWasm();
const first = { int8: await int8(wasm), f32: await f32(wasm) };
const avx2 = native();
// Once more after the native run: the better of both, as for the others.
const again = { int8: await int8(wasm), f32: await f32(wasm) };
const best = { int8: Math.max(first.int8, again.int8), f32: first.f32.wasm > again.f32.wasm ? first.f32 : again.f32 };
const report = {
  shape: { rows, cols, width },
  int8: { wasm: best.int8, avx2: avx2.int8, share: best.int8 / avx2.int8 },
  f32: { ...best.f32, avx2: avx2.f32 },
  nonces: process.argv.includes('--no-nonces') ? null : await nonces(),
};
console.table({
  'int8, wasm, GOP/s a core': report.int8.wasm,
  'int8, native AVX2, GOP/s a core': report.int8.avx2,
  'int8, wasm as a share of AVX2': report.int8.share,
  'f32, wasm, GFLOP/s': report.f32.wasm,
  [`f32, onnxruntime-web ${report.f32.version}, GFLOP/s`]: report.f32.onnxruntimeWeb,
  'f32, wasm, times as fast as onnxruntime-web': report.f32.timesAsFast,
  'f32, native AVX2, GFLOP/s': report.f32.avx2,
  ...(report.nonces && {
    'exact standard nonce, s': report.nonces.exactStandard,
    'the same, weights kept, s': report.nonces.exactStandardKept,
    'gonka testnet nonce, s': report.nonces.gonkaTestnet,
    'of which its pool, s': report.nonces.gonkaTestnetPool,
  }),
});
console.log(JSON.stringify(report));
process.exit(0);
