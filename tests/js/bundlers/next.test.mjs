// Next, with both of its bundlers: pages rendered on the server, computing in the browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, serve } from '../support.mjs';
import { checkModule, wasmFiles, works } from '../pages.mjs';
import { project, tools } from './tools.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium.close());

const page = (module) => `'use client';
  import { useEffect, useState } from 'react';
  import { check } from '${module}';
  export default function Page() {
    const [out, setOut] = useState('');
    useEffect(() => {
      check().then((report) => setOut(JSON.stringify(report)));
    }, []);
    return <output id="out">{out}</output>;
  }`;
const asset = "const wasm = new URL('sphere-pow/verifier.wasm', import.meta.url);";

for (const bundler of ['webpack', 'turbopack']) {
  test(`Next with ${bundler}: default and slim`, { timeout: 300_000 }, async () => {
    const dir = project(`in-next-${bundler}`, {
      'app/layout.jsx': 'export default function Layout({ children }) { return <html lang="en"><head><link rel="icon" href="data:," /></head><body>{children}</body></html>; }',
      'app/page.jsx': page('../check'),
      'app/slim/page.jsx': page('../../check-slim'),
      'check.js': checkModule(),
      'check-slim.js': checkModule({ entry: 'sphere-pow/slim', learn: false, before: asset, more: 'wasm: new URL(wasm, location.href)' }),
      'next.config.mjs': `export default { output: 'export', trailingSlash: true, turbopack: { root: ${JSON.stringify(tools)} } };`,
    });
    const command = [join(tools, 'node_modules/next/dist/bin/next'), 'build', `--${bundler}`];
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
    execFileSync(process.execPath, command, { cwd: dir, stdio: 'pipe', env });
    const out = join(dir, 'out');
    assert.match(readFileSync(join(out, 'index.html'), 'utf8'), /<output id="out">/, 'rendered on the server');
    assert.equal(wasmFiles(out).length, 1, `${wasmFiles(out)}`);
    const site = await serve(out);
    try {
      const fetched = async (path, options) => (await works(chromium, `${site.url}${path}`, options)).filter((url) => url.endsWith('.wasm')).length;
      assert.equal(await fetched('/'), 0);
      assert.equal(await fetched('/slim/', { learn: false }), 1);
    } finally {
      await site.close();
    }
  });
}
