// Projects as users have them, each made anew from the tarball: build, run, look for complaints.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, freshProject, optionsOf, paths, runNode, serve, vector } from './support.mjs';

const tiny = vector('tiny');
const { public_key, nonces, dist } = tiny;
const require = createRequire(join(paths.tests, 'package.json'));
const options = JSON.stringify(optionsOf(tiny));
const batch = JSON.stringify({ public_key, nonces: nonces.slice(0, 8), dist: dist.slice(0, 8) });

/** What every browser project runs: the default entry, nothing configured. */
const app = `
  import { createVerifier } from 'sphere-pow';
  const verifier = await createVerifier(${options});
  const report = await verifier.verifyBatch(${batch});
  await verifier.close();
  document.querySelector('#out').textContent = JSON.stringify(report);
`;
/** The slim entry with the wasm as an asset of the bundler's. */
const slim = (wasm) => `
  import { createVerifier } from 'sphere-pow/slim';
  ${wasm}
  const verifier = await createVerifier({ ...${options}, wasm });
  const report = await verifier.verifyBatch(${batch});
  await verifier.close();
  document.querySelector('#out').textContent = JSON.stringify(report);
`;
const html = (script) => `<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>t</title></head><body><output id="out"></output>${script}</body></html>`;

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium.close());

/** Opens the page and asserts that it computed right and nothing complained. */
async function works(url) {
  const { page, complaints, requests } = await chromium.open(url);
  await page.waitForFunction(() => document.querySelector('#out').textContent !== '', null, { timeout: 60_000 }).catch((error) => {
    throw new Error(`${error.message}\n${complaints.join('\n')}`);
  });
  const report = JSON.parse(await page.textContent('#out'));
  await page.close();
  assert.deepEqual(complaints, []);
  assert.equal(report.state, 'valid');
  assert.ok(report.advisory.rmsError < 5e-6);
  const { origin } = new URL(url);
  const elsewhere = requests.filter((r) => ![origin, 'blob:', 'data:'].some((start) => r.startsWith(start)));
  assert.deepEqual(elsewhere, [], 'nothing is fetched from elsewhere');
  return requests;
}

function wasmFiles(dir) {
  return readdirSync(dir, { recursive: true }).filter((name) => name.endsWith('.wasm'));
}

test('Node, ESM and require', async () => {
  const body = `const verifier = await createVerifier(${options}); console.log((await verifier.verifyBatch(${batch})).state);`;
  const dir = freshProject('node', {
    'esm.mjs': `import { createVerifier } from 'sphere-pow'; ${body}`,
    'cjs.cjs': `const { createVerifier } = require('sphere-pow'); (async () => { ${body} })();`,
  });
  for (const file of ['esm.mjs', 'cjs.cjs']) {
    const { stdout, stderr, code } = await runNode([file], { cwd: dir });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'valid\n');
    // Node 20 says that require of a module is an experiment.
    if (file.endsWith('mjs')) assert.equal(stderr, '');
  }
});

for (const version of ['vite', 'vite5']) {
  test(`${version}: dev and build, default and slim`, { timeout: 180_000 }, async () => {
    const { createServer, build } = await import(require.resolve(version).replace(/index\.cjs$/, 'dist/node/index.js'));
    const dir = freshProject(version, {
      'index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': app,
      'slim.html': html('<script type="module" src="/slim.js"></script>'),
      'slim.js': slim("import url from 'sphere-pow/verifier.wasm?url'; const wasm = new URL(url, location.href);"),
    });
    const common = { root: dir, logLevel: 'error', configFile: false, build: { target: 'es2022' } };
    const server = await createServer({ ...common, server: { port: 0, host: 'localhost' } });
    await server.listen();
    const [url] = server.resolvedUrls.local;
    try {
      await works(url);
    } finally {
      await server.close();
    }
    const input = { app: join(dir, 'index.html') };
    await build({ ...common, build: { ...common.build, rollupOptions: { input } } });
    assert.deepEqual(wasmFiles(join(dir, 'dist')), [], 'the default entry needs no asset');
    const built = await serve(join(dir, 'dist'));
    await works(built.url);
    await built.close();
    await build({ ...common, build: { ...common.build, outDir: 'slim', rollupOptions: { input: join(dir, 'slim.html') } } });
    assert.equal(wasmFiles(join(dir, 'slim')).length, 1);
    const thin = await serve(join(dir, 'slim'));
    const requests = await works(`${thin.url}/slim.html`).catch(async (error) => {
      await thin.close();
      throw error;
    });
    assert.equal(requests.filter((r) => r.endsWith('.wasm')).length, 1);
    await thin.close();
  });
}

test('webpack 5: default and slim', { timeout: 120_000 }, async () => {
  const webpack = require('webpack');
  const dir = freshProject('webpack', {
    'app.js': app,
    'slim.js': slim("const wasm = new URL('sphere-pow/verifier.wasm', import.meta.url);"),
    'dist/index.html': html('<script defer src="app.js"></script>'),
    'dist/slim.html': html('<script defer src="slim.js"></script>'),
  });
  const stats = await new Promise((resolve, reject) => {
    const entry = { app: './app.js', slim: './slim.js' };
    const performance = { maxAssetSize: 1e6, maxEntrypointSize: 1e6 };
    webpack({ mode: 'production', context: dir, entry, performance, output: { path: join(dir, 'dist'), filename: '[name].js' } }, (error, done) => (error ? reject(error) : resolve(done)));
  });
  assert.equal(stats.hasErrors() || stats.hasWarnings(), false, stats.toString());
  assert.equal(wasmFiles(join(dir, 'dist')).length, 1);
  const site = await serve(join(dir, 'dist'));
  await works(site.url);
  await works(`${site.url}/slim.html`);
  await site.close();
});

