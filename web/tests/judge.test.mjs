// What the page says of documents that try to set their own price, and of links that try to choose for their reader. The
// judge is the package's; these show that nothing of the page comes between it and the reader.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createVerifier } from 'sphere-pow';
import { another, json, link, NODE, oldLink, opened, sample, setSample, setUp, stageOf, start, type, unfold, verdict } from './page.mjs';

const honest = sample('gonka-honest');
const exact = sample('exact-honest');
/** Nonces that hardly win, claimed as winners. */
const junk = (n, from = 50_000) => ({ ...honest, nonces: Array.from({ length: n }, (_, i) => from + i), dist: Array.from({ length: n }, (_, i) => 1.39 + i * 1e-5) });
let use;
const open = (...options) => use.open(...options);
before(async () => {
  use = await setUp();
});
after(() => use?.close());

const basis = (page) => page.locator('.basis').innerText();

test('a radius that the document names is never its verdict: a looser one is unconfirmed until the reader vouches', async () => {
  await open(async (page) => {
    await type(page, { ...honest, r_target: 1.45 });
    await start(page);
    assert.deepEqual(await verdict(page), ['unconfirmed', 'Unconfirmed: all 64 nonces, 0 bad']);
    assert.match(await page.locator('.verdict').innerText(), /Only the document vouches for: the radius/);
    assert.match(await basis(page), /1\.45\s+from the document/);
    await unfold(page, 'proof');
    await page.getByLabel('Radius to win').focus();
    await page.getByLabel('Radius to win').selectOption('document');
    // The verdict goes, and the focus stays where the reader is.
    await page.locator('#proof-title').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'expected-rTarget');
    await start(page);
    assert.equal((await verdict(page))[0], 'honest');
    assert.match(await basis(page), /1\.45\s+from you/);
    await another(page);

    // Every nonce is within the whole sphere; by the network's radius hardly one is.
    await type(page, { ...junk(64), r_target: 2 });
    await start(page);
    assert.notEqual((await verdict(page))[0], 'honest');
    await unfold(page, 'proof');
    await page.getByLabel('Radius to win').selectOption('1.4013564660458173');
    await start(page);
    assert.equal((await verdict(page))[0], 'fraud');
    await another(page);

    await type(page, junk(64));
    await page.getByLabel('Radius to win').selectOption('custom');
    await page.getByLabel('Another radius').fill('3');
    await page.getByLabel('Another radius').blur();
    await page.getByRole('alert').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Recompute', exact: true }).isDisabled(), true);
  });
});

/** True claims under sizes that no preset has: what whoever sets their own price submits. */
async function ownModel(profile, params) {
  const verifier = await createVerifier({ profile, params, blockHash: honest.block_hash });
  const made = await Promise.all(Array.from({ length: 12 }, (_, nonce) => verifier.compute(honest.public_key, nonce)));
  await verifier.close();
  const head = { params, public_key: honest.public_key, block_hash: honest.block_hash };
  if (profile === 'gonka') return { ...head, r_target: honest.r_target, nonces: made.map(({ nonce }) => Number(nonce)), dist: made.map(({ distance }) => distance) };
  const won = made.filter(({ won }) => won);
  return { ...head, profile, version: 2, nonces: won.map(({ nonce }) => nonce), digests: won.map(({ digest }) => digest) };
}

test('a model of the document’s own is unconfirmed, and named; the reader may vouch for it, or expect another', async () => {
  const documents = [
    await ownModel('exact', { ...exact.params, layers: 1, threshold: 0 }),
    // Points of a circle: half of them are as near as any radius of the network wants.
    { ...(await ownModel('gonka', { ...honest.params, vocab_size: 2, n_layers: 1 })), r_target: 1.4 },
  ];
  await open(async (page) => {
    for (const document of documents) {
      const isGonka = document.dist !== undefined;
      const kept = isGonka ? document.dist.flatMap((distance, i) => (distance < 1.4 ? [i] : [])) : [...document.nonces.keys()];
      assert.ok(kept.length >= 3, `${kept.length} win`);
      const of = (list) => kept.map((i) => list[i]);
      await type(page, isGonka ? { ...document, nonces: of(document.nonces), dist: of(document.dist) } : document);
      await start(page);
      assert.deepEqual(await verdict(page), ['unconfirmed', `Unconfirmed: all ${kept.length} nonces, 0 bad`]);
      assert.match(await page.locator('.verdict').innerText(), /Only the document vouches for: the model\./);
      assert.match(await basis(page), /Model\s+(gonka|exact): own sizes\s+from the document/);
      await unfold(page, 'proof');
      const model = page.getByLabel('Model', { exact: false }).first();
      await model.selectOption('document');
      await start(page);
      assert.equal((await verdict(page))[0], 'honest');
      assert.match(await basis(page), /own sizes\s+from you/);
      await unfold(page, 'proof');
      await model.selectOption(isGonka ? 'mainnet' : 'standard');
      await page.getByText('It is of another model than you say.').waitFor();
      await another(page);
    }
  });
});

