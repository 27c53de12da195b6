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
  page.setDefaultTimeout(120_000);
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
  'gonka-honest': { verdict: 'honest', bad: 0, hint: /hold\.\s*$/ },
  'gonka-forged': { verdict: 'fraud', bad: 16, hint: /more than honest hardware/ },
  'gonka-wrong-hash': { verdict: 'fraud', bad: 62, hint: /Not one of 64 nonces agrees: another block hash/ },
  'exact-honest': { verdict: 'honest', bad: 0, hint: /hold\.\s*$/ },
  'exact-forged': { verdict: 'fraud', bad: 8, hint: /Nonce 0 does not win/ },
  'exact-wrong-hash': { verdict: 'fraud', bad: 64, hint: /Not one of 64 nonces agrees/ },
};

for (const [name, { verdict, bad, hint }] of Object.entries(SAMPLES)) {
  test(`${name} is ${verdict}, in words and as events`, () =>
    embed({ src: `../samples/${name}.json` }, async (element, page) => {
      const button = element.getByRole('button');
      assert.equal(await button.innerText(), 'Check it here');
      await button.click();
      const words = element.getByRole('status');
      await words.locator('.state').waitFor();
      const claims = JSON.parse(readFileSync(join(WEB, `public/samples/${name}.json`), 'utf8')).nonces;
      const text = await words.innerText();
      const isNothing = name.endsWith('wrong-hash');
      assert.match(text, verdict === 'honest' ? /^Honest/ : isNothing ? /^No claim agrees/ : /^Fraud/);
      assert.ok(isNothing || text.includes(bad === 0 ? `All ${claims.length} nonces` : `${bad} of ${claims.length} nonces`), text);
      assert.match(text, hint);
      const events = await page.evaluate(() => window.events);
      const { detail } = events.pop();
      assert.equal(detail.verdict, verdict);
      assert.equal(detail.submissions[0].results.length, claims.length);
      assert.equal(detail.submissions[0].results.filter((result) => !result.valid).length, bad);
      assert.ok(events.length > 0 && events.every(({ type }) => type === 'progress'), 'progress');
      const fractions = events.map((event) => event.detail.fraction);
      assert.deepEqual(fractions, [...fractions].sort((a, b) => a - b));
      assert.equal(await button.innerText(), 'Check again');
    }));
}

test('attributes say what the page expects: another block is not judged; the property comes before src', () =>
  embed({ src: '../samples/exact-honest.json', 'block-hash': 'AB'.repeat(32) }, async (element, page) => {
    await element.getByRole('button').click();
    await page.waitForFunction(() => window.events.some(({ type }) => type === 'verdict'));
    const { verdict: refused, unjudged } = await page.evaluate(() => window.events.at(-1).detail);
    assert.deepEqual([refused, unjudged.map(({ code }) => code)], ['refused', ['wrong-block']]);
    assert.match(await element.getByRole('status').innerText(), /Nothing could be judged/);
    const verdict = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      node.removeAttribute('block-hash');
      node.proof = await (await fetch('../samples/exact-forged.json')).json();
      node.setAttribute('sample', '64');
      return (await node.check()).verdict;
    });
    assert.equal(verdict, 'fraud');
    const sampled = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      node.proof = undefined;
      node.setAttribute('sample', '5');
      const { verdict, submissions } = await node.check();
      return [verdict, submissions[0].nChecked, node.report.verdict];
    });
    assert.deepEqual(sampled, ['inconclusive', 5, 'inconclusive']);
  }));

test('a radius that the document names is unconfirmed until the page sets it', () =>
  embed({}, async (element, page) => {
    const verdicts = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      node.proof = { ...(await (await fetch('../samples/gonka-honest.json')).json()), r_target: 1.45 };
      const found = [(await node.check()).verdict, node.shadowRoot.querySelector('[role=status]').textContent];
      node.setAttribute('r-target', '1.4013564660458173');
      return [...found, (await node.check()).verdict];
    });
    assert.deepEqual([verdicts[0], verdicts[2]], ['unconfirmed', 'honest']);
    assert.match(verdicts[1], /Unconfirmed[^]*Only the document vouches for: the radius/);
    assert.deepEqual(await audit(page), []);
  }));

