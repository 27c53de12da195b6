// npm run build: wasm by cargo, glue by wasm-bindgen, wasm-opt, the JavaScript by esbuild; all into dist/.
//
// --no-wasm takes the wasm of the last build. --check only says whether dist/ is there, for npm pack.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
if (process.argv.includes('--check')) {
  if (existsSync(join(here, 'dist/index.js'))) process.exit(0);
  throw new Error('there is no dist/: run npm run build first');
}
if (!existsSync(join(here, 'node_modules/esbuild'))) {
  execFileSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: here, stdio: 'inherit' });
}
const { build } = await import('esbuild');
const root = join(here, '..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const dist = join(here, 'dist');
const generated = join(here, 'js', 'generated');
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
/** The builds of the wasm: the same source, with vector instructions and without. */
const flavours = { simd: '+simd128', scalar: '' };

/** @param {string} command @param {string[]} args @param {Record<string, string>} [env] */
function run(command, args, env = {}) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
}

/** wasm-bindgen of the version that the crate is pinned to, built once. */
function bindgen() {
  const dir = join(target, 'bindgen');
  run('cargo', ['build', '--release', '--locked', '--manifest-path', 'verifier-wasm/bindgen/Cargo.toml', '--target-dir', dir]);
  return join(dir, 'release', 'sphere-pow-bindgen');
}

/** Paths of this machine do not belong into the wasm. */
function remaps() {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const sources = execFileSync('bash', ['-c', 'rustc --print sysroot; [ ! -x /usr/bin/rustc ] || /usr/bin/rustc --print sysroot'], { encoding: 'utf8' });
  const roots = sources.trim().split('\n').map((path) => [join(path, 'lib/rustlib/src/rust'), 'rust']);
  const registry = join(cargo, 'registry', 'src');
  const registries = existsSync(registry) ? readdirSync(registry).map((name) => [join(registry, name), 'crates']) : [];
  return [...roots, ...registries, [root.replace(/\/$/, ''), 'sphere-pow']].map(([from, to]) => `--remap-path-prefix=${from}=${to}`).join(' ');
}

function buildWasm() {
  const tool = bindgen();
  rmSync(generated, { recursive: true, force: true });
  let glue = '';
  for (const [name, features] of Object.entries(flavours)) {
    run('verifier-wasm/cargo-wasm', ['build', '--profile', 'npm', '--locked', '-p', 'sphere-pow-verifier-wasm'], {
      CARGO_TARGET_DIR: target,
      CARGO_WASM_FEATURES: features,
      CARGO_WASM_RUSTFLAGS: remaps(),
    });
    const dir = `wasm${features.replaceAll(/[+,]/g, '-')}`;
    const built = join(target, dir, 'wasm32-unknown-unknown/npm/sphere_pow_verifier_wasm.wasm');
    const out = join(target, 'npm', name);
    rmSync(out, { recursive: true, force: true });
    run(tool, [built, out, 'verifier']);
    const text = readFileSync(join(out, 'verifier.js'), 'utf8');
    if (glue && text !== glue) throw new Error('the two builds of the wasm want different JavaScript');
    glue = text;
    run(process.execPath, [
      join(here, 'node_modules/binaryen/bin/wasm-opt'),
      join(out, 'verifier_bg.wasm'),
      '-o',
      join(out, 'verifier.wasm'),
      '-O3',
      '--strip-debug',
      '--strip-producers',
      ...['bulk-memory', 'mutable-globals', 'multivalue', 'nontrapping-float-to-int', 'reference-types', 'sign-ext'].map((f) => `--enable-${f}`),
      ...(name === 'simd' ? ['--enable-simd'] : []),
    ]);
  }
  mkdirSync(generated, { recursive: true });
  writeFileSync(join(generated, 'verifier.js'), `// @ts-nocheck\n${glue}`);
}

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  // Node prints the line that threw: of 30 kB, that would bury the message.
  lineLimit: 500,
  legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) },
  absWorkingDir: here,
};

async function workerSource() {
  const { outputFiles } = await build({ ...common, entryPoints: ['js/worker.js'], write: false });
  const [file] = outputFiles;
  return /** @type {import("esbuild").OutputFile} */ (file).text;
}

async function buildJs() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  for (const name of Object.keys(flavours)) {
    const wasm = readFileSync(join(target, 'npm', name, 'verifier.wasm'));
    writeFileSync(join(dist, name === 'simd' ? 'verifier.wasm' : 'verifier-scalar.wasm'), wasm);
    const text = deflateRawSync(wasm, { level: 9 }).toString('base64');
    writeFileSync(join(dist, `inlined-${name}.js`), `export default "${text}";\n`);
  }
  const worker = await workerSource();
  writeFileSync(join(dist, 'worker.js'), worker);
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(root, name), join(here, name));
  const virtual = {
    name: 'virtual',
    setup(/** @type {import('esbuild').PluginBuild} */ plugin) {
      plugin.onResolve({ filter: /^inlined-/ }, ({ path }) => ({ path: `./${path}.js`, external: true }));
      plugin.onResolve({ filter: /^worker-source$/ }, ({ path }) => ({ path, namespace: 'virtual' }));
      plugin.onLoad({ filter: /^worker-source$/, namespace: 'virtual' }, () => ({ contents: worker, loader: 'text' }));
    },
  };
  await build({ ...common, entryPoints: ['js/core.js'], outdir: 'dist', plugins: [virtual] });
  const entries = ['js/index.js', 'js/slim.js', 'js/adapters.js'];
  await build({ ...common, entryPoints: entries, external: ['./core.js'], outdir: 'dist', plugins: [virtual] });
  await build({ ...common, entryPoints: ['js/cli.js'], external: ['./index.js'], outdir: 'dist', platform: 'node' });
  for (const name of readdirSync(join(here, 'js'))) {
    if (name.endsWith('.d.ts') && name !== 'globals.d.ts') copyFileSync(join(here, 'js', name), join(dist, name));
  }
}

function table() {
  const size = (/** @type {string} */ name) => {
    const bytes = readFileSync(join(dist, name));
    return [name, bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
  };
  const names = readdirSync(dist).filter((name) => /\.(js|wasm)$/.test(name) && statSync(join(dist, name)).isFile());
  console.log('\n| file | bytes | gzip | brotli |\n| --- | ---: | ---: | ---: |');
  for (const row of names.map(size)) console.log(`| ${row.join(' | ')} |`);
}

if (!process.argv.includes('--no-wasm')) buildWasm();
await buildJs();
table();
