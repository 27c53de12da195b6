// webpack 5 without a configuration of its own: the default entries, and the slim ones with the wasm as an asset.

import assert from 'node:assert/strict';
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

const url = (name) => `const wasm = new URL('sphere-pow/${name}', import.meta.url);`;

test('webpack 5: default, slim, and learn/slim', { timeout: 180_000 }, async () => {
  const webpack = require('webpack');
  const pages = {
    app: [0, true, checkModule()],
    slim: [1, false, checkModule({ entry: 'sphere-pow/slim', learn: false, before: url('verifier.wasm'), more: 'wasm' })],
    learn: [1, true, checkModule({ learn: 'sphere-pow/learn/slim', before: url('learn.wasm'), learnMore: 'wasm' })],
  };
  const files = Object.entries(pages).flatMap(([name, [, , module]]) => [
    [`${name}.js`, show(`./${name}-check.js`)],
    [`${name}-check.js`, module],
    [`${name}/index.html`, html('<script defer src="main.js"></script>')],
  ]);
  const dir = project('in-webpack', Object.fromEntries(files));
  for (const [name, [wasm, learn]] of Object.entries(pages)) {
    const stats = await new Promise((resolve, reject) => {
      const config = {
        mode: 'production',
        context: dir,
        entry: `./${name}.js`,
        output: { path: join(dir, name), filename: 'main.js' },
        performance: { maxAssetSize: 1e6, maxEntrypointSize: 1e6 },
      };
      webpack(config, (error, done) => (error ? reject(error) : resolve(done)));
    });
    assert.equal(stats.hasErrors() || stats.hasWarnings(), false, stats.toString());
    await siteWorks(chromium, join(dir, name), wasm, '/', { learn });
  }
});
