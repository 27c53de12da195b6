// The built page without a network: everything that it shows comes from what the service worker kept.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, serve, watch } from './site.mjs';

let site;
let browser;
before(async () => {
  [site, browser] = await Promise.all([serve({ '/some/where/': 'dist' }), launch()]);
});
after(() => Promise.all([browser?.close(), site?.close()]));

test('a page visited once opens and computes with the network cut and the host gone', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = watch(page, site.origin);
  await page.goto(`${site.origin}/some/where/`);
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  assert.equal(scope, `${site.origin}/some/where/`);
  await context.setOffline(true);
  const { origin } = site;
  await site.close();
  site = undefined;

  await page.goto(`${origin}/some/where/#/learn`);
  await page.reload();
  await page.locator('[data-profile="exact"] .notice').waitFor();
  const kept = await page.evaluate(async () => {
    const [name] = await caches.keys();
    return (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname);
  });
  assert.ok(kept.includes('/some/where/samples/gonka-honest.json') && kept.some((path) => path.endsWith('.wasm')), kept.join());

  const spec = await context.newPage();
  const answer = await spec.goto(`${origin}/some/where/spec.html#II.8`);
  assert.equal(answer.status(), 200);
  assert.match(await spec.locator(':target').innerText(), /^II\.8 Digest/);
  await spec.goto(`${origin}/some/where/index.html`);
  assert.equal(await spec.locator('#main').count(), 1);
  assert.deepEqual(faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/.test(fault)), []);
  await context.close();
});
