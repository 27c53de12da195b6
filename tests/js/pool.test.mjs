// Weight pools: made once for all verifiers of a block and their workers, taken over from who is stopped, kept across reloads.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, firefox, load, optionsOf, paths, serve, siteOf, vector } from './support.mjs';

const { createVerifier } = await load();
const { newPool, WeightPool } = await import(join(paths.package, 'js/pool.js'));
const tiny = vector('tiny');
const devtest = vector('devtest');
/** A pool that takes a second to make, and nonces that take far less. */
const slow = { ...vector('devtest').params, dim: 1024, n_layers: 32, n_heads: 32, n_kv_heads: 32, vocab_size: 8196, ffn_dim_multiplier: 10, multiple_of: 2048, seq_len: 1 };

/** Runs `ask` with an `onProgress`, and gives what it gave and the phases told. */
async function phases(ask) {
  const told = new Set();
  const value = await ask({ onProgress: ({ phase }) => told.add(phase) });
  return { value, told: [...told].sort() };
}

const errorAt = ({ dist, nonces }, nonce, got) => Math.abs(got - dist[nonces.indexOf(nonce)]);

test('verifiers of a block share its pool, those of another do not', async () => {
  for (const worker of [undefined, false]) {
    const options = { ...optionsOf(devtest), ...(worker === false ? { worker } : {}) };
    const [first, second] = await Promise.all([createVerifier(options), createVerifier(options)]);
    const other = await createVerifier({ ...options, blockHash: `another-${worker}` });
    const [nonce] = devtest.nonces;
    const ask = (verifier) => phases((more) => verifier.distance(devtest.public_key, nonce, more));
    const made = await ask(first);
    assert.deepEqual(made.told, ['done', 'layers', 'weights']);
    assert.ok(errorAt(devtest, nonce, made.value) < 2e-5);
    const shared = await ask(second);
    assert.deepEqual(shared.told, ['done', 'layers']);
    assert.equal(shared.value, made.value);
    assert.deepEqual((await ask(other)).told, ['done', 'layers', 'weights']);
    await Promise.all([first, second, other].map((verifier) => verifier.close()));
  }
});

test('a stop costs the worker, not the pool', async () => {
  const verifier = await createVerifier({ profile: 'gonka', params: slow, blockHash: 'stopped-after-its-pool' });
  const want = await verifier.distance('key', 1);
  const stop = new AbortController();
  const stopped = verifier.distance('key', 2, { signal: stop.signal, onProgress: () => stop.abort() });
  await assert.rejects(stopped, { code: 'E_ABORTED' });
  const again = await phases((more) => verifier.distance('key', 1, more));
  assert.deepEqual(again, { value: want, told: ['done', 'layers'] });
  await verifier.close();
});

test('who is stopped while making a pool leaves it to those that wait', async () => {
  const options = { profile: 'gonka', params: slow, blockHash: 'taken-over' };
  const [maker, waiting, third] = await Promise.all([1, 2, 3].map(() => createVerifier(options)));
  const stop = new AbortController();
  let others;
  const stopped = maker.distance('key', 1, {
    signal: stop.signal,
    onProgress: ({ phase, fraction }) => {
      assert.equal(phase, 'weights');
      // The others come while it is being made, and are told so.
      others ??= [waiting, third].map((verifier) => phases((more) => verifier.distance('key', 1, more)));
      if (fraction > 0.2) stop.abort();
    },
  });
  await assert.rejects(stopped, { code: 'E_ABORTED' });
  const [a, b] = await Promise.all(others);
  assert.deepEqual([a.told, b.told], [['done', 'layers', 'weights'], ['done', 'layers', 'weights']]);
  assert.equal(a.value, b.value);
  await Promise.all([maker, waiting, third].map((verifier) => verifier.close()));
  const fresh = await createVerifier({ ...options, worker: false });
  assert.equal(await fresh.distance('key', 1), a.value);
  await fresh.close();
});

test('memory of many workers counts the pool once', async () => {
  const verifier = await createVerifier({ profile: 'gonka', params: 'testnet', blockHash: 'a' });
  const { memoryBytes, poolBytes } = verifier.model;
  await verifier.close();
  assert.ok(poolBytes > 0.8 * memoryBytes && poolBytes < memoryBytes);
  const needed = 4 * memoryBytes - 3 * poolBytes;
  const options = { profile: 'gonka', params: 'testnet', blockHash: 'a', concurrency: 4 };
  await (await createVerifier({ ...options, memoryLimit: needed })).close();
  await assert.rejects(createVerifier({ ...options, memoryLimit: needed - 1 }), { code: 'E_MEMORY' });
  const exact = await createVerifier({ profile: 'exact', params: 'nano', blockHash: 'a' });
  assert.equal(exact.model.poolBytes, 0);
  await exact.close();
});