test('a link sets no price, no sample, and nothing of it counts as the reader’s word', async () => {
  const fifth = { ...honest, nonces: [...honest.nonces.slice(0, 48), ...junk(16).nonces], dist: [...honest.dist.slice(0, 48), ...junk(16).dist] };
  const { r_target: _, params, block_hash: blockHash, public_key: publicKey, ...bare } = fifth;
  const seeds = [];
  for (const path of [
    oldLink({ proof: bare, blockHash, publicKey, params, rTarget: 1.45, sample: 1, seed: 'chosen' }),
    oldLink({ proof: bare, blockHash, publicKey, params, rTarget: 2, sample: 1e9, seed: 'chosen' }),
    link({ document: JSON.stringify(bare), said: { blockHash, publicKey, params, rTarget: 1.45 } }),
  ]) {
    await open(async (page) => {
      await opened(page);
      assert.doesNotMatch(await page.locator('main').innerText(), /from you/);
      // The page's own size, however small or large the link's was.
      assert.equal(await page.getByLabel(/Nonces to recompute/).inputValue(), '64');
      await setSample(page, 20);
      await start(page);
      const [state] = await verdict(page);
      assert.ok(state === 'fraud' || state === 'unconfirmed', state);
      const text = await page.locator('.verdict').innerText();
      assert.doesNotMatch(text, /from you|chosen/);
      assert.match(text, /Sample\s+20 of 64\s+drawn at random/);
      seeds.push(await page.locator('[data-seed]').innerText());
    }, { path });
  }
  assert.equal(new Set(seeds).size, seeds.length);
});

test('a new size draws a new seed, and so does another run; a change of the radius does not', async () => {
  await open(async (page) => {
    await type(page, honest);
    const seeds = [];
    const run = async (n) => {
      if (n !== undefined) await setSample(page, n);
      await page.locator('button.primary.large').click();
      await page.locator('[data-state]').waitFor();
      seeds.push(await page.locator('[data-seed]').innerText());
      await unfold(page, 'setup');
    };
    await run(20);
    await run(24);
    await run();
    assert.equal(new Set(seeds).size, 3);
    await unfold(page, 'proof');
    await page.getByLabel('Radius to win').selectOption('1.398077');
    await run();
    assert.equal(seeds[3], seeds[2]);
    assert.ok(seeds.every((seed) => /^[0-9a-f]{32}$/.test(seed)), seeds.join());
  });
});

test('a sample that convicts nobody is inconclusive, and offers more', async () => {
  await open(async (page) => {
    await type(page, junk(64));
    await setSample(page, 1);
    await start(page);
    const [state, words] = await verdict(page);
    assert.equal(state, 'inconclusive');
    assert.match(words, /^Inconclusive: 1 of 64 nonces/);
    await page.getByRole('button', { name: 'Recompute more' }).click();
    await page.locator('[data-state="fraud"]').waitFor();
  });
  await open(async (page) => {
    await type(page, exact);
    await setSample(page, 8);
    await start(page);
    assert.match((await verdict(page))[1], /^Inconclusive: 8 of 64 nonces, 0 bad$/);
  });
});

test('what the miner writes opens: several lines are one submission, a torn tail is reported, one exact line reads', async () => {
  const progress = { node_id: 0, node_count: 1, group: 0, groups: 1, tried: 64 };
  const line = (from, to) => JSON.stringify({ ...honest, ...progress, last: honest.nonces[to - 1], nonces: honest.nonces.slice(from, to), dist: honest.dist.slice(from, to) });
  const file = `${line(0, 20)}\n${line(20, 40)}\n`;
  await open(async (page) => {
    await type(page, file);
    await opened(page);
    assert.match(await page.locator('main').innerText(), /file of the miner[\s\S]*40 nonces/);
    await start(page);
    assert.deepEqual(await verdict(page), ['honest', 'Honest: all 40 nonces, 0 bad']);
    await another(page);
    await page.locator('input[type=file]').setInputFiles({ name: 'proofs.jsonl', mimeType: 'application/json', buffer: Buffer.from(file + line(40, 64).slice(0, 300)) });
    await opened(page);
    assert.match(await page.locator('main').innerText(), /last line \(3\) is cut off after 300 bytes[\s\S]*40 nonces|40 nonces[\s\S]*last line \(3\) is cut off after 300 bytes/);
    await another(page);
    const { nonces, digests, ...head } = exact;
    await type(page, `${JSON.stringify({ ...head, ...progress, last: Number(nonces[3]), nonces: nonces.slice(0, 4), digests: digests.slice(0, 4) })}\n`);
    await start(page);
    assert.deepEqual(await verdict(page), ['honest', 'Honest: all 4 nonces, 0 bad']);
  });
});