test('esbuild: split and in one file', async () => {
  const { build } = require('esbuild');
  const dir = freshProject('esbuild', { 'app.js': app });
  for (const splitting of [true, false]) {
    const outdir = join(dir, splitting ? 'split' : 'one');
    const result = await build({ absWorkingDir: dir, entryPoints: ['app.js'], bundle: true, format: 'esm', splitting, minify: true, outdir, logLevel: 'silent' });
    assert.deepEqual([result.errors, result.warnings], [[], []]);
    writeFileSync(join(outdir, 'index.html'), html('<script type="module" src="app.js"></script>'));
    assert.deepEqual(wasmFiles(outdir), []);
    const site = await serve(outdir);
    await works(site.url);
    await site.close();
  }
  // What is not used is not kept: an import for nothing costs nothing.
  const unused = await build({ absWorkingDir: dir, stdin: { contents: "import 'sphere-pow'; import { createVerifier } from 'sphere-pow'; console.log(1);", resolveDir: dir }, bundle: true, format: 'esm', write: false, logLevel: 'silent' });
  assert.ok(unused.outputFiles[0].text.length < 300, unused.outputFiles[0].text);
});

test('no bundler: modules as they are, under a strict policy with files for everything', async () => {
  const site = join(paths.work, 'fresh/plain');
  freshProject('plain', {
    'app.js': `
      import { createVerifier } from './sphere-pow/slim.js';
      const wasm = new URL('./sphere-pow/verifier.wasm', import.meta.url);
      const worker = new URL('./sphere-pow/worker.js', import.meta.url);
      const verifier = await createVerifier({ ...${options}, wasm, worker });
      const report = await verifier.verifyBatch(${batch});
      await verifier.close();
      document.querySelector('#out').textContent = JSON.stringify(report);`,
    'index.html': html('<script type="module" src="app.js"></script>'),
    'blocked.js': `
      import { createVerifier } from './sphere-pow/index.js';
      const codes = [];
      const verifier = await createVerifier(${options});
      await verifier.verifyBatch(${batch}).catch((e) => codes.push(e.code, e.message));
      document.querySelector('#out').textContent = JSON.stringify(codes);`,
    'blocked.html': html('<script type="module" src="blocked.js"></script>'),
    'nowasm.html': html('<script type="module" src="nowasm.js"></script>'),
    'nowasm.js': `
      import { init } from './sphere-pow/index.js';
      const codes = [];
      await init().catch((e) => codes.push(e.code, e.message));
      document.querySelector('#out').textContent = JSON.stringify(codes);`,
  });
  cpSync(join(site, 'node_modules/sphere-pow/dist'), join(site, 'sphere-pow'), { recursive: true });
  const strict = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:";
  const server = await serve(site, (path) => ({
    'content-security-policy': path.startsWith('/nowasm') ? "script-src 'self'; img-src data:" : strict,
  }));
  try {
    await works(server.url);
    for (const [name, words] of [['blocked', /worker-src blob:/], ['nowasm', /wasm-unsafe-eval/]]) {
      const { page } = await chromium.open(`${server.url}/${name}.html`);
      await page.waitForFunction(() => document.querySelector('#out').textContent !== '', null, { timeout: 30_000 });
      const [code, message] = JSON.parse(await page.textContent('#out'));
      assert.equal(code, 'E_WASM_LOAD');
      assert.match(message, words);
      await page.close();
    }
  } finally {
    await server.close();
  }
});

test('Next: builds, renders on the server, computes in the page', { timeout: 300_000, skip: process.env.SPHERE_POW_NO_NEXT ? 'asked for' : false }, async () => {
  const dir = freshProject('next', {
    'app/layout.jsx': 'export default function Layout({ children }) { return <html lang="en"><head><link rel="icon" href="data:," /></head><body>{children}</body></html>; }',
    'app/page.jsx': `'use client';
      import { useEffect, useState } from 'react';
      import { createVerifier } from 'sphere-pow';
      export default function Page() {
        const [out, setOut] = useState('');
        useEffect(() => { (async () => {
          const verifier = await createVerifier(${options});
          const report = await verifier.verifyBatch(${batch});
          await verifier.close();
          setOut(JSON.stringify(report));
        })(); }, []);
        return <output id="out">{out}</output>;
      }`,
    'next.config.mjs': "export default { output: 'export', eslint: { ignoreDuringBuilds: true } };",
  });
  execFileSync('npm', ['install', '--no-package-lock', '--no-fund', '--no-audit', '--loglevel=error', 'next@15', 'react@19', 'react-dom@19'], { cwd: dir, stdio: 'pipe' });
  execFileSync(process.execPath, [join(dir, 'node_modules/next/dist/bin/next'), 'build'], { cwd: dir, stdio: 'pipe', env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' } });
  assert.ok(existsSync(join(dir, 'out/index.html')));
  assert.deepEqual(wasmFiles(join(dir, 'out')), []);
  assert.match(readFileSync(join(dir, 'out/index.html'), 'utf8'), /<output id="out">/);
  const site = await serve(join(dir, 'out'));
  await works(site.url);
  await site.close();
});