test('a pool has one maker; one that was given up changes no state', () => {
  const buffer = newPool(8, true);
  const [one, two] = [new WeightPool(buffer, 1), new WeightPool(buffer, 2)];
  assert.equal(one.claim(() => assert.fail('nothing to wait for')), true);
  one.keep(0.5);
  // Who waits is told the share made, and may stop.
  assert.throws(() => two.claim((fraction) => fraction === 0.5), { code: 'E_ABORTED' });
  // The owner gives the maker up, as when its worker is ended; what runs on has no say.
  new WeightPool(buffer, 1).release();
  assert.equal(two.claim(() => assert.fail('it is vacant')), true);
  one.done();
  one.release();
  assert.equal(two.isWhole, false);
  two.write(1, Uint16Array.of(7, 8, 9));
  two.done();
  assert.equal(one.isWhole && one.claim(() => assert.fail('it is whole')), false);
  const read = new Uint16Array(4);
  one.read(0, read);
  assert.deepEqual([...read], [0, 7, 8, 9]);
  assert.throws(() => newPool(2 ** 60, true), { code: 'E_MEMORY' });
});

const browsers = {};
const servers = {};
before(async () => {
  const site = siteOf('pool-site');
  servers.isolated = await serve(site, () => ({ 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }));
  servers.plain = await serve(site);
  [browsers.Chromium, browsers.Firefox] = await Promise.all([browser(), firefox()]);
});
after(async () => {
  await Promise.all(Object.values(browsers).map((one) => one.close()));
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

/** In a page: distances by two verifiers of several workers, the phases told to each, and the parts then in the cache. */
async function inPage([options, batch, parts]) {
  const { createVerifier } = await import('/sphere-pow/index.js');
  const verifiers = [await createVerifier(options), await createVerifier(options)];
  const out = { isIsolated: crossOriginIsolated, told: [], distances: [] };
  for (const verifier of verifiers) {
    const told = new Set();
    const report = await verifier.verifyBatch(batch, { sample: 'all', onProgress: ({ phase }) => told.add(phase) });
    out.distances.push(report.results.map((r) => r.recomputed));
    out.told.push([...told].sort());
  }
  await Promise.all(verifiers.map((verifier) => verifier.close()));
  // What is put there takes its time.
  const cache = await caches.open('sphere-pow');
  for (let i = 0; i < 200 && (await cache.keys()).length < parts; i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  return { ...out, keys: (await cache.keys()).map(({ url }) => url) };
}

for (const where of ['Chromium', 'Firefox']) {
  test(`in ${where} workers share a pool where the page is isolated, and only there`, { timeout: 300_000 }, async () => {
    const batch = { public_key: tiny.public_key, nonces: tiny.nonces, dist: tiny.dist };
    const seen = {};
    for (const [name, server] of Object.entries(servers)) {
      const { page, complaints } = await browsers[where].open(server.url);
      seen[name] = await page.evaluate(inPage, [{ ...optionsOf(tiny), concurrency: 2 }, batch, 0]);
      await page.close();
      assert.deepEqual(complaints, []);
      assert.equal(seen[name].isIsolated, name === 'isolated');
      assert.deepEqual(seen[name].keys, [], 'nothing is cached unasked');
    }
    const all = ['done', 'layers', 'weights'];
    assert.deepEqual(seen.isolated.told, [all, ['done', 'layers']]);
    assert.deepEqual(seen.plain.told, [all, all]);
    assert.deepEqual(seen.isolated.distances, seen.plain.distances);
    assert.deepEqual(seen.plain.distances[0], seen.plain.distances[1]);
  });

  test(`in ${where} a pool asked to be cached is there after a reload, until the next block's; a damaged one is made anew`, { timeout: 300_000 }, async () => {
    const batch = { public_key: devtest.public_key, nonces: devtest.nonces.slice(0, 2), dist: devtest.dist.slice(0, 2) };
    const options = { ...optionsOf(devtest), cachePool: true };
    const { page, complaints } = await browsers[where].open(servers.isolated.url);
    const first = await page.evaluate(inPage, [options, batch, 1]);
    await page.reload();
    const second = await page.evaluate(inPage, [options, batch, 1]);
    const change = async ([url, isSigned]) => {
      const cache = await caches.open('sphere-pow');
      const response = await cache.match(url);
      const bytes = new Uint8Array(await response.arrayBuffer());
      bytes.fill(isSigned ? 0 : 1, 1_000_000, 5_000_000);
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      await cache.put(url, new Response(bytes, { headers: isSigned ? { 'sphere-pow-sha256': hex } : response.headers }));
    };
    // Other weights under their own digest are taken: so it is seen that the cache is read at all.
    await page.evaluate(change, [first.keys[0], true]);
    await page.reload();
    const changed = await page.evaluate(inPage, [options, batch, 1]);
    await page.evaluate(change, [first.keys[0], false]);
    await page.reload();
    const damaged = await page.evaluate(inPage, [options, batch, 1]);
    await page.reload();
    const other = await page.evaluate(inPage, [{ ...options, blockHash: 'another' }, { ...batch, block_hash: 'another' }, 1]);
    await page.close();
    assert.deepEqual(complaints, []);
    assert.deepEqual(second.distances, first.distances);
    assert.notDeepEqual(changed.distances, first.distances);
    assert.deepEqual(damaged.distances, first.distances);
    assert.deepEqual([first.keys.length, other.keys.length], [1, 1]);
    assert.deepEqual(second.keys, first.keys);
    assert.notDeepEqual(other.keys, first.keys);
  });
}
