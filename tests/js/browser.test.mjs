// The same answers in Chromium and Firefox: bits, workers, aborts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, errors, firefox, load, optionsOf, paths, serve, siteOf, vector } from './support.mjs';

const { createVerifier } = await load();
const exactCases = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/exact_forward.json'), 'utf8')).cases;
let site;
let server;
/** The browsers, by name. */
const browsers = {};
const NAMES = ['Chromium', 'Firefox'];

before(async () => {
  site = siteOf('site');
  server = await serve(site);
  [browsers.Chromium, browsers.Firefox] = await Promise.all([browser(), firefox()]);
});
after(async () => {
  await Promise.all(Object.values(browsers).map((one) => one.close()));
  await server.close();
});

const bits = (numbers) => Buffer.from(Float64Array.from(numbers).buffer).toString('hex');

for (const [where, name] of NAMES.flatMap((where) => ['tiny', 'small', 'devtest'].map((name) => [where, name]))) {
  test(`every distance of ${name} in ${where}, simd128 and scalar, to the bits of Node`, { timeout: 300_000 }, async () => {
    const known = vector(name);
    const { public_key, nonces, dist } = known;
    const batch = { public_key, nonces, dist };
    const { page, complaints } = await browsers[where].open(server.url);
    const run = ([file, options, batch]) =>
      import('/sphere-pow/index.js').then(async ({ createVerifier, init }) => {
        if (file) await init({ wasm: `/sphere-pow/${file}` });
        const verifier = await createVerifier(options);
        const report = await verifier.verifyBatch(batch, { sample: 'all' });
        await verifier.close();
        return report.results.map((r) => r.recomputed);
      });
    const inlined = await page.evaluate(run, [null, optionsOf(known), batch]);
    await page.reload();
    const scalar = name === 'devtest' ? inlined : await page.evaluate(run, ['verifier-scalar.wasm', optionsOf(known), batch]);
    await page.close();
    const { rms, max } = errors(inlined, dist);
    assert.ok(rms <= 5e-6 && max <= 2e-5, `rms ${rms}, max ${max}`);
    assert.equal(bits(scalar), bits(inlined));
    const verifier = await createVerifier(optionsOf(known));
    const report = await verifier.verifyBatch(batch, { sample: 'all' });
    await verifier.close();
    assert.equal(bits(report.results.map((r) => r.recomputed)), bits(inlined));
    assert.deepEqual(complaints, []);
  });
}

/** What takes long without vectors is left to Node (exact.test.mjs), whose engine is Chromium's. */
const isQuick = ({ count, params }) => count <= 4 && params.dim * params.hidden < 2 ** 20;

for (const [where, file] of NAMES.flatMap((where) => [[where, 'verifier.wasm'], [where, 'verifier-scalar.wasm']])) {
  const cases = file.includes('scalar') ? exactCases.filter(isQuick) : exactCases;
  test(`${cases.length} cases of digests of the oracle in ${where}, ${file}`, { timeout: 300_000 }, async () => {
    const { page, complaints } = await browsers[where].open(server.url);
    const got = await page.evaluate(async ([file, cases]) => {
      const { createVerifier, init } = await import('/sphere-pow/index.js');
      await init({ wasm: `/sphere-pow/${file}` });
      const out = {};
      for (const { name, params, block_hash, public_key, first_nonce, count } of cases) {
        const nonces = Array.from({ length: count }, (_, i) => String(BigInt(first_nonce) + BigInt(i)));
        const digests = nonces.map(() => '0'.repeat(64));
        const verifier = await createVerifier({ profile: 'exact', params, blockHash: block_hash });
        const { results } = await verifier.verifyBatch({ profile: 'exact', version: 2, params, block_hash, public_key, nonces, digests }, { sample: 'all' });
        await verifier.close();
        out[name] = [results.map(({ digest }) => digest).join(''), results.filter(({ won }) => won).length];
      }
      return out;
    }, [file, cases]);
    await page.close();
    assert.ok(cases.length > 20);
    for (const { name, sha256_of_digests, won } of cases) {
      const hash = createHash('sha256').update(Buffer.from(got[name][0], 'hex')).digest('hex');
      assert.deepEqual([hash, got[name][1]], [sha256_of_digests, won], name);
    }
    assert.deepEqual(complaints, []);
  });
}

