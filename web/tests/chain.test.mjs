// "Confirm from the chain": replies of a node, followed from the block that the reader trusts, in the place of what the reader types.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createVerifier } from 'sphere-pow';
import { audit } from './axe.mjs';
import { opened, setUp, start, type, unfold, verdict } from './page.mjs';
import { WEB } from './site.mjs';

const vectors = JSON.parse(readFileSync(join(WEB, '../tests/vectors/chain.json'), 'utf8'));
const whole = vectors.cases.find(({ given }) => given);
const { params } = vectors.cases.find(({ given }) => given).facts.find(({ height }) => height === 120);
const replies = whole.use.map((name) => JSON.stringify(vectors.replies[name]));
let use, document;
before(async () => {
  use = await setUp();
  const { blockHash, publicKey, rTarget } = whole.given;
  const verifier = await createVerifier({ profile: 'gonka', params, blockHash, worker: false });
  const claims = [];
  for (let nonce = 0; claims.length < 40; nonce++) {
    const distance = await verifier.distance(publicKey, nonce);
    if (distance < rTarget) claims.push([nonce, distance]);
  }
  document = { public_key: publicKey, block_height: 120, nonces: claims.map(([nonce]) => nonce), dist: claims.map(([, distance]) => distance) };
});
after(() => use?.close());

const file = { name: 'replies.json', mimeType: 'application/json', buffer: Buffer.from(replies.slice(1).join('\n')) };

for (const [name, viewport] of [['a desk', undefined], ['a phone', { width: 390, height: 844 }]]) {
  test(`what the chain says is judged by, on ${name}`, async () => {
    await use.open(async (page) => {
      await type(page, document);
      await opened(page);
      await unfold(page, 'chain');
      const field = (label) => page.getByLabel(label, { exact: true });
      const confirm = page.getByRole('button', { name: 'Confirm', exact: true });
      await field('Trusted block').waitFor();
      assert.equal(await confirm.isDisabled(), true);
      await field('Trusted block').fill(whole.trust);
      await field('Replies of a node').setInputFiles(file);
      await field('Or paste them here').fill(replies[0]);
      await field('Account of the host').fill(whole.given.account);
      // The chain of the vectors has long ended.
      await confirm.click();
      assert.match(await page.locator('.chain [role=alert]').innerText(), /too old to bind/);
      await field('Days for which validators are trusted').fill('36500');
      await confirm.click();
      await page.locator('[data-chain]').waitFor();
      assert.match(await page.locator('[data-chain]').innerText(), /CONFIRMED by chain .*sphere-pow-test-1.*if its block 100 is what you trust it to be/);
      assert.equal(await page.locator('#expected-blockHash').inputValue(), whole.given.blockHash);
      assert.equal(await page.locator('#expected-publicKey').inputValue(), whole.given.publicKey);
      assert.equal(await page.getByLabel('Another radius').inputValue(), '1.414');
      await audit(page);
      if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `chain-${viewport ? 'phone' : 'desk'}.png`), fullPage: true });
      await start(page);
      assert.deepEqual(await verdict(page), ['honest', 'Honest: all 40 nonces, 0 bad']);
    }, viewport ? { viewport } : {});
  });
}

test('a forged reply confirms nothing and changes nothing', async () => {
  await use.open(async (page) => {
    await type(page, document);
    await opened(page);
    await unfold(page, 'chain');
    await page.getByLabel('Trusted block', { exact: true }).fill(whole.trust);
    await page.getByLabel('Days for which validators are trusted', { exact: true }).fill('36500');
    const forged = replies.join('\n').replaceAll('"voting_power": "40"', '"voting_power": "41"').replaceAll('"voting_power":"40"', '"voting_power":"41"');
    await page.getByLabel('Or paste them here').fill(forged);
    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    assert.match(await page.locator('.chain [role=alert]').innerText(), /does not follow from the trusted block/);
    assert.equal(await page.locator('#expected-blockHash').inputValue(), '');
  });
});
