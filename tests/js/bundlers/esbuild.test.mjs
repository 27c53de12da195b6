// esbuild: split, in one file, with the wasm as a file, and what is not used.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser } from '../support.mjs';
import { checkModule, html, show } from '../pages.mjs';
import { project, require, siteWorks } from './tools.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium.close());

const { build } = require('esbuild');
const asset = "import url from 'sphere-pow/verifier.wasm'; const wasm = new URL(url, import.meta.url);";

test('esbuild: split, in one file, slim', { timeout: 120_000 }, async () => {
  const dir = project('in-esbuild', {
    'app.js': show('./check.js'),
    'check.js': checkModule(),
    'slim.js': show('./check-slim.js'),
    'check-slim.js': checkModule({ entry: 'sphere-pow/slim', learn: false, before: asset, more: 'wasm' }),
  });
  for (const [name, entry, wasm, options] of [
    ['split', 'app.js', 0, { splitting: true }],
    ['one', 'app.js', 0, {}],
    ['slim', 'slim.js', 1, { loader: { '.wasm': 'file' } }],
  ]) {
    const outdir = join(dir, name);
    const result = await build({ absWorkingDir: dir, entryPoints: [entry], bundle: true, format: 'esm', target: 'es2022', minify: true, outdir, logLevel: 'silent', ...options });
    assert.deepEqual([result.errors, result.warnings], [[], []]);
    writeFileSync(join(outdir, 'index.html'), html(`<script type="module" src="${entry}"></script>`));
    await siteWorks(chromium, outdir, wasm, '/', { learn: wasm === 0 });
  }
});

test('esbuild: an import for nothing costs nothing', async () => {
  const dir = project('in-esbuild-unused');
  const contents = "import 'sphere-pow'; import { createVerifier } from 'sphere-pow'; import { trace } from 'sphere-pow/learn'; console.log(1);";
  const unused = await build({ absWorkingDir: dir, stdin: { contents, resolveDir: dir }, bundle: true, format: 'esm', write: false, logLevel: 'silent' });
  assert.ok(unused.outputFiles[0].text.length < 300, unused.outputFiles[0].text);
});
