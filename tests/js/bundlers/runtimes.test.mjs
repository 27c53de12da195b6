// Later Nodes than the one that runs the tests, Bun, Deno and workerd: the same answers without a browser.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertReport, checkModule } from '../pages.mjs';
import { bin, project, require, tools } from './tools.mjs';

/** Runs a command in `cwd`; gives what it prints when it ends by itself, soon, with code 0. */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' } });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (out.stdout += data));
    child.stderr.on('data', (data) => (out.stderr += data));
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ${args.join(' ')}: ${signal ?? code}\n${out.stdout}\n${out.stderr}`));
    });
  });
}

const script = "import { check } from './check.mjs'; console.log(JSON.stringify(await check()));";

const node = (version) => join(tools, `node_modules/node${version}-${process.platform}-${process.arch}/bin/node`);

for (const [name, command, args] of [
  ['node-22', node(22), ['app.mjs']],
  ['node-24', node(24), ['app.mjs']],
  ['bun', bin('bun'), ['app.mjs']],
  ['deno', bin('deno'), ['run', '--no-prompt', 'app.mjs']],
]) {
  test(`${name}: in a worker, and it ends by itself`, { timeout: 120_000 }, async () => {
    const dir = project(`in-${name}`, { 'app.mjs': script, 'check.mjs': checkModule() });
    const { stdout, stderr } = await run(command, args, dir);
    assertReport(JSON.parse(stdout));
    assert.equal(stderr, '');
  });
}

test('workerd: in the thread, with the wasm as a module', { timeout: 120_000 }, async () => {
  const imports = "import wasm from './verifier.wasm'; import learnWasm from './learn.wasm';";
  const dir = project('in-workerd', {
    'check.js': checkModule({
      entry: 'sphere-pow/slim',
      learn: 'sphere-pow/learn/slim',
      before: imports,
      more: 'wasm, worker: false',
      learnMore: 'wasm: learnWasm, worker: false',
    }),
    'main.js': "import { check } from './check.js'; export default { async test() { console.log(JSON.stringify(await check())); } };",
    'config.capnp': `using Workerd = import "/workerd/workerd.capnp";
      const config :Workerd.Config = (services = [(name = "main", worker = (
        compatibilityDate = "2026-11-01",
        modules = [
          (name = "main.js", esModule = embed "bundle.js"),
          (name = "verifier.wasm", wasm = embed "verifier.wasm"),
          (name = "learn.wasm", wasm = embed "learn.wasm"),
        ],
      ))]);`,
  });
  for (const name of ['verifier.wasm', 'learn.wasm']) copyFileSync(join(dir, 'node_modules/sphere-pow/dist', name), join(dir, name));
  await require('esbuild').build({ absWorkingDir: dir, entryPoints: ['main.js'], bundle: true, format: 'esm', external: ['./*.wasm'], outfile: join(dir, 'bundle.js') });
  const { stdout, stderr } = await run(bin('workerd'), ['test', 'config.capnp'], dir);
  assertReport(JSON.parse((stdout + stderr).split('\n').find((line) => line.startsWith('{'))));
});
