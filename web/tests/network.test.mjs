// "The network": an epoch's windows by height, a simulation with cheaters, weights of both kinds.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { close, epoch, simulate } from 'sphere-pow/network';
import { audit } from './axe.mjs';
import { fetchedAhead, firstVisit, setUp, stageOf } from './page.mjs';

let use;
before(async () => {
  use = await setUp();
});
after(async () => {
  await close();
  await use?.close();
});
const open = (work, options) => use.open(work, { path: '#/network', ...options });
const now = (page) => page.locator('tr[aria-current]').innerText();
const cells = (page, name) => page.getByRole('region', { name }).locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].map(({ textContent }) => textContent.replaceAll(/[⁨⁩]/g, '').trim())));
const shot = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `network-${name}.png`), fullPage: true });

test('a height is found in its epoch, by each set of parameters', async () => {
  await open(async (page) => {
    await page.getByText('Epoch 2: Mining').waitFor();
    const { stages } = await epoch({ params: 'mainnet', height: 17_600 });
    const [mining] = await cells(page, 'Window');
    assert.deepEqual(mining.slice(0, 3), ['Mining', stages.start, stages.generationEnd - 1].map((value) => (typeof value === 'number' ? value.toLocaleString('en') : value)));
    const height = page.getByLabel('Block height');
    for (const [at, window] of [[stages.generationEnd, 'Exchange'], [stages.validationStart, 'Validation'], [stages.weightsComputed, 'Settlement'], [stages.newValidators, 'Inference'], [stages.nextStart - 1, 'Inference']]) {
      await height.fill(String(at));
      await page.locator('tr[aria-current]', { hasText: window }).waitFor();
      assert.match(await now(page), new RegExp(`^\\s*${window}`));
    }
    await height.fill(String(stages.nextStart));
    await page.getByText('Epoch 3: Mining').waitFor();
    await page.getByLabel('Parameters').selectOption('testermint');
    await height.fill('3');
    await page.getByText('Epoch 0 has no proof of work.').waitFor();
    await height.fill('seven');
    assert.match(await page.getByRole('alert').innerText(), /seven/);
    await height.fill('101');
    await page.getByText('Epoch 2: Mining').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
  });
});

for (const [name, viewport] of [['a desk', undefined], ['a phone', { width: 390, height: 844 }]]) {
  test(`cheaters are simulated to what the package gives, and their weights tabulated, on ${name}`, async () => {
    await open(async (page) => {
      await page.getByLabel('Hosts', { exact: true }).fill('120');
      await page.getByLabel('Epochs', { exact: true }).fill('12');
      await page.getByLabel('What they do').selectOption('skipMuch');
      await page.getByRole('button', { name: 'Simulate' }).click();
      await page.locator('[data-told]').waitFor();
      const told = await page.locator('[data-told]').innerText();
      const want = await simulate({ hosts: 120, epochs: 12, seed: 1, groups: [{ name: 'cheaters', share: 100, strategy: { work: { skip: 500 } } }] });
      assert.ok(told.includes(want.hash), told);
      assert.match(told, /Of the cheaters’ claims 9\d(\.\d)?% were rejected|Of the cheaters’ claims 100% were rejected/);
      const rows = await cells(page, 'Weights, and who checks whom');
      assert.equal(rows.length, want.hosts.length);
      assert.ok(rows.every(([host]) => /^(honest|cheaters) \d+$/.test(host)), rows[0].join());
      await audit(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      await shot(page, viewport ? 'phone' : 'desk');
    }, viewport ? { viewport } : {});
  });
}

test('a long simulation stops', async () => {
  await open(async (page) => {
    await page.getByLabel('Hosts', { exact: true }).fill('20000');
    await page.getByLabel('Epochs', { exact: true }).fill('1000');
    await page.getByRole('button', { name: 'Simulate' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('progressbar').waitFor({ state: 'detached' });
    assert.equal(await page.locator('[data-told]').count(), 0);
    // And the next one runs.
    await page.getByLabel('Hosts', { exact: true }).fill('20');
    await page.getByLabel('Epochs', { exact: true }).fill('2');
    await page.getByRole('button', { name: 'Simulate' }).click();
    await page.locator('[data-told]').waitFor();
  });
});

test('weights are of lines or of a stage’s batches; what is neither is refused', async () => {
  await open(async (page) => {
    const pasted = page.getByLabel('Claims', { exact: true });
    const take = async (text) => {
      await pasted.fill(text);
      await pasted.blur();
    };
    await take('name,weight,epochs\nlarge, 8000, 30\nsmall, 1000\nmiddle\t2000\t5\nother;1000');
    await page.getByText('4 hosts, of what you pasted').waitFor();
    const rows = await cells(page, 'Weights, and who checks whom');
    assert.deepEqual(rows.map(([host, claimed, , , epochs]) => [host, claimed, epochs]), [['large', '8,000', '30'], ['middle', '2,000', '5'], ['small', '1,000', '0'], ['other', '1,000', '0']]);
    // 30 % of all at most: four hosts.
    assert.ok(Number.parseFloat(rows[0][3]) < 45, rows[0].join());
    const key = `02${'ab'.repeat(32)}`;
    await take(JSON.stringify(stageOf({ participant: 'gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9', key, height: 20, nonces: [1, 2, 2], dist: [1.3, 1.3, 1.3] })));
    await page.getByText('1 hosts, of what you pasted').waitFor();
    const [[host, claimed]] = await cells(page, 'Weights, and who checks whom');
    assert.match(host, /^gonka1/);
    assert.equal(claimed, '3 (2)');
    await take('{"nothing": 1}');
    await page.getByRole('alert').waitFor();
    assert.equal(await page.locator('.network tbody tr').count(), 5, 'the windows are left');
  });
});

test('nothing of it is fetched before it is asked for', async () => {
  await use.open(async (page, context) => {
    const { fresh, seen } = await firstVisit(context, use.site);
    assert.deepEqual(seen.filter((path) => path.includes('network')), []);
    await fresh.getByRole('link', { name: 'Network' }).click();
    await fresh.getByText('Epoch 2: Mining').waitFor();
    assert.ok(seen.some((path) => path.endsWith('.wasm') && path.includes('network')));
  });
  assert.ok(!/network-[^"]*\.wasm/.test(fetchedAhead()));
});