test('an abort in the page rejects at once, the worker is gone and the page goes on meanwhile', { timeout: 120_000 }, async () => {
  const { page, complaints } = await browsers.Chromium.open(server.url);
  const result = await page.evaluate(async () => {
    const { createVerifier } = await import('/sphere-pow/index.js');
    const verifier = await createVerifier({ profile: 'gonka', params: 'testnet', blockHash: 'AB' });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const controller = new AbortController();
    let turned;
    let ticksSeen;
    const progress = [];
    const running = verifier.distance('02', 1, {
      signal: controller.signal,
      onProgress: (p) => {
        if (progress.length === 0) ticks = 0;
        progress.push(p);
        if (progress.length === 10) {
          ticksSeen = ticks;
          turned = false;
          setTimeout(() => (turned = true));
          controller.abort();
        }
      },
    });
    const error = await running.catch((e) => e);
    // Nothing else of the page came first: a rejection waits for no worker.
    const isAtOnce = turned === false;
    clearInterval(timer);
    await verifier.close();
    return { name: error.name, code: error.code, isAtOnce, ticksSeen, phases: [...new Set(progress.map((p) => p.phase))] };
  });
  const { ticksSeen, ...rest } = result;
  assert.deepEqual(rest, { name: 'AbortError', code: 'E_ABORTED', isAtOnce: true, phases: ['weights'] });
  // A page that computed this itself would run no timer between two reports.
  assert.ok(ticksSeen >= 5, `${ticksSeen} timers in ten reports`);
  for (let i = 0; i < 50 && page.workers().length > 0; i++) await page.waitForTimeout(50);
  assert.equal(page.workers().length, 0);
  await page.close();
  assert.deepEqual(complaints, []);
});

for (const where of NAMES) test(`in a worker of the caller's own, ${where}`, async () => {
  const { page, complaints } = await browsers[where].open(server.url);
  const known = vector('tiny');
  writeFileSync(join(site, 'own.js'), `
    import { createVerifier } from '/sphere-pow/index.js';
    const verifier = await createVerifier(${JSON.stringify(optionsOf(known))});
    postMessage(await verifier.distance('${known.public_key}', 0));
    await verifier.close();`);
  const distance = await page.evaluate(() => new Promise((resolve, reject) => {
    const worker = new Worker('/own.js', { type: 'module' });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
  }));
  await page.close();
  assert.ok(Math.abs(distance - known.dist[0]) < 2e-5);
  assert.deepEqual(complaints, []);
});

for (const where of NAMES) test(`workers under Trusted Types, and those that a page may not start, as typed errors, ${where}`, async (context) => {
  const csp = { '/typed/': "require-trusted-types-for 'script'; trusted-types sphere-pow", '/none/': "require-trusted-types-for 'script'; trusted-types 'none'" };
  for (const name of ['typed', 'none', 'open']) cpSync(join(site, 'index.html'), join(site, name, 'index.html'));
  const pages = await serve(site, (path) => ({ 'content-security-policy': csp[path] ?? '' }));
  context.after(() => pages.close());
  const known = vector('tiny');
  const run = async (path, worker) => {
    const { page } = await browsers[where].open(`${pages.url}${path}`);
    const said = await page.evaluate(async ([options, key, worker]) => {
      const { createVerifier, SpherePowError } = await import('/sphere-pow/index.js');
      const learn = await import('/sphere-pow/learn.js');
      const verifier = await createVerifier({ ...options, worker });
      const told = (error) => (error instanceof SpherePowError ? [error.code, error.message] : String(error));
      const distance = await verifier.distance(key, 0).catch(told);
      await verifier.close();
      const traced = await learn.trace({ ...options, publicKey: key, nonce: 0, worker }).then(({ steps }) => steps.distance.distance, (error) => [error.code]);
      await learn.close();
      return [distance, traced];
    }, [optionsOf(known), known.public_key, worker]);
    await page.close();
    return said;
  };
  for (const distance of await run('/typed/')) assert.ok(Math.abs(distance - known.dist[0]) < 2e-5, String(distance));
  for (const [path, worker] of [['/none/'], ['/open/', 'https://elsewhere.example/worker.js']]) {
    const [[code, message], [traceCode]] = await run(path, worker);
    assert.deepEqual([code, traceCode], ['E_WASM_LOAD', 'E_WASM_LOAD'], path);
    // Firefox tells a worker of another origin by an event.
    assert.match(message, /^no worker from .+: .|^the worker did not start: ./);
  }
});
