// Projects of those who bundle nothing, each made anew from the tarball; bundlers/ has the others.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertReport, checkModule, html, show, works } from './pages.mjs';
import { browser, freshProject, paths, runNode, serve } from './support.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium.close());

test('Node, ESM and require', async () => {
  const body = 'console.log(JSON.stringify(await check()));';
  const dir = freshProject('node', {
    'check.mjs': checkModule(),
    'esm.mjs': `import { check } from './check.mjs'; ${body}`,
    'cjs.cjs': `(async () => { const { check } = require('./check.mjs'); ${body} })();`,
  });
  for (const file of ['esm.mjs', 'cjs.cjs']) {
    const { stdout, stderr, code } = await runNode([file], { cwd: dir });
    assert.equal(code, 0, stderr);
    assertReport(JSON.parse(stdout));
    // Node 20 says that require of a module is an experiment.
    if (file.endsWith('mjs')) assert.equal(stderr, '');
  }
});

test('no bundler: modules as they are, under a strict policy with files for everything', async () => {
  const site = join(paths.work, 'fresh/plain');
  freshProject('plain', {
    'app.js': show('./check.js'),
    'check.js': checkModule({
      entry: './sphere-pow/slim.js',
      learn: './sphere-pow/learn-slim.js',
      before: "const file = (name) => new URL(`./sphere-pow/${name}`, import.meta.url);",
      more: "wasm: file('verifier.wasm'), worker: file('worker.js')",
      learnMore: "wasm: file('learn.wasm'), worker: file('learn-worker.js')",
    }),
    'index.html': html('<script type="module" src="app.js"></script>'),
    'blocked.js': `
      import { check } from './inlined.js';
      const codes = [];
      await check().catch((e) => codes.push(e.code, e.message));
      document.querySelector('#out').textContent = JSON.stringify(codes);`,
    'inlined.js': checkModule({ entry: './sphere-pow/index.js', learn: false }),
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
    await works(chromium, server.url);
    for (const [name, words] of [['blocked', /worker-src blob:/], ['nowasm', /wasm-unsafe-eval/]]) {
      const { page } = await chromium.open(`${server.url}/${name}.html`);
      await page.waitForFunction(() => document.querySelector('#out').textContent !== '', null, { timeout: 120_000 });
      const [code, message] = JSON.parse(await page.textContent('#out'));
      assert.equal(code, 'E_WASM_LOAD');
      assert.match(message, words);
      await page.close();
    }
  } finally {
    await server.close();
  }
});
