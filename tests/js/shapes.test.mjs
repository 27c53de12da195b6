// Proof data as the network's nodes, chain and explorers give it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, vector } from './support.mjs';

const { createVerifier, parseProofs } = await load();
const { SHAPES, chainModel } = await load('./adapters');
const tiny = vector('tiny');

const HASH = '1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1';
const HASH_BASE64 = Buffer.from(HASH, 'hex').toString('base64');
const KEY = '02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3';
const KEY_BASE64 = Buffer.from(KEY, 'hex').toString('base64');
const params = { dim: 1792, n_layers: 64, n_heads: 64, n_kv_heads: 64, vocab_size: 8196, ffn_dim_multiplier: 10, multiple_of: 8192, norm_eps: 1e-5, rope_theta: 10000, use_scaled_rope: false, seq_len: 256 };
const message = { '@type': '/inference.inference.MsgSubmitPocBatch', creator: 'gonka1abc', poc_stage_start_block_height: '1000', batch_id: 'b', nonces: ['7', '8'], dist: [1.39, 1.4], node_id: 'node-1' };

const documents = {
  A: { public_key: KEY, block_hash: HASH, block_height: 1000, nonces: [7, 8], dist: [1.39, 1.4], node_id: 3 },
  B: { public_key: KEY, block_hash: HASH, block_height: 1000, nonces: [7, 8], dist: [1.1, 1.2], received_dist: [1.39, 1.4], r_target: 1.3971164020989417, fraud_threshold: 1e-7, n_invalid: 0, probability_honest: 1, fraud_detected: false, node_id: 3 },
  C: { poc_batch: [{ participant: 'gonka1abc', pub_key: KEY_BASE64, hex_pub_key: KEY, poc_batch: [{ participant_address: 'gonka1abc', poc_stage_start_block_height: 1000, received_at_block_height: 1004, nonces: [7, 8], dist: [1.39, 1.4], batch_id: 'b' }] }] },
  D: { poc_batch: [{ participant: 'gonka1abc', pub_key: KEY_BASE64, hex_pub_key: KEY, poc_batch: [{ participant_address: 'gonka1abc', poc_stage_start_block_height: '1000', received_at_block_height: '1004', nonces: ['7', '8'], dist: [1.39, 1.4], batch_id: 'b', node_id: 'node-1' }] }] },
  E: { tx: { body: { messages: [{ '@type': '/cosmos.authz.v1beta1.MsgExec', grantee: 'g', msgs: [message] }] } }, tx_response: { height: '1005' } },
  G: { node_id: 0, node_count: 1, block_hash: HASH, block_height: 1000, public_key: KEY, batch_size: 64, r_target: 1.4, fraud_threshold: 1e-7, params, url: 'http://localhost' },
  H: { block_hash: HASH, public_key: KEY, nonce: '7', distance: 1.39, r_target: 1.4 },
};

for (const [letter, document] of Object.entries(documents)) {
  test(`shape ${letter}: ${SHAPES[letter]}`, async () => {
    const text = JSON.stringify(document);
    const parsed = await parseProofs(text);
    assert.equal(parsed.shape, letter);
    assert.ok(parsed.shapeName.length > 5);
    for (const again of [document, new TextEncoder().encode(text), new TextEncoder().encode(text).buffer]) {
      assert.deepEqual(await parseProofs(again), parsed);
    }
    const [proof] = parsed.proofs;
    assert.deepEqual(proof.nonces, { G: [], H: ['7'] }[letter] ?? ['7', '8']);
    assert.deepEqual(proof.distances, { G: [], H: [1.39] }[letter] ?? [1.39, 1.4], 'the claim, not the validator\'s own');
    const has = (field) => !proof.missing.includes(field);
    assert.equal(has('blockHash'), proof.blockHash !== null);
    assert.equal(proof.blockHash, 'CDE'.includes(letter) ? null : HASH);
    assert.equal(proof.publicKey, letter === 'E' ? null : KEY);
    assert.equal(has('params'), letter === 'G');
    assert.equal(has('nonces'), letter !== 'G');
    assert.equal(has('rTarget'), 'BGH'.includes(letter));
    if (letter !== 'H') assert.equal(proof.blockHeight, 1000);
  });
}

test('hashes and keys in every spelling become one', async () => {
  for (const block_hash of [HASH, HASH.toLowerCase(), HASH_BASE64]) {
    for (const public_key of [KEY, KEY.toUpperCase(), KEY_BASE64]) {
      const { proofs } = await parseProofs({ ...documents.A, block_hash, public_key });
      assert.deepEqual([proofs[0].blockHash, proofs[0].publicKey], [HASH, KEY]);
    }
  }
  const verifier = await createVerifier({ profile: 'gonka', params: 'mainnet', blockHash: HASH_BASE64 });
  assert.equal(verifier.blockHash, HASH);
  await verifier.close();
});

test('later proofs and verdicts without nonces say so', async () => {
  for (const v2 of [{ commits: [] }, { root_hash: 'x', count: 1 }, { proofs: [{ leaf_index: 0 }] }, { messages: [{ '@type': '/inference.inference.MsgPoCV2StoreCommit' }] }]) {
    await assert.rejects(parseProofs(v2), { code: 'E_V2_DATA' });
  }
  const verdict = { ...documents.B, nonces: [], dist: [], received_dist: [] };
  await assert.rejects(parseProofs(verdict), { code: 'E_FORMAT', message: /nothing can be recomputed/ });
  await assert.rejects(parseProofs({ messages: [{ '@type': '/inference.inference.MsgSubmitPocValidation' }] }), { code: 'E_FORMAT' });
});