test('a stage of several hosts: each has its verdict, the gravest is the headline, odd parts are named', async () => {
  const { public_key: key, block_height: height } = honest;
  const good = { participant: 'gonka1good', key, height, nonces: honest.nonces.slice(0, 16), dist: honest.dist.slice(0, 16) };
  const bad = { participant: 'gonka1bad', key: key.replace(/^02/, '03'), height, nonces: junk(16).nonces, dist: junk(16).dist };
  const odd = { participant: 'gonka1odd', key: key.replace(/.$/, '0'), height, nonces: [-1], dist: [1.4] };
  await open(async (page) => {
    await type(page, stageOf(good, bad, odd));
    await opened(page);
    assert.match(await page.locator('.unjudged').innerText(), /Parts that cannot be judged: 1[\s\S]*gonka1odd/);
    await page.getByLabel('Block hash').fill(honest.block_hash);
    await page.getByLabel('Model', { exact: false }).first().selectOption('dev-test');
    await start(page);
    const [state, words] = await verdict(page);
    assert.equal(state, 'fraud');
    assert.match(words, /^Fraud: 1 fraud · 1 honest · 1 not judged$/);
    assert.deepEqual(await page.locator('.submissions li strong').allInnerTexts(), ['Honest', 'No claim agrees']);
    assert.match(await page.locator('.one').innerText(), /^proof 1 of 2\. Honest/);
    await page.locator('.submissions button').nth(1).click();
    await page.getByText(/^proof 2 of 2\. No claim agrees/).waitFor();
    await page.getByText('16 shown').waitFor();

    // One alone: the headline says which of how many.
    await unfold(page, 'proof');
    await page.getByLabel(/Proof shown/).selectOption('0');
    await page.getByLabel('check only this one').check();
    await unfold(page, 'setup');
    await page.getByRole('button', { name: 'Recompute again' }).click();
    await page.getByText('1 of 2 proofs were recomputed').waitFor();
    assert.match(await page.locator('.one').innerText(), /^proof 1 of 2\. Honest/);
    assert.deepEqual(await page.locator('.submissions li strong').allInnerTexts(), ['Honest', 'not checked']);
  });
});

test('a batch of one host in two parts is one submission: junk beside honest claims is fraud', async () => {
  const { public_key: key, block_height: height } = honest;
  const part = ({ nonces, dist }) => ({ participant: 'gonka1host', key, height, nonces, dist });
  await open(async (page) => {
    await type(page, stageOf(part(honest), part(junk(64))));
    await page.getByLabel('Block hash').fill(honest.block_hash);
    await page.getByLabel('Model', { exact: false }).first().selectOption('dev-test');
    await start(page);
    const [state, words] = await verdict(page);
    assert.equal(state, 'fraud');
    assert.match(words, /of 128 nonces|all 128 nonces/);
  });
});

test('the radius is that of the block’s height, from the document or from what was asked of the node', async () => {
  const height = 2_000_000;
  const { block_hash: hash, public_key: key, nonces, dist } = honest;
  const stage = stageOf({ participant: 'gonka1host', key, height, nonces, dist });
  const hosts = {
    [`${NODE}/chain-api/productscience/inference/inference/poc_batches_for_stage/${height}`]: json(stage),
    [`${NODE}/chain-rpc/block?height=${height}`]: json({ result: { block_id: { hash } } }),
  };
  await open(async (page) => {
    await page.getByLabel('Height, transaction hash or address').fill(String(height));
    await page.getByRole('button', { name: 'Fetch' }).click();
    await page.getByRole('button', { name: /Ask the node for block/ }).click();
    await page.getByLabel('Model', { exact: false }).first().selectOption('dev-test');
    await start(page);
    // Won by the launch's radius, and too few by that of December 2025.
    assert.equal((await verdict(page))[0], 'fraud');
    assert.match(await basis(page), /1\.398077\s+the network’s/);
  }, { hosts });
});

test('another block than the reader expects is refused by name, not judged', async () => {
  await open(async (page) => {
    await type(page, honest);
    await page.getByLabel('Block hash').fill('AB'.repeat(32));
    await page.getByText('It is of another block than you say.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Recompute', exact: true }).isDisabled(), true);
    await page.getByLabel('Block hash').fill('');
    await page.getByLabel('Block hash').blur();
    await start(page);
    assert.equal((await verdict(page))[0], 'honest');
  });
});
