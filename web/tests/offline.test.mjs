// The built page without a network: everything that it shows comes from what the service worker kept.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { WEB, launch, serve, watch } from './site.mjs';

let folder;
let site;
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());
beforeEach(async () => {
  folder = mkdtempSync(join(WEB, 'dist-'));
  cpSync(join(WEB, 'dist'), folder, { recursive: true });
  site = await serve({ '/some/where/': folder.slice(WEB.length) });
});
afterEach(async () => {
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

const ready = (page) => page.evaluate(async () => (await navigator.serviceWorker.ready).scope);

test('a page visited once opens and computes with the network cut and the host gone', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = watch(page, site.origin);
  await page.goto(`${site.origin}/some/where/`);
  assert.equal(await ready(page), `${site.origin}/some/where/`);
  const sizes = () => page.evaluate(async () => {
    const [name] = await caches.keys();
    const cache = await caches.open(name);
    const kept = await Promise.all((await cache.keys()).map(async (request) => [new URL(request.url).pathname, (await (await cache.match(request)).blob()).size]));
    return Object.fromEntries(kept);
  });
  // What is fetched ahead checks proofs. Other engines are kept once they are used, and are most of the build.
  const ahead = await sizes();
  const engines = () => Object.keys(ahead).filter((path) => path.endsWith('.wasm'));
  assert.ok(engines().length === 1 && /verifier-/.test(engines()[0]), engines().join());
  const total = Object.entries(ahead).reduce((sum, [path, size]) => sum + (path.endsWith('.wasm') ? 0 : size), 0);
  assert.ok(total < 700_000, `${total} bytes beside the engine`);
  await page.goto(`${site.origin}/some/where/#/learn`);
  await Promise.all(['gonka', 'exact'].map((profile) => page.locator(`[data-profile="${profile}"] .amount`).waitFor()));
  assert.ok(Object.keys(await sizes()).some((path) => /learn-.*\.wasm$/.test(path)));
  await context.setOffline(true);
  const { origin } = site;
  await site.close();
  site = undefined;

  assert.equal(await page.evaluate(() => crossOriginIsolated), false);
  await page.goto(`${origin}/some/where/#/learn`);
  await page.reload();
  // A visit that comes through the service worker is isolated, so that workers share memory, and works as before.
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  await Promise.all(['gonka', 'exact'].map((profile) => page.locator(`[data-profile="${profile}"] .amount`).waitFor()));
  await page.goto(`${origin}/some/where/`);
  await page.locator('[data-sample="gonka-forged"]').click();
  await page.locator('[data-state="fraud"]').waitFor({ timeout: 60_000 });

  const spec = await context.newPage();
  const answer = await spec.goto(`${origin}/some/where/spec.html#II.8`);
  assert.equal(answer.status(), 200);
  assert.match(await spec.locator(':target').innerText(), /^II\.8 Digest/);
  await spec.goto(`${origin}/some/where/index.html`);
  assert.equal(await spec.locator('#main').count(), 1);
  assert.deepEqual(faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/.test(fault)), []);
  await context.close();
});

test('a new build is seen at the next visit, and once the old pages are closed only its files are kept', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.origin}/some/where/`);
  await ready(page);
  const [old] = await page.evaluate(() => caches.keys());
  writeFileSync(join(folder, 'sw.js'), readFileSync(join(folder, 'sw.js'), 'utf8').replace(/VERSION = "\w+"/, 'VERSION = "next"'));
  writeFileSync(join(folder, 'index.html'), readFileSync(join(folder, 'index.html'), 'utf8').replace('<noscript>', '<p id="new"></p><noscript>'));
  await page.reload();
  assert.equal(await page.locator('#new').count(), 1);
  // The old worker's files stay while a page of it is open; the new one has its own, and waits.
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  assert.deepEqual((await page.evaluate(() => caches.keys())).length, 2);
  await page.close();
  const next = await context.newPage();
  await next.goto(`${site.origin}/some/where/`);
  const left = await next.waitForFunction(async () => {
    const names = await caches.keys();
    return names.length === 1 && names[0];
  });
  assert.match(await left.jsonValue(), /next$/);
  assert.notEqual(await left.jsonValue(), old);
  await context.close();
});

test('a host that lacks one of the files is no worse than one without a service worker', async () => {
  rmSync(join(folder, 'spec.css'));
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.origin}/some/where/`);
  await page.waitForFunction(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return !registration || (!registration.installing && !registration.active);
  });
  assert.equal(await page.locator('#main').count(), 1);
  await page.reload();
  assert.equal(await page.locator('#main').count(), 1);
  await context.close();
});
