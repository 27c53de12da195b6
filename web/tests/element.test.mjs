// <sphere-pow-proof> as others embed it: the built files on a page with a strict policy, and in a React 18 page.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WEB, launch, serve, watch } from './site.mjs';
import { audit } from './axe.mjs';

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'";
const HOST = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>host</title>
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<script type="module" src="../element/sphere-pow-proof.js"></script></head>
<body><main><h1>Host</h1></main></body></html>`;

let site;
let browser;
let folder;
before(async () => {
  folder = mkdtempSync(join(WEB, 'dist/host-'));
  writeFileSync(join(folder, 'index.html'), HOST);
  const host = folder.slice(WEB.length);
  [site, browser] = await Promise.all([
    serve({ '/host/': host, '/element/': 'dist/element', '/samples/': 'public/samples', '/react/': 'examples/react/dist' }),
    launch(),
  ]);
});
after(async () => {
  await Promise.all([browser?.close(), site?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** A page with one element; `use(element, page)` gets it. */
async function embed(attributes, use, options = {}) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(15_000);
  const faults = watch(page, site.origin);
  await page.goto(`${site.origin}/host/`);
  await page.evaluate((given) => {
    const element = document.createElement('sphere-pow-proof');
    window.events = [];
    for (const type of ['progress', 'verdict', 'failure']) {
      element.addEventListener(type, ({ detail }) => {
        window.events.push({ type, detail: detail instanceof Error ? { name: detail.name, code: detail.code, message: detail.message } : detail });
      });
    }
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
    document.querySelector('main').append(element);
  }, attributes);
  try {
    await use(page.locator('sphere-pow-proof'), page);
    assert.deepEqual(faults.filter((fault) => !fault.includes('404')), []);
  } finally {
    await page.close();
  }
}

const SAMPLES = {
  'gonka-honest': { state: 'valid', bad: 0, hint: /hold\.\s*$/ },
  'gonka-forged': { state: 'invalid', bad: 16, hint: /more than honest hardware/ },
  'gonka-wrong-hash': { state: 'invalid', bad: 62, hint: /another block hash/ },
  'exact-honest': { state: 'valid', bad: 0, hint: /hold\.\s*$/ },
  'exact-forged': { state: 'invalid', bad: 8, hint: /Nonce 0 does not win/ },
  'exact-wrong-hash': { state: 'invalid', bad: 64, hint: /digest of nonce \d+ is not/ },
};

for (const [name, { state, bad, hint }] of Object.entries(SAMPLES)) {
  test(`${name} is ${state}, in words and as events`, () =>
    embed({ src: `../samples/${name}.json` }, async (element, page) => {
      const button = element.getByRole('button');
      assert.equal(await button.innerText(), 'Check it here');
      await button.click();
      const words = element.getByRole('status');
      await words.locator('.state').waitFor();
      const claims = JSON.parse(readFileSync(join(WEB, `public/samples/${name}.json`), 'utf8')).nonces;
      const text = await words.innerText();
      assert.match(text, state === 'valid' ? /^Valid/ : /^Invalid/);
      assert.ok(text.includes(bad === 0 ? `All ${claims.length} nonces` : `${bad} of ${claims.length} nonces`), text);
      assert.match(text, hint);
      const events = await page.evaluate(() => window.events);
      const { detail } = events.pop();
      assert.equal(detail.state, state);
      assert.equal(detail.reports[0].results.length, claims.length);
      assert.equal(detail.reports[0].results.filter((result) => !result.valid).length, bad);
      assert.ok(events.length > 0 && events.every(({ type }) => type === 'progress'), 'progress');
      const fractions = events.map((event) => event.detail.fraction);
      assert.deepEqual(fractions, [...fractions].sort((a, b) => a - b));
      assert.equal(await button.innerText(), 'Check again');
    }));
}

test('attributes come before what the proof says, and the property before src', () =>
  embed({ src: '../samples/exact-honest.json', 'block-hash': 'AB'.repeat(32) }, async (element, page) => {
    await element.getByRole('button').click();
    await page.waitForFunction(() => window.events.length > 0);
    assert.deepEqual(await page.evaluate(() => window.events.map(({ type, detail }) => [type, detail.code])), [['failure', 'E_BLOCK_HASH']]);
    const verdict = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      node.removeAttribute('block-hash');
      node.proof = await (await fetch('../samples/exact-forged.json')).json();
      node.setAttribute('sample', '64');
      return (await node.check()).state;
    });
    assert.equal(verdict, 'invalid');
    const sampled = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      node.proof = undefined;
      node.setAttribute('sample', '5');
      const { state, reports } = await node.check();
      return [state, reports[0].nChecked, node.verdict.state];
    });
    assert.deepEqual(sampled, ['inconclusive', 5, 'inconclusive']);
  }));

test('a document of several proofs: the worst decides, each can be opened', () =>
  embed({}, async (element, page) => {
    const found = await page.evaluate(async () => {
      const sample = async (name) => (await fetch(`../samples/${name}.json`)).json();
      const [honest, forged] = [await sample('gonka-honest'), await sample('gonka-forged')];
      const batch = ({ nonces, dist }, key) => ({
        participant: 'gonka1sample', pub_key: '', hex_pub_key: key,
        poc_batch: [{ participant_address: 'gonka1sample', poc_stage_start_block_height: 1298640, nonces: nonces.slice(0, 8), dist: dist.slice(0, 8), batch_id: 'b' }],
      });
      const node = document.querySelector('sphere-pow-proof');
      node.proof = { poc_batch: [batch(honest, honest.public_key), batch(forged, honest.public_key), batch(honest, honest.public_key)] };
      node.setAttribute('params', JSON.stringify(honest.params));
      node.setAttribute('block-hash', honest.block_hash);
      const { state, reports } = await node.check();
      return { state, states: reports.map((report) => report.state), fractions: window.events.filter(({ type }) => type === 'progress').map(({ detail }) => detail.fraction) };
    });
    assert.deepEqual([found.state, found.states], ['invalid', ['valid', 'invalid', 'valid']]);
    assert.deepEqual(found.fractions, [...found.fractions].sort((a, b) => a - b));
    assert.match(await element.getByRole('status').innerText(), /3 proofs: 2 valid, 1 invalid, 0 inconclusive/);
    const first = element.locator('.reports > details').first();
    await first.locator('> summary').click();
    assert.match(await first.innerText(), /^Invalid[^]*7 of 8 nonces checked are false/);
    assert.deepEqual(await audit(page), []);
  }));

test('what is missing, unreadable or unreachable is said, and the element goes on', () =>
  embed({}, async (element, page) => {
    const outcomes = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      const changes = [
        () => {},
        () => (node.proof = '{"nonces":['),
        () => (node.proof = { nonces: ['1'], dist: [1.39], public_key: '02ab' }),
        () => (node.proof = { nonces: [-1], dist: [1.39], public_key: '02ab', block_hash: 'AB' }),
        () => ((node.proof = undefined), node.setAttribute('src', 'missing.json')),
        () => ((node.proof = undefined), node.setAttribute('src', './')),
        () => (node.setAttribute('src', '../samples/gonka-honest.json'), node.setAttribute('params', '{"dim":')),
        () => (node.setAttribute('params', 'nonsense')),
        () => (node.removeAttribute('params'), node.setAttribute('concurrency', 'many')),
        () => (node.removeAttribute('concurrency'), node.setAttribute('sample', '-1')),
        () => (node.removeAttribute('sample'), node.setAttribute('r-target', '3')),
      ];
      const found = [];
      for (const change of changes) {
        window.events.length = 0;
        change();
        const verdict = await node.check();
        const { type, detail } = window.events.at(-1) ?? {};
        found.push([verdict, type, detail?.code ?? detail?.name, node.shadowRoot.querySelector('[role=status]').textContent]);
      }
      node.removeAttribute('r-target');
      node.setAttribute('concurrency', '2');
      return { found, after: (await node.check()).state };
    });
    assert.deepEqual(outcomes.found.map(([verdict, type, code]) => [verdict, type, code]), [
      [null, 'failure', 'NoProof'],
      [null, 'failure', 'E_FORMAT'],
      [null, 'failure', 'MissingContext'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'Unreachable'],
      [null, 'failure', 'E_FORMAT'],
      [null, 'failure', 'E_FORMAT'],
      [null, 'failure', 'E_PROFILE_UNKNOWN'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'E_RANGE'],
    ]);
    assert.ok(outcomes.found.every(([, , , text]) => text.startsWith('It could not be checked')), JSON.stringify(outcomes.found));
    assert.match(outcomes.found[2][3], /params, block-hash/);
    assert.equal(outcomes.after, 'valid');
  }));

test('a check can be cancelled, taken away and started again', () =>
  embed({ src: '../samples/gonka-honest.json' }, async (element, page) => {
    await element.getByRole('button').click();
    await element.getByRole('button', { name: 'Cancel' }).click();
    await element.getByText('Cancelled.').waitFor();
    const left = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      const running = node.check();
      node.remove();
      const verdict = await running;
      document.querySelector('main').append(node);
      node.setAttribute('src', '../samples/exact-honest.json');
      return [verdict, (await node.check()).state, window.events.filter(({ type }) => type !== 'progress').length];
    });
    assert.deepEqual(left, [null, 'valid', 1]);
  }));

test('auto checks at once; languages follow the page; keyboard alone is enough', () =>
  embed({ src: '../samples/exact-honest.json', auto: '', lang: 'zh-Hans' }, async (element, page) => {
    await element.getByText('有效').waitFor();
    await page.evaluate(() => document.querySelector('sphere-pow-proof').setAttribute('lang', 'ru'));
    await element.getByText('Верно', { exact: true }).first().waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await element.evaluate((node) => node.shadowRoot.activeElement.localName), 'button');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await element.locator('details').evaluate((node) => node.open), true);
    assert.equal(await element.locator('tbody tr').count(), 64);
  }));

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in ${colorScheme}, idle, done and failed`, () =>
    embed({ src: '../samples/exact-forged.json' }, async (element, page) => {
      assert.deepEqual(await audit(page), []);
      await page.evaluate(() => document.querySelector('sphere-pow-proof').check());
      await element.locator('details').evaluate((node) => (node.open = true));
      assert.deepEqual(await audit(page), []);
      await page.evaluate(() => document.querySelector('sphere-pow-proof').setAttribute('src', 'missing.json'));
      await page.evaluate(() => document.querySelector('sphere-pow-proof').check());
      await element.getByText('It could not be checked').waitFor();
      assert.deepEqual(await audit(page), []);
    }, { colorScheme }));
}

test('importing it without a DOM does nothing', () => {
  const script = `await import(${JSON.stringify(join(WEB, 'dist/element/sphere-pow-proof.js'))}); console.log('imported')`;
  assert.equal(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }), 'imported\n');
});

test('the React 18 example, built by Vite 5, checks a transaction under a strict policy', async () => {
  const react = join(WEB, 'examples/react');
  if (!existsSync(join(react, 'node_modules/react'))) execFileSync('npm', ['ci'], { cwd: react, stdio: 'ignore' });
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: react, stdio: 'pipe' });
  const page = await browser.newPage();
  const faults = watch(page, site.origin);
  await page.goto(`${site.origin}/react/`);
  assert.equal(await page.locator('#state').innerText(), 'not yet');
  await page.getByRole('button', { name: 'Check it here' }).click();
  await page.locator('#state', { hasText: /^valid$/ }).waitFor();
  assert.match(await page.locator('sphere-pow-proof').getByRole('status').innerText(), /All 16 nonces/);
  assert.deepEqual(faults, []);
  await page.close();
});
