// The executors' products alone, in a wasm of its own: the crate's feature `bench`, built as the package is.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

/** Builds the wasm and starts it; gives its `FloatProduct` and `IntegerProduct`. */
export async function benchWasm() {
  const run = (command, args, env = {}) =>
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  run(process.execPath, ['verifier-wasm/build.mjs', '--bench']);
  const out = join(target, 'npm/bench');
  // The one import that is the package's own.
  writeFileSync(join(target, 'npm/panic.js'), 'export const panicked = (words) => console.error(words);\n');
  writeFileSync(join(out, 'package.json'), '{"type": "module"}\n');
  const glue = await import(pathToFileURL(join(out, 'bench.js')).href);
  glue.initSync({ module: readFileSync(join(out, 'optimized.wasm')) });
  return glue;
}

/** Best seconds of each of two works, and the median of first over second, in turns, since others share the machine. */
export async function inTurns(rounds, first, second) {
  const seconds = async (work) => {
    const began = performance.now();
    await work();
    return (performance.now() - began) / 1000;
  };
  const [best, ratios] = [[Infinity, Infinity], []];
  for (let i = 0; i < rounds + 3; i++) {
    const [a, b] = [await seconds(first), await seconds(second)];
    if (i < 3) continue;
    best[0] = Math.min(best[0], a);
    best[1] = Math.min(best[1], b);
    ratios.push(a / b);
  }
  ratios.sort((a, b) => a - b);
  return { first: best[0], second: best[1], ratio: ratios[Math.floor(ratios.length / 2)] };
}