test('a parsed proof goes back in, with what it lacks given beside it', async () => {
  const { params: model, block_hash, public_key, nonces, dist } = tiny;
  const document = { poc_batch: [{ participant: 'p', poc_batch: [{ nonces: nonces.slice(0, 5), dist: dist.slice(0, 5) }] }] };
  const { proofs } = await parseProofs(document);
  const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: block_hash, rTarget: 2 });
  await assert.rejects(verifier.verifyBatch(proofs[0]), { code: 'E_FORMAT', message: /publicKey/ });
  const report = await verifier.verifyBatch(proofs[0], { publicKey: public_key });
  assert.equal(report.advisory.isWithinHardwareNoise, true);
  const both = { poc_batch: [...document.poc_batch, ...document.poc_batch] };
  await assert.rejects(verifier.verifyBatch(both, { publicKey: public_key }), { code: 'E_FORMAT', message: /2 proofs/ });
  await verifier.close();
});

test('another block is recognised by where its distances scatter', async () => {
  const { params: model, public_key, nonces, dist } = tiny;
  const claims = dist.map((d) => Math.min(d, 1.38));
  const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: 'another' });
  const report = await verifier.verifyBatch({ public_key, nonces, dist: claims }, { sample: 'all' });
  assert.equal(report.state, 'invalid');
  assert.equal(report.verdict.fraudDetected, true);
  assert.match(report.hint, /another block hash/);
  await verifier.close();
});

test('five forged of two hundred are fraud, four are not, and the sample is the seed\'s', async () => {
  const { params: model, block_hash, public_key } = tiny;
  const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: block_hash, rTarget: 1.4013564660458173 });
  // Won nonces, as a host would submit them.
  const all = Array.from({ length: 3000 }, (_, i) => i);
  const { results } = await verifier.verifyBatch({ public_key, nonces: all, dist: all.map(() => 1.4) }, { sample: 'all' });
  const won = results.filter((r) => r.valid).slice(0, 200);
  const lost = results.filter((r) => r.recomputed > 1.41);
  assert.equal(won.length, 200);
  const forge = (n) => {
    const entries = [...won.slice(0, 200 - n).map((r) => [r.nonce, r.recomputed]), ...lost.slice(0, n).map((r) => [r.nonce, 1.39])];
    return { public_key, block_hash, nonces: entries.map(([nonce]) => nonce), dist: entries.map(([, d]) => d) };
  };
  const four = await verifier.verifyBatch(forge(4));
  assert.deepEqual([four.verdict.nInvalid, four.verdict.fraudDetected, four.state, four.seed], [4, false, 'valid', null]);
  assert.equal(four.advisory.isWithinHardwareNoise, false, 'the advice sees what the rule lets pass');
  const five = await verifier.verifyBatch(forge(5));
  assert.deepEqual([five.verdict.nInvalid, five.verdict.fraudDetected, five.state], [5, true, 'invalid']);
  const sampled = (seed) => verifier.verifyBatch(forge(0), { sample: 20, seed });
  const [a, b, c] = [await sampled('a'), await sampled('a'), await sampled('b')];
  assert.equal(a.results.length, 20);
  assert.deepEqual(a, b);
  assert.notDeepEqual(a.results.map((r) => r.index), c.results.map((r) => r.index));
  const [d, e] = [await sampled(), await sampled()];
  assert.notEqual(d.seed, e.seed);
  assert.deepEqual((await sampled(d.seed)).results, d.results, 'a random seed is told, so that others can repeat it');
  await verifier.close();
});

test('near the radius the state is inconclusive, on either side of it', async () => {
  const { params: model, block_hash, public_key, dist, nonces } = tiny;
  const at = dist.findIndex((d) => d < 1.39);
  for (const [offset, state, valid] of [[1e-5, 'inconclusive', true], [-1e-5, 'inconclusive', false], [1e-3, 'valid', true], [-1e-3, 'invalid', false]]) {
    const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: block_hash, rTarget: dist[at] + offset });
    const result = await verifier.verify({ public_key, nonce: nonces[at], distance: dist[at] - 0.01 });
    assert.deepEqual([result.state, result.valid], [state, valid], `${offset}`);
    await verifier.close();
  }
});

test('the chain\'s own model parameters become plain ones', async () => {
  const decimal = (value, exponent) => ({ value, exponent });
  const chain = { params: { poc_params: { model_params: { dim: 1792, n_layers: '64', n_heads: '64', n_kv_heads: 64, vocab_size: '8196', ffn_dim_multiplier: decimal('10', 0), multiple_of: 8192, norm_eps: decimal('1', -5), rope_theta: 10000, use_scaled_rope: false, seq_len: '256', r_target: decimal('1398077', -6) } } } };
  const { params: plain, rTarget } = chainModel(chain);
  assert.deepEqual(plain, params);
  assert.equal(rTarget, 1.398077);
  const verifier = await createVerifier({ profile: 'gonka', params: plain, blockHash: HASH, rTarget });
  assert.equal(verifier.model.hidden, 49152);
  await verifier.close();
  const { model_params } = chain.params.poc_params;
  for (const bad of [null, 5, {}, { ...model_params, use_scaled_rope: 1 }]) {
    assert.throws(() => chainModel(bad), { code: 'E_FORMAT' });
  }
  for (const bad of [undefined, 'x', decimal('1', 999), decimal('NaN', 0), decimal({}, 0), Infinity, '1'.repeat(400)]) {
    assert.throws(() => chainModel({ ...model_params, dim: bad }), { code: 'E_RANGE' });
  }
});
