// npm run build: wasm by cargo, glue by wasm-bindgen, wasm-opt, the JavaScript by esbuild; all into dist/.
//
// --no-wasm takes the wasm of the last build, --only=NAME all but that one. --bench builds the wasm of tests/bench/js only. --check only says whether dist/ is there, for npm pack.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
if (process.argv.includes('--check')) {
  if (existsSync(join(here, 'dist/index.js'))) process.exit(0);
  throw new Error('there is no dist/: run npm run build first');
}
if (!existsSync(join(here, 'node_modules/terser'))) {
  execFileSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: here, stdio: 'inherit' });
}
const { build } = await import('esbuild');
const { minify } = await import('terser');
const root = join(here, '..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const dist = join(here, 'dist');
const generated = join(here, 'js', 'generated');
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
/**
 * The builds of the wasm: the verifier with vector instructions and without, whose JavaScript is the same, and what
 * sphere-pow/learn, sphere-pow/transcript, sphere-pow/chain, sphere-pow/network, sphere-pow/train and sphere-pow/webgpu need.
 */
const verifier = 'sphere-pow-verifier-wasm';
/** @param {string} name @param {string} [feature] */
const flavour = (name, feature = name) => ({ name, glue: name, wasm: `${name}.wasm`, features: '+simd128', crate: verifier, feature });
const flavours = [
  { ...flavour('simd', 'verifier'), glue: 'verifier', wasm: 'verifier.wasm' },
  { ...flavour('scalar', 'verifier'), glue: 'verifier', wasm: 'verifier-scalar.wasm', features: '' },
  ...['learn', 'transcript', 'chain', 'network', 'train'].map((name) => flavour(name)),
  { ...flavour('webgpu', 'verifier'), crate: 'sphere-pow-verifier-webgpu' },
];
/** What tests/bench/js measures; in no package. */
const bench = { ...flavour('bench'), wasm: '' };
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

/** @param {typeof flavours} builds */
function buildWasm(builds) {
  const tool = bindgen();
  mkdirSync(generated, { recursive: true });
  for (const { glue } of builds) rmSync(join(generated, `${glue}.js`), { force: true });
  for (const { name, glue, features, crate, feature } of builds) {
    run('verifier-wasm/cargo-wasm', ['build', '--profile', 'npm', '--locked', '-p', crate, '--no-default-features', `--features=${verifier}/${feature}`], {
      CARGO_TARGET_DIR: target,
      CARGO_WASM_FEATURES: features,
      CARGO_WASM_RUSTFLAGS: remaps(),
    });
    const dir = `wasm${features.replaceAll(/[+,]/g, '-')}`;
    const built = join(target, dir, `wasm32-unknown-unknown/npm/${crate.replaceAll('-', '_')}.wasm`);
    const out = join(target, 'npm', name);
    rmSync(out, { recursive: true, force: true });
    run(tool, [built, out, glue]);
    const text = `// @ts-nocheck\n${readFileSync(join(out, `${glue}.js`), 'utf8')}`;
    const to = join(generated, `${glue}.js`);
    if (existsSync(to) && readFileSync(to, 'utf8') !== text) {
      throw new Error(`two builds of the wasm want different JavaScript: ${glue}.js`);
    }
    writeFileSync(to, text);
    run(process.execPath, [
      join(here, 'node_modules/binaryen/bin/wasm-opt'),
      join(out, `${glue}_bg.wasm`),
      '-o',
      join(out, 'optimized.wasm'),
      // Inlining what one caller has makes functions so large that gzip finds less in them: 4 % of the whole.
      '-O2',
      '--one-caller-inline-max-function-size=0',
      '--strip-debug',
      '--strip-producers',
      ...['bulk-memory', 'mutable-globals', 'multivalue', 'nontrapping-float-to-int', 'reference-types', 'sign-ext'].map((f) => `--enable-${f}`),
      ...(features ? ['--enable-simd'] : []),
    ]);
  }
}

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minifySyntax: true,
  legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) },
  absWorkingDir: here,
};

/**
 * Minifies a file in place: by terser, whose result is a tenth smaller than esbuild's.
 * @param {string} path
 * @param {boolean} [isMapped] Whether a source map stands beside it; a worker's text may be run from no place at all.
 */
async function shrink(path, isMapped = false) {
  const map = `${path}.map`;
  const { code, map: mapped } = await minify(readFileSync(path, 'utf8'), {
    ...(isMapped ? { sourceMap: { content: readFileSync(map, 'utf8'), url: basename(map), includeSources: true } } : {}),
    module: true,
    ecma: 2020,
    compress: { passes: 4, unsafe_arrows: true, hoist_funs: true },
    // Node prints the line that threw: of 30 kB, that would bury the message.
    format: { max_line_len: 8000, preserve_annotations: true },
  });
  writeFileSync(path, `${code}\n`);
  if (isMapped) writeFileSync(map, String(mapped));
}

/** What is a file of its own in dist/, wherever it is imported. */
const apart = ['./core.js', ...flavours.map(({ name }) => `./inlined-${name}.js`)];

/**
 * Bundles a worker's script into dist/, and its text into a module of js/generated/ for those who start it.
 * @param {string} name
 */
async function buildWorker(name) {
  const file = join(dist, `${name}.js`);
  await build({ ...common, entryPoints: [`js/${name}.js`], outfile: file });
  await shrink(file);
  writeFileSync(join(generated, `${name}-text.js`), `export default ${JSON.stringify(readFileSync(file, 'utf8'))};\n`);
}

async function buildJs() {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  for (const { name, wasm } of flavours) {
    const bytes = readFileSync(join(target, 'npm', name, 'optimized.wasm'));
    writeFileSync(join(dist, wasm), bytes);
    const text = deflateRawSync(bytes, { level: 9 }).toString('base64');
    writeFileSync(join(dist, `inlined-${name}.js`), `export default "${text}";\n`);
    // For the types of those who import it.
    writeFileSync(join(generated, `inlined-${name}.d.ts`), 'declare const text: string;\nexport default text;\n');
  }
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(root, name), join(here, name));
  for (const name of ['worker', 'learn-worker', 'transcript-worker', 'network-worker', 'train-worker', 'webgpu-worker']) await buildWorker(name);
  /** @type {import('esbuild').BuildOptions} */
  const entry = { ...common, inject: [join(here, 'js/text-coding.js')], sourcemap: 'external', outdir: 'dist' };
  await build({ ...entry, entryPoints: ['js/core.js'] });
  const entries = ['index', 'slim', 'adapters', 'learn', 'learn-slim', 'transcript', 'transcript-slim', 'chain', 'chain-slim', 'network', 'network-slim', 'train', 'train-slim', 'webgpu', 'webgpu-slim'];
  await build({ ...entry, entryPoints: entries.map((name) => `js/${name}.js`), external: apart });
  await build({ ...entry, inject: [], entryPoints: ['js/cli.js'], external: ['./index.js'], platform: 'node' });
  for (const name of readdirSync(dist)) {
    if (name.endsWith('.js') && !/^inlined-|worker/.test(name)) await shrink(join(dist, name), true);
  }
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

if (process.argv.includes('--bench')) {
  buildWasm([bench]);
  process.exit(0);
}
const [only] = process.argv.filter((argument) => argument.startsWith('--only='));
if (!process.argv.includes('--no-wasm')) buildWasm(flavours.filter(({ name }) => only === undefined || only === `--only=${name}`));
await buildJs();
table();
