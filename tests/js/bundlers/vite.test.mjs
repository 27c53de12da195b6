// Vite, its three living majors: the dev server and builds, with the default entries and with the wasm as an asset.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';
import { browser } from '../support.mjs';
import { checkModule, html, show, works } from '../pages.mjs';
import { project, siteWorks, tools } from './tools.mjs';

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium.close());

const asset = "import url from 'sphere-pow/verifier.wasm?url'; const wasm = new URL(url, location.href);";

for (const version of ['vite', 'vite6', 'vite5']) {
  test(`${version}: dev and build, default and slim`, { timeout: 180_000 }, async () => {
    const { createServer, build } = await import(pathToFileURL(join(tools, 'node_modules', version, 'dist/node/index.js')).href);
    const dir = project(`in-${version}`, {
      'index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': show('./check.js'),
      'check.js': checkModule(),
      'slim.html': html('<script type="module" src="/slim.js"></script>'),
      'slim.js': show('./check-slim.js'),
      'check-slim.js': checkModule({ entry: 'sphere-pow/slim', learn: false, before: asset, more: 'wasm' }),
    });
    const common = { root: dir, logLevel: 'error', configFile: false };
    const server = await createServer({ ...common, server: { port: 0, host: 'localhost' } });
    await server.listen();
    try {
      const [url] = server.resolvedUrls.local;
      await works(chromium, url);
      await works(chromium, `${url}slim.html`, { learn: false });
    } finally {
      await server.close();
    }
    const builds = (outDir, page) => build({ ...common, build: { target: 'es2022', outDir, rollupOptions: { input: join(dir, page) } } });
    await builds('dist', 'index.html');
    await siteWorks(chromium, join(dir, 'dist'), 0);
    await builds('slim', 'slim.html');
    await siteWorks(chromium, join(dir, 'slim'), 1, '/slim.html', { learn: false });
  });
}
