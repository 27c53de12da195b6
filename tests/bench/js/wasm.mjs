// The executors' products alone, in a wasm of its own: the crate's feature `bench`, built as the package is.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
export const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

/** Builds the wasm and starts it; gives its `FloatProduct` and `IntegerProduct`. */
export async function benchWasm() {
  execFileSync(process.execPath, ['verifier-wasm/build.mjs', '--bench'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const out = join(target, 'npm/bench');
  // The one import that is the package's own.
  writeFileSync(join(target, 'npm/panic.js'), 'export const panicked = (words) => console.error(words);\n');
  writeFileSync(join(out, 'package.json'), '{"type": "module"}\n');
  const glue = await import(pathToFileURL(join(out, 'bench.js')).href);
  glue.initSync({ module: readFileSync(join(out, 'optimized.wasm')) });
  return glue;
}
