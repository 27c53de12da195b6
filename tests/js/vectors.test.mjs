// Known answers of the reference, computed by the package in Node.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { errors, load, optionsOf, paths, runNode, vector } from './support.mjs';

const { constants, createVerifier, readModel, targetRadius } = await load();

function batchOf({ public_key, block_hash, nonces, dist }) {
  return { public_key, block_hash, nonces, dist };
}

for (const name of ['tiny', 'small', 'devtest']) {
  test(`every distance of ${name} is within the bounds of the profile`, async () => {
    const known = vector(name);
    await using_(await createVerifier(optionsOf(known)), async (verifier) => {
      const report = await verifier.verifyBatch(batchOf(known), { sample: 'all' });
      assert.equal(report.results.length, known.dist.length);
      const { rms, max } = errors(report.results.map((r) => r.recomputed), known.dist);
      assert.ok(rms <= 5e-6 && max <= 2e-5, `rms ${rms}, max ${max}`);
      assert.deepEqual([report.verdict, report.nChecked, report.nBad], ['honest', known.dist.length, 0]);
      const { advisory, probabilityHonest, fraudDetected } = report.evidence;
      assert.deepEqual([probabilityHonest, fraudDetected], [1, false]);
      assert.ok(Math.abs(advisory.rmsError - rms) < 1e-12 && advisory.isWithinHardwareNoise);
      assert.deepEqual(JSON.parse(JSON.stringify(report)), report, 'a report is plain JSON');
      // A single nonce agrees with itself in a batch, but for the order of additions.
      const last = known.nonces.length - 1;
      const alone = await verifier.distance(known.public_key, known.nonces[last]);
      assert.ok(Math.abs(alone - report.results[last].recomputed) < 5e-6);
    });
  });
}

async function using_(verifier, work) {
  try {
    return await work(verifier);
  } finally {
    await verifier.close();
  }
}

test('a wrong known answer would be noticed', () => {
  const { dist } = vector('tiny');
  const { max } = errors(dist.with(5, dist[5] + 3e-5), dist);
  assert.ok(max > 2e-5);
});

test('one nonce of testnet, in under 600 MB, with progress that never falls', { timeout: 600_000 }, async () => {
  const known = vector('testnet');
  const script = `
    import { createVerifier } from 'sphere-pow';
    const verifier = await createVerifier({ profile: 'gonka', params: 'testnet', blockHash: '${known.block_hash}' });
    const seen = [];
    const distance = await verifier.distance('${known.public_key}', 0, { onProgress: (p) => seen.push(p) });
    console.log(JSON.stringify({ distance, seen, peak: process.resourceUsage().maxRSS, memory: verifier.model.memoryBytes }));
  `;
  const { stdout, stderr, code, ms } = await runNode(['--input-type=module', '-e', script], { timeout: 580_000 });
  assert.equal(code, 0, stderr);
  const { distance, seen, peak, memory } = JSON.parse(stdout);
  assert.ok(Math.abs(distance - known.dist[0]) <= 2e-5, `${distance} against ${known.dist[0]}`);
  assert.ok(peak * 1024 < 600e6, `${peak} KiB resident at most`);
  assert.ok(memory < 600e6);
  assert.deepEqual([...new Set(seen.map((p) => p.phase))], ['weights', 'layers', 'done']);
  assert.ok(seen.length > 20, `${seen.length} reports in ${ms} ms`);
  const fractions = seen.map((p) => p.fraction);
  assert.deepEqual(fractions, fractions.toSorted((a, b) => a - b));
  assert.equal(fractions.at(-1), 1);
  assert.ok(seen.some((p) => p.eta !== null && p.eta > 0));
  console.log(`testnet nonce: ${(ms / 1000).toFixed(1)} s, ${(peak / 1e3).toFixed(0)} MB resident at most`);
});

