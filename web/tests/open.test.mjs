// The ways into the page: what is pasted, dropped, chosen, fetched or linked, what is wrong with it, and the way back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { NODE, another, json, link, opened, sample, sampleText, setUp, stageOf, start, trouble, type, verdict } from './page.mjs';

const honest = sample('gonka-honest');
let use;
const open = (...options) => use.open(...options);
before(async () => {
  use = await setUp();
});
after(() => use?.close());

test('pasted, typed, dropped and chosen documents open; the shape is named', async () => {
  await open(async (page) => {
    const again = () => another(page);
    await type(page, sampleText('exact-honest'));
    await opened(page);
    await page.waitForFunction(() => document.activeElement?.localName === 'h1');
    assert.match(await page.locator('main').innerText(), /proof of the exact profile/);
    await again();

    const paste = (text) => page.evaluate((text) => {
      const data = new DataTransfer();
      data.setData('text', text);
      (document.activeElement ?? document.body).dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, text);
    await page.getByLabel('Proof as JSON').focus();
    await paste(sampleText('gonka-honest'));
    await opened(page);
    await again();
    await paste(sampleText('gonka-honest'));
    await opened(page);
    await again();

    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], 'dropped.json'));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }, sampleText('gonka-honest'));
    await opened(page);
    assert.match(await page.locator('main').innerText(), /dropped\.json/);
    await again();

    await page.locator('input[type=file]').setInputFiles({ name: 'mine.jsonl', mimeType: 'application/json', buffer: Buffer.from(sampleText('exact-honest')) });
    await opened(page);
    assert.match(await page.locator('main').innerText(), /mine\.jsonl/);
  });
});

test('a height is read from the node, and the hash that the chain leaves out asked of it', async () => {
  const { block_hash: hash, public_key: key, block_height: height, nonces, dist } = honest;
  const stage = stageOf({ participant: 'gonka1host', key, height, nonces, dist });
  const hosts = {
    [`${NODE}/chain-api/productscience/inference/inference/poc_batches_for_stage/1298640`]: json(stage),
    [`${NODE}/chain-rpc/block?height=1298640`]: json({ result: { block_id: { hash } } }),
  };
  await open(async (page) => {
    await page.getByLabel('Height, transaction hash or address').fill('1298640');
    await page.getByRole('button', { name: 'Fetch' }).click();
    await opened(page);
    assert.equal(await page.getByRole('button', { name: 'Recompute', exact: true }).isDisabled(), true);
    await page.getByRole('button', { name: /Ask the node for block/ }).click();
    await page.waitForFunction((hash) => [...document.querySelectorAll('input')].some((input) => input.value === hash), hash);
    await page.getByLabel('Model', { exact: false }).first().selectOption('dev-test');
    await start(page);
    assert.deepEqual((await verdict(page))[0], 'honest');
    assert.match(await page.locator('.basis').innerText(), /Block hash\s+.*from the node you asked[\s\S]*Model\s+gonka: dev-test\s+from you/);
  }, { hosts });
});

test('what a node or a file may say instead of a proof is explained', async () => {
  const at = (height) => `${NODE}/chain-api/productscience/inference/inference/poc_batches_for_stage/${height}`;
  const v2 = { participant: 'gonka1host', poc_stage_start_block_height: '5000000', root_hash: 'AAAA', count: 7 };
  const hosts = {
    [at(1)]: json('no', 403),
    [at(2)]: json('no', 404),
    [at(3)]: null,
    [at(4)]: json('busy', 503),
    [at(5)]: json({ poc_batch: [] }),
    [at(6)]: json('<html>'),
  };
  await open(async (page) => {
    const ask = async (text) => {
      await page.getByLabel('Height, transaction hash or address').fill(text);
      await page.getByRole('button', { name: 'Fetch' }).click();
      await page.getByRole('alert').waitFor();
      await page.waitForFunction(() => !document.querySelector('button[type=submit]').disabled);
      return trouble(page);
    };
    assert.match(await ask('1'), /refuses to answer/);
    await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'alert');
    assert.match(await ask('2'), /pruned/);
    assert.match(await ask('3'), /CORS/);
    assert.match(await ask('4'), /busy/);
    assert.match(await ask('5'), /no nonces to judge|cannot read/);
    assert.match(await ask('6'), /not a proof/);
    assert.match(await ask('http://example.com/x'), /Only https/);
    assert.match(await ask('what'), /no height/);
    const read = async (text) => {
      await type(page, text);
      await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
      await page.waitForTimeout(100);
      return trouble(page);
    };
    assert.match(await read(JSON.stringify(v2)), /epoch 158/);
    for (const text of ['{', '[]', '{"nonces": [1], "dist": []}', JSON.stringify({ ...honest, nonces: honest.nonces.map(() => -1) })]) {
      assert.match(await read(text), /not a proof|value in it|no nonces to judge|not say what they come to/, text.slice(0, 30));
    }
    // A distance that no point of the sphere has is a bad nonce by the network's rule, and no reason not to read the rest.
    await type(page, { ...honest, dist: honest.dist.map(() => 9) });
    await opened(page);
    await another(page);
    await page.locator('[data-sample="gonka-honest"]').click();
    await verdict(page);
  }, { hosts });
});