test('a document of several proofs: the gravest decides, each can be opened, odd parts are named', () =>
  embed({}, async (element, page) => {
    const found = await page.evaluate(async () => {
      const sample = async (name) => (await fetch(`../samples/${name}.json`)).json();
      const [honest, forged] = [await sample('gonka-honest'), await sample('gonka-forged')];
      const batch = ({ nonces, dist }, participant, key) => ({
        participant, pub_key: '', hex_pub_key: key,
        poc_batch: [{ participant_address: participant, poc_stage_start_block_height: 1298640, nonces: nonces.slice(0, 8), dist: dist.slice(0, 8), batch_id: 'b' }],
      });
      const node = document.querySelector('sphere-pow-proof');
      const other = honest.public_key.replace(/^02/, '03');
      node.proof = { poc_batch: [batch(honest, 'gonka1good', honest.public_key), batch(forged, 'gonka1bad', other), batch({ nonces: [-1], dist: [1.4] }, 'gonka1odd', honest.public_key)] };
      node.setAttribute('params', JSON.stringify(honest.params));
      node.setAttribute('block-hash', honest.block_hash);
      const { verdict, submissions, unjudged } = await node.check();
      return { verdict, verdicts: submissions.map((one) => one.verdict), odd: unjudged.map(({ participant }) => participant), fractions: window.events.filter(({ type }) => type === 'progress').map(({ detail }) => detail.fraction) };
    });
    assert.deepEqual([found.verdict, found.verdicts, found.odd], ['fraud', ['honest', 'fraud'], ['gonka1odd']]);
    assert.deepEqual(found.fractions, [...found.fractions].sort((a, b) => a - b));
    assert.match(await element.getByRole('status').innerText(), /3 proofs: Fraud: 1, Honest: 1, not judged: 1/);
    const first = element.locator('.reports > details').first();
    await first.locator('> summary').click();
    assert.match(await first.innerText(), /^No claim agrees[^]*gonka1bad/);
    assert.match(await element.locator('[part=unjudged]').innerText(), /gonka1odd/);
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
      return { found, after: (await node.check()).verdict };
    });
    assert.deepEqual(outcomes.found.map(([verdict, type, code]) => [verdict, type, code]), [
      [null, 'failure', 'NoProof'],
      [null, 'failure', 'E_FORMAT'],
      [null, 'failure', 'MissingContext'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'Unreachable'],
      [null, 'failure', 'E_FORMAT'],
      [null, 'failure', 'E_FORMAT'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'E_RANGE'],
    ]);
    assert.ok(outcomes.found.every(([, , , text]) => text.startsWith('It could not be checked')), JSON.stringify(outcomes.found));
    assert.match(outcomes.found[2][3], /params, block-hash/);
    assert.equal(outcomes.after, 'honest');
  }));

test('limits that the page sets: of bytes, whatever the server says, and of time; else what was checked on, and how fast', () =>
  embed({ src: '../samples/gonka-honest.json' }, async (element, page) => {
    const outcomes = await page.evaluate(async () => {
      const node = document.querySelector('sphere-pow-proof');
      const found = [];
      for (const [name, value] of [['max-bytes', '100'], ['max-bytes', '-1'], ['timeout', '0.01'], ['timeout', 'soon'], ['timeout', '1e9']]) {
        window.events.length = 0;
        node.setAttribute(name, value);
        const report = await node.check();
        node.removeAttribute(name);
        const { type, detail } = window.events.at(-1);
        found.push([report?.verdict ?? null, type, detail.code ?? detail.name ?? null]);
      }
      return found;
    });
    assert.deepEqual(outcomes, [
      [null, 'failure', 'TooLarge'],
      [null, 'failure', 'E_RANGE'],
      [null, 'failure', 'TimedOut'],
      [null, 'failure', 'E_RANGE'],
      ['honest', 'verdict', null],
    ]);
    assert.match(await element.locator('[part=rate]').innerText(), /^[\d.,]+ nonces a second, \S/);
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
      return [verdict, (await node.check()).verdict, window.events.filter(({ type }) => type !== 'progress').length];
    });
    assert.deepEqual(left, [null, 'honest', 1]);
  }));

test('auto checks at once; languages follow the page; keyboard alone is enough', () =>
  embed({ src: '../samples/exact-honest.json', auto: '', lang: 'zh-Hans' }, async (element, page) => {
    await element.getByText('诚实', { exact: true }).waitFor();
    await page.evaluate(() => document.querySelector('sphere-pow-proof').setAttribute('lang', 'ru'));
    await element.getByText('Честно', { exact: true }).first().waitFor();
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
  await page.locator('#state', { hasText: /^honest$/ }).waitFor();
  assert.match(await page.locator('sphere-pow-proof').getByRole('status').innerText(), /All 16 nonces/);
  assert.deepEqual(faults, []);
  await page.close();
});