test('scalar and simd128 wasm give identical bits', async () => {
  const script = (file) => `
    import { readFileSync } from 'node:fs';
    import { createVerifier } from 'sphere-pow';
    const wasm = readFileSync(new URL(import.meta.resolve('sphere-pow/${file}')));
    const out = [];
    for (const { params, blockHash, key, nonces } of JSON.parse(readFileSync(0, 'utf8'))) {
      const verifier = await createVerifier({ profile: 'gonka', params, blockHash, wasm });
      const bits = (x) => Buffer.from(new Float64Array([x]).buffer).toString('hex');
      for (const nonce of nonces) out.push(bits(await verifier.distance(key, nonce)));
      const dist = nonces.map(() => 1.4);
      const report = await verifier.verifyBatch({ public_key: key, nonces, dist }, { sample: 'all' });
      out.push(...report.results.map((r) => bits(r.recomputed)));
      await verifier.close();
    }
    console.log(JSON.stringify(out));
  `;
  const cases = ['tiny', 'small', 'devtest'].map((name) => {
    const { params, block_hash: blockHash, public_key: key, nonces } = vector(name);
    // With grouped heads and long sequences: kernels of many rows.
    return { params, blockHash, key, nonces: nonces.slice(0, 9) };
  });
  cases.push({ ...cases[1], params: { ...cases[1].params, seq_len: 67 } });
  const run = async (file) => {
    const { stdout, stderr, code } = await runNode(['--input-type=module', '-e', script(file)], { input: JSON.stringify(cases), timeout: 300_000 });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const [simd, scalar] = [await run('verifier.wasm'), await run('verifier-scalar.wasm')];
  assert.equal(simd.length, 72);
  assert.deepEqual(scalar, simd);
});

test('radii and rates are inverse, and the network\'s rates come out', async () => {
  const { radii } = await constants();
  const [launch, december] = radii;
  assert.deepEqual([launch.rTarget, december.rTarget, launch.fromHeight], [1.4013564660458173, 1.398077, null]);
  assert.ok(Math.abs((await targetRadius.winRate(launch.rTarget)) - 0.0506) < 5e-5);
  assert.ok(Math.abs((await targetRadius.winRate(december.rTarget)) - 0.02) < 5e-5);
  for (const rate of [0.5, 0.02, 1e-6]) {
    assert.ok(Math.abs((await targetRadius.winRate(await targetRadius.fromWinRate(rate, 1024), 1024)) / rate - 1) < 1e-9);
  }
  assert.equal(await targetRadius.at(december.fromHeight - 1), launch.rTarget);
  assert.equal(await targetRadius.at(december.fromHeight), december.rTarget);
  await assert.rejects(targetRadius.at(-1), { code: 'E_RANGE' });
  for (const bad of [0, 1, -1, NaN, 2]) await assert.rejects(targetRadius.fromWinRate(bad), { code: 'E_RANGE' });
  for (const bad of [0, 2.1, NaN, Infinity]) await assert.rejects(targetRadius.winRate(bad), { code: 'E_RANGE' });
  for (const bad of [1, 1.5, 2 ** 21, NaN]) await assert.rejects(targetRadius.winRate(1.4, bad), { code: 'E_RANGE' });
});

test('p-values of a batch are the reference\'s', async () => {
  const known = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/binomial.json'), 'utf8'));
  const { public_key, block_hash, params, nonces } = vector('tiny');
  const verifier = await createVerifier({ profile: 'gonka', params, blockHash: block_hash, rTarget: 2 });
  after(() => verifier.close());
  for (const { n, k, pvalue } of known.filter((row) => row.n <= 200)) {
    const all = Array.from({ length: n }, (_, i) => i);
    // A claim of 2 is not below the radius 2, so it is bad whatever the model says.
    const dist = all.map((i) => (i < k ? 2 : 1.4));
    const report = await verifier.verifyBatch({ public_key, nonces: all, dist }, { sample: 'all' });
    const { probabilityHonest, fraudDetected } = report.evidence;
    assert.equal(report.nBad, k);
    assert.ok(Math.abs(probabilityHonest - pvalue) <= 1e-9 * pvalue, `${n} ${k}`);
    assert.equal(fraudDetected, pvalue < 1e-7);
    assert.equal(report.verdict, pvalue < 1e-7 ? 'fraud' : n < 3 && k > 0 ? 'inconclusive' : 'honest');
  }
  assert.ok(nonces.length > 0);
});
