// The exact profile's known answers, computed by the package in Node: simd128 and scalar wasm, to the bit.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, paths, runNode } from './support.mjs';

const { createVerifier, readDocument } = await load();
const read = (name) => JSON.parse(readFileSync(join(paths.root, 'tests/vectors', `exact_${name}.json`), 'utf8'));
const { cases } = read('forward');
const { json: proof, bytes } = read('proof');
const known = { profile: 'exact', params: proof.params, blockHash: proof.block_hash };

/** Recomputes the nonces of every case with the wasm of `file`; gives {name: {digests, won, listed}}. */
async function table(file, all) {
  const script = `
    import { readFileSync } from 'node:fs';
    import { createVerifier } from 'sphere-pow';
    const wasm = readFileSync(new URL(import.meta.resolve('sphere-pow/${file}')));
    const out = {};
    for (const c of JSON.parse(readFileSync(0, 'utf8'))) {
      const verifier = await createVerifier({ profile: 'exact', params: c.params, blockHash: c.block_hash, wasm });
      const nonces = Array.from({ length: c.count }, (_, i) => String(BigInt(c.first_nonce) + BigInt(i)));
      const digests = nonces.map((_, i) => c.nonces[i]?.digest ?? '0'.repeat(64));
      const { block_hash, public_key, params } = c;
      const proof = { profile: 'exact', version: 2, params, block_hash, public_key, nonces, digests };
      const { results } = await verifier.verifyBatch(proof, { sample: 'all' });
      await verifier.close();
      const listed = results.slice(0, c.nonces.length).map(({ nonce, digest, dot, logitsSquared, targetSquared, won, digestMatches }) =>
        ({ nonce, digest, dot, logitsSquared, targetSquared, won, digestMatches }));
      out[c.name] = { digests: results.map(({ digest }) => digest).join(''), won: results.filter(({ won }) => won).length, listed };
    }
    console.log(JSON.stringify(out));`;
  const input = JSON.stringify(all);
  const { stdout, stderr, code } = await runNode(['--input-type=module', '-e', script], { input, timeout: 500_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const words = (nonces) => nonces.map((w) => ({ nonce: w.nonce, digest: w.digest, dot: w.dot, logitsSquared: w.logits_squared, targetSquared: w.target_squared, won: w.won, digestMatches: true }));
/** By simd128. */
let whole;

test('every digest and verdict of the oracle, verifier.wasm', { timeout: 600_000 }, async () => {
  whole = await table('verifier.wasm', cases);
  assert.equal(Object.keys(whole).length, cases.length);
  for (const { name, sha256_of_digests, won, nonces } of cases) {
    const got = whole[name];
    assert.equal(createHash('sha256').update(Buffer.from(got.digests, 'hex')).digest('hex'), sha256_of_digests, name);
    assert.equal(got.won, won, name);
    assert.deepEqual(got.listed, words(nonces), name);
  }
});

test('digests and verdicts of the oracle, verifier-scalar.wasm', { timeout: 600_000 }, async () => {
  // Some ten times as slow: of many nonces or a large model an eighth.
  const isLong = ({ count, params }) => count > 256 || params.dim * params.tokens * params.layers > 2 ** 20;
  const some = cases.map((one) => (isLong(one) ? { ...one, count: Math.ceil(one.count / 8) } : one));
  const got = await table('verifier-scalar.wasm', some);
  for (const { name, count, nonces } of some) {
    assert.equal(got[name].digests.length, 64 * count);
    assert.ok(whole[name].digests.startsWith(got[name].digests), name);
    assert.deepEqual(got[name].listed, words(nonces.slice(0, count)), name);
  }
});

test('a proof as JSON text, object and bytes is one, and honest', async () => {
  const verifier = await createVerifier(known);
  const raw = Uint8Array.from(Buffer.from(bytes, 'hex'));
  const bare = ({ shape, torn, unjudged, submissions }) => ({ shape, torn, unjudged, submissions: submissions.map(({ place, ...head }) => JSON.stringify(head)) });
  const parsed = bare(await readDocument(proof));
  assert.equal(parsed.shape, 'exact-proof');
  for (const input of [proof, JSON.stringify(proof), raw, raw.buffer]) {
    const read = await readDocument(input);
    assert.deepEqual(bare(read), { ...parsed, shape: input === raw || input === raw.buffer ? 'exact-bytes' : 'exact-proof' });
    const [submission] = read.submissions;
    assert.deepEqual([submission.preset, submission.sources.params], ['nano', 'network']);
    assert.deepEqual([...submission.nonces()].map(String), proof.nonces);
    assert.equal(Buffer.from(submission.claims()).toString('hex'), proof.digests.join(''));
    read.free();
    const report = await verifier.verifyBatch(input);
    const { falseShareBound, fault } = report.evidence;
    assert.deepEqual([report.verdict, report.nChecked, falseShareBound, fault], ['honest', 8, 0, null]);
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  }
  const sampled = await verifier.verifyBatch(proof, { sample: 3, seed: 's' });
  assert.equal(sampled.verdict, 'inconclusive');
  assert.ok(Math.abs(sampled.evidence.falseShareBound - (1 - 0.05 ** (1 / 3))) < 1e-12);
  await verifier.close();
});

test('every reject vector is refused by its code, and false claims are fraud with what repeats them', async () => {
  const verifier = await createVerifier(known);
  const kinds = { 'wrong-block': 'E_BLOCK_HASH', 'wrong-key': 'E_FORMAT', 'wrong-params': 'E_RANGE' };
  const { public_key: publicKey } = proof;
  for (const { name, stage, code: reason, hex } of read('reject').cases) {
    const input = Uint8Array.from(Buffer.from(hex, 'hex'));
    if (stage === 'read') {
      const refused = await readDocument(input).then(() => assert.fail(name), (e) => e);
      assert.equal(refused.reason, reason, `${name}: ${refused.message}`);
      assert.ok(['E_FORMAT', 'E_RANGE', 'E_PROFILE_UNKNOWN', 'E_BLOCK_HASH'].includes(refused.code), `${name}: ${refused.code}`);
    } else if (stage === 'expect') {
      await assert.rejects(verifier.verifyBatch(input, { publicKey }), { code: kinds[reason], reason }, name);
    } else {
      const { verdict, evidence, results, publicKey: key } = await verifier.verifyBatch(input);
      const { fault } = evidence;
      assert.deepEqual([verdict, fault.code], ['fraud', reason], name);
      const again = await verifier.compute(key, fault.nonce);
      assert.equal(again.digest, results.find(({ index }) => index === fault.index).digest, name);
    }
  }
  await verifier.close();
});

test('weights kept or made on the fly give the same, and memory says so', async () => {
  const { params, block_hash: blockHash, public_key: key, nonces } = cases.find(({ name }) => name === 'standard');
  for (const keepWeights of [false, true]) {
    const verifier = await createVerifier({ profile: 'exact', params, blockHash, keepWeights });
    const { digest } = await verifier.compute(key, nonces[0].nonce);
    assert.equal(digest, nonces[0].digest);
    assert.equal(verifier.model.keepsWeights, keepWeights);
    assert.ok(keepWeights ? verifier.model.memoryBytes < 450e6 : verifier.model.memoryBytes < 64e6);
    await verifier.close();
  }
  await assert.rejects(createVerifier({ ...known, rTarget: 1.4 }), { code: 'E_FORMAT' });
  await assert.rejects(createVerifier({ ...known, params: 'testnet' }), { code: 'E_PROFILE_UNKNOWN' });
});