test('a node that does not answer is left at once', async () => {
  const hosts = { [`${NODE}/**`]: () => undefined };
  await open(async (page) => {
    await page.getByLabel('Height, transaction hash or address').fill('1298640');
    await page.getByRole('button', { name: 'Fetch' }).click();
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.locator('[data-sample="exact-honest"]:enabled').click();
    assert.equal((await verdict(page))[0], 'honest');
    assert.equal(await page.getByRole('alert').count(), 0);
  }, { hosts });
});

test('an open proof has an entry in the history: Back leads to the inputs, Forward to the proof', async () => {
  await open(async (page) => {
    await page.locator('[data-sample="exact-honest"]').click();
    await verdict(page);
    await page.goBack();
    await page.locator('[data-sample]').first().waitFor();
    await page.goForward();
    await opened(page);
    await page.getByRole('link', { name: 'How it works' }).click();
    await page.locator('#teach-walk').waitFor();
    await page.getByRole('link', { name: 'Check a proof' }).click();
    await opened(page);
    await page.reload();
    await page.locator('[data-sample]').first().waitFor();
    assert.equal(await page.evaluate(() => location.hash), '#/check');
  });
});

test('names of a megabyte and marks of direction neither stretch the page nor reorder it', async () => {
  const { block_hash: _, public_key: key, block_height: height, nonces, dist } = honest;
  const names = ['x'.repeat(1e6), 'x'.repeat(250), '\u202Eevil\u2066', 'שלום', '\u200b'.repeat(5e5)];
  const hosts = names.map((participant, i) => ({ participant, key, height: height + i, nonces: nonces.slice(0, 2), dist: dist.slice(0, 2) }));
  await open(async (page) => {
    for (const host of hosts) {
      await page.locator('input[type=file]').setInputFiles({ name: `\u202Egnp.${'y'.repeat(200)}`, mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(stageOf(host))) });
      // The reader refuses most of them: what it says of them is checked likewise.
      await page.locator('#proof-title, [role=alert]').first().waitFor();
      const { width, height: tall, inner, text } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight, inner: innerWidth, text: document.querySelector('main').textContent }));
      assert.ok(width <= inner && tall < 6000, `${width} × ${tall} px`);
      assert.doesNotMatch(text, /[\u202a-\u202e\u200b]|x{200}/);
      if (await page.locator('#proof-title').count()) await another(page);
    }
  }, { viewport: { width: 360, height: 740 } });
});

test('a link holds the document, survives a reload and opens elsewhere; a damaged one is refused', async () => {
  let made;
  await open(async (page) => {
    await page.locator('[data-sample="gonka-forged"]').click();
    await verdict(page);
    await page.getByRole('button', { name: 'Copy a link' }).click();
    await page.waitForFunction(() => location.hash.includes('p='));
    made = await page.evaluate(() => location.hash);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download the report' }).click();
    const report = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
    const [one] = report.submissions;
    assert.deepEqual([report.verdict, one.results.length, one.profile, one.blockHash], ['fraud', 64, 'gonka', honest.block_hash]);
    await page.reload();
    await opened(page);
    await start(page);
    assert.deepEqual(await verdict(page), ['fraud', 'Fraud: all 64 nonces, 16 bad']);
  });
  for (const bad of [made.slice(0, -40), made.replace('2.', '9.'), '#/check?p=1.AAAA', '#/check?p=', `#/check?p=2.${'A'.repeat(2e5)}`, link({ said: {} }), link({ document: '{}', said: { sample: 1 } })]) {
    await open(async (page) => {
      if (bad.endsWith('p=')) await page.locator('[data-sample]').first().waitFor();
      else assert.match(await trouble(page), /share link cannot be read/, bad.slice(0, 40));
    }, { path: bad });
  }
});
