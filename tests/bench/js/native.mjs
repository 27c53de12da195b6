// The native executors' products, of cpu/examples/products.rs: one process that multiplies when asked.

import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, target } from './wasm.mjs';

/**
 * Builds and starts it. `seconds(kind)` multiplies once on one thread and gives the time it says that took; `end()`
 * ends the process.
 * @param {{ level: string, rows: number, cols: number, width: number }} options
 */
export function nativeProducts(options) {
  execFileSync('cargo', ['build', '--release', '--quiet', '-p', 'sphere-pow-cpu', '--example', 'products'], { cwd: root, stdio: 'inherit' });
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(join(target, 'release/examples/products'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async seconds(kind) {
      child.stdin.write(`${kind}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error('the native products ended early; their last words are above');
      return Number(value);
    },
    end: () => child.stdin.end(),
  };
}
