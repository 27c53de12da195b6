// The walk through a nonce's making: what is shown is what the vectors say, in a worker, under the page's policy.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { audit } from './axe.mjs';
import { WEB, launch, serve, watch } from './site.mjs';

const read = (name) => readFileSync(join(WEB, '..', name), 'utf8');
const gonka = JSON.parse(read('tests/vectors/gonka_devtest.json'));
const exact = JSON.parse(read('tests/vectors/exact_forward.json')).cases.find(({ name }) => name === 'nano');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

let site;
let browser;
before(async () => {
  [site, browser] = await Promise.all([serve({ '/sub/': 'dist' }), launch()]);
});
after(() => Promise.all([browser?.close(), site?.close()]));

/** The learn page, with its form filled in. */
async function open({ model, nonce, blockHash, publicKey }, options = {}) {
  const context = await browser.newContext({ locale: 'en', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const faults = watch(page, site.origin);
  await page.goto(`${site.origin}/sub/#/learn`);
  await page.getByLabel('Model').selectOption(model);
  await page.getByLabel('Nonce', { exact: true }).fill(String(nonce));
  await page.getByLabel('Block hash').fill(blockHash);
  await page.getByLabel('Public key').fill(publicKey);
  await page.getByRole('button', { name: 'Show it' }).click();
  const steps = page.locator('.walk-steps');
  return {
    page,
    faults,
    steps,
    step: (name) => page.locator(`[data-step="${name}"]`),
    /** The value beside a name within a step. */
    value: (name, label, index = 0) =>
      page.locator(`[data-step="${name}"] dt`, { hasText: new RegExp(`^${label}`) }).nth(index).locator('xpath=../dd').innerText(),
    close: async () => {
      assert.deepEqual(faults, []);
      await context.close();
    },
  };
}

const numbers = (text) => text.split('…')[0].trim().split(/\s+/).map(Number);
const plain = (text) => text.replaceAll(',', '');

/** Steps in their order, and that each links to a section that there is. */
async function sections({ page, steps }) {
  await steps.waitFor();
  const found = await steps.locator('> li').evaluateAll((items) => items.map((item) => [item.dataset.step, item.querySelector('a').getAttribute('href')]));
  const context = page.context();
  const spec = await context.newPage();
  for (const href of new Set(found.map(([, link]) => link))) {
    await spec.goto(new URL(href, page.url()).href);
    assert.equal(await spec.locator(':target').count(), 1, href);
  }
  await spec.close();
  return found.map(([name, link]) => `${name} ${link.split('#')[1]}`);
}

test('gonka: each step, its rule, and values that are those of the vectors', async () => {
  const at = await open({ model: 'gonka dev-test', nonce: 0, blockHash: gonka.block_hash, publicKey: gonka.public_key });
  assert.deepEqual(await sections(at), [
    'seeds I.2', 'generators I.1', 'pool I.3', 'tensors I.3', 'input I.2', 'forward I.4', 'logits I.4', 'permutation I.2', 'target I.2', 'output I.5',
    'distance I.5', 'verdict I.5',
  ]);
  const { value, step } = at;
  const seed = `${gonka.block_hash}_${gonka.public_key}_nonce0`;
  assert.equal(await value('seeds', 'Input'), seed);
  assert.equal(await value('seeds', 'Permutation'), `${gonka.block_hash}_${gonka.public_key}_nonce_0_permutations`);
  assert.equal(await value('seeds', 'Target'), `${gonka.block_hash}_target`);
  const input = step('generators').locator('details', { hasText: 'Input' }).first();
  const shown = await input.innerText();
  const hashes = [0, 1, 2, 3].map((i) => sha256(`${seed}_${i}`));
  for (const hash of hashes) assert.ok(shown.includes(hash), hash);
  const entropy = hashes.flatMap((hash) => [0, 1, 2, 3, 4, 5, 6, 7].map((w) => Buffer.from(hash, 'hex').readUInt32LE(4 * w)));
  assert.ok(shown.replace(/\s+/g, ' ').includes(entropy.join(' ')), 'entropy');
  assert.match(plain(await step('tensors').locator('p').innerText()), new RegExp(`\\b${gonka.total_params} parameters`));
  numbers(await value('logits', 'First')).forEach((logit, i) => {
    assert.ok(Math.abs(logit - gonka.logits_nonce0_first16[i]) < 1e-4, `logit ${i}: ${logit}`);
  });
  const target = gonka.target_first4_f64_be.map((hex) => Buffer.from(hex, 'hex').readDoubleBE());
  assert.deepEqual(numbers(await value('target', 'First')).slice(0, 4), target.map((x) => Number(x.toPrecision(5))));
  const distance = Number(await step('distance').locator('.walk-result').innerText());
  assert.ok(Math.abs(distance - gonka.dist[0]) < 2e-5, `${distance} is not ${gonka.dist[0]}`);
  assert.equal(await value('verdict', 'Wins below'), '1.4013564660458173');
  assert.equal(await step('verdict').locator('.notice').innerText(), 'The nonce does not win.');
  assert.equal(await at.steps.locator('canvas').count(), 3);
  await at.close();
});

for (const wins of [true, false]) {
  test(`exact: each step, its rule, and values that are those of the vectors, for a nonce that ${wins ? 'wins' : 'loses'}`, async () => {
    const known = exact.nonces.find(({ won }) => won === wins);
    const at = await open({ model: 'exact nano', nonce: known.nonce, blockHash: exact.block_hash, publicKey: exact.public_key });
    assert.deepEqual(await sections(at), ['keys II.3', 'weights II.5', 'input II.5', 'forward II.7', 'logits II.7', 'digest II.8', 'target II.8', 'verdict II.8']);
    const { value, step } = at;
    assert.equal(await step('digest').locator('.walk-result').innerText(), known.digest);
    const verdict = await Promise.all(['Dot', 'Logits squared', 'Target squared', 'Left', 'Right'].map((label) => value('verdict', label)));
    const [dot, logits, target] = [known.dot, known.logits_squared, known.target_squared].map(BigInt);
    const right = BigInt(exact.params.threshold) * target * logits;
    assert.deepEqual(verdict.map(plain), [dot, logits, target, dot * dot * 2n ** 32n, right].map(String));
    assert.equal(await step('verdict').locator('.notice').innerText(), wins ? 'The nonce wins.' : 'The nonce does not win.');
    if (known.nonce === '0') assert.deepEqual(numbers(await value('logits', 'First')).slice(0, 8), exact.first8_logits);
    // A key is the hash of the bytes shown, whose fields are taken apart.
    const details = step('keys').locator('details').nth(1);
    await details.locator('summary').click();
    const bytes = (await details.locator('dd code').allInnerTexts()).join('');
    assert.equal(sha256(Buffer.from(bytes, 'hex')), await value('keys', 'Key: Input'));
    const words = await details.locator('dd .quiet').allInnerTexts();
    assert.deepEqual(words.map((word) => word.trim()), [
      'sphere-pow exact', '2', '2', ...Object.values(exact.params).map(String), exact.block_hash, exact.public_key,
    ]);
    await at.close();
  });
}

test('a wrong nonce, hash or key is said in place; a large model can be cancelled and started again', async () => {
  const at = await open({ model: 'exact nano', nonce: 3, blockHash: exact.block_hash, publicKey: exact.public_key });
  await at.steps.waitFor();
  const { page } = at;
  const show = page.getByRole('button', { name: 'Show it' });
  for (const [label, wrong, right] of [['Nonce', '9223372036854775808', '9223372036854775807'], ['Nonce', '-1', '7'], ['Block hash', '', 'ab'], ['Public key', 'é', 'ab']]) {
    const field = page.getByLabel(label, { exact: true });
    await field.fill(wrong);
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.equal(await show.isDisabled(), true);
    await field.fill(right);
    assert.equal(await show.isDisabled(), false);
  }
  await page.getByLabel('Model').selectOption('gonka testnet');
  await show.click();
  await page.locator('.walk').getByRole('button', { name: 'Cancel' }).click();
  await page.locator('.walk').getByText('Cancelled.').waitFor();
  await page.getByLabel('Model').selectOption('exact nano');
  await show.click();
  await at.steps.waitFor();
  assert.equal(await at.step('keys').count(), 1);
  await at.close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing on the walk in ${colorScheme}`, async () => {
    const at = await open({ model: 'gonka dev-test', nonce: 0, blockHash: gonka.block_hash, publicKey: gonka.public_key }, { colorScheme });
    await at.steps.waitFor();
    await at.page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    assert.deepEqual(await audit(at.page), []);
    const spec = await at.page.context().newPage();
    await spec.goto(`${site.origin}/sub/spec.html`);
    assert.deepEqual(await audit(spec), []);
    await at.close();
  });
}

test('the specification beside the page is SPEC.md, each section with one anchor', async () => {
  const page = await browser.newPage();
  await page.goto(`${site.origin}/sub/spec.html`);
  const ids = await page.locator('[id]').evaluateAll((nodes) => nodes.map((node) => node.id));
  assert.equal(new Set(ids).size, ids.length);
  const numbered = [...read('SPEC.md').matchAll(/^#{2,3} (I{1,2}(?:\.\d+)+) /gm)].map(([, name]) => name);
  assert.ok(numbered.length > 20);
  for (const name of numbered) assert.ok(ids.includes(name), name);
  const links = await page.locator('a[href^="#"]').evaluateAll((nodes) => nodes.map((node) => node.getAttribute('href').slice(1)));
  for (const name of links) assert.ok(ids.includes(name), `a link to ${name}`);
  await page.close();
});
