// What the tests of "Check a proof" share: the page opened in a context of its own, and its steps.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { WEB, launch, serve, watch } from './site.mjs';

export const NODE = 'https://node3.gonka.ai';
export const sampleText = (name) => readFileSync(join(WEB, `public/samples/${name}.json`), 'utf8');
export const sample = (name) => JSON.parse(sampleText(name));

/** The built site and a browser; `open` uses them. */
export async function setUp(flags) {
  const [site, browser] = await Promise.all([serve({ '/sub/': 'dist' }), launch(flags)]);
  return {
    site,
    browser,
    close: () => Promise.all([browser.close(), site.close()]),
    /** Opens the page in a context of its own; nothing on it may complain, or ask others than `hosts`. */
    async open(use, { path = '', hosts = {}, ...options } = {}) {
      const context = await browser.newContext({ locale: 'en', ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(120_000);
      const faults = watch(page, site.origin);
      for (const [url, answer] of Object.entries(hosts)) await page.route(url, (route) => (typeof answer === 'function' ? answer(route) : answer ? route.fulfill(answer) : route.abort()));
      await page.goto(`${site.origin}/sub/${path}`);
      try {
        await use(page, context);
        const expected = (fault) => Object.keys(hosts).length > 0 && (fault.includes(NODE) || /Failed to load resource|CORS policy/.test(fault));
        assert.deepEqual(faults.filter((fault) => !expected(fault)), []);
      } finally {
        await context.close();
      }
    },
  };
}

export const json = (body, status = 200) => ({ status, body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'access-control-allow-origin': '*', 'content-type': 'application/json' } });
export const start = (page) => page.getByRole('button', { name: 'Recompute', exact: true }).click();
export const another = (page) => page.getByRole('button', { name: 'Check another' }).click();
export const trouble = (page) => page.getByRole('alert').innerText();

/** Beacon and number of steps in the head of openings (SPEC II.12.7). */
export function drawnBy(openings) {
  const at = 44 + openings.readUInt32LE(40);
  return { beacon: openings.subarray(44, at).toString(), samples: openings.readUInt32LE(at) };
}

/** The verdict's name and its headline. */
export async function verdict(page) {
  const section = page.locator('[data-state]');
  // Others share the machine.
  await section.waitFor({ timeout: 120_000 });
  return [await section.getAttribute('data-state'), await page.locator('#verdict-title').innerText()];
}

/** Reads a document typed into the field; it is opened, not checked. */
export async function type(page, document) {
  await page.getByLabel('Proof as JSON').fill(typeof document === 'string' ? document : JSON.stringify(document));
  await page.getByRole('button', { name: 'Read this' }).click();
}

export const opened = (page) => page.locator('#proof-title').waitFor();

/** Opens a fold of the result, where it is closed. */
export async function unfold(page, name) {
  const fold = page.locator(`[data-fold="${name}"]`);
  if (!(await fold.evaluate((node) => node.open))) await fold.locator('> summary').click();
  await fold.locator('> .folded').waitFor();
  return fold;
}

export async function setSample(page, n) {
  await page.getByLabel(/Nonces to recompute/).fill(String(n));
  await page.getByLabel(/Nonces to recompute/).blur();
}

/** A link of the first kind, as older pages made them and as anyone may write one. */
export const oldLink = (shared) => `#/check?p=1.${deflateRawSync(JSON.stringify(shared)).toString('base64url')}`;
/** A link as pages make them now. */
export const link = (shared) => `#/check?p=2.${deflateRawSync(JSON.stringify(shared)).toString('base64url')}`;

/** As the chain gives a stage: one batch a host. */
export const stageOf = (...hosts) => ({
  poc_batch: hosts.map(({ participant, key, height, nonces, dist }) => ({
    participant, pub_key: key, hex_pub_key: key,
    poc_batch: [{ participant_address: participant, poc_stage_start_block_height: String(height), nonces: nonces.map(String), dist, batch_id: 'b' }],
  })),
});

/** A first visit, and the paths that it asks for. Without the service worker, which fetches the page's own files ahead for a later one. */
export async function firstVisit(context, site) {
  const seen = [];
  const fresh = await context.newPage();
  fresh.on('request', (request) => seen.push(new URL(request.url()).pathname));
  await fresh.addInitScript(() => Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined }));
  await fresh.goto(`${site.origin}/sub/`);
  await fresh.locator('[data-sample]').first().waitFor();
  return { fresh, seen };
}

/** The files that the service worker fetches ahead. */
export const fetchedAhead = () => /const FILES = (.*);/.exec(readFileSync(join(WEB, 'dist/sw.js'), 'utf8'))[1];
