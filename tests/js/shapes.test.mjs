// Proof data as the network's nodes, chain and explorers give it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, vector } from './support.mjs';

const { createVerifier, readDocument, readModel, verifyDocument } = await load();
const { SHAPES } = await load('./adapters');
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

const NAMES = { A: 'proof-batch', B: 'validated-batch', C: 'api-batches', D: 'chain-batches', E: 'transaction', G: 'init', H: 'single' };

for (const [letter, document] of Object.entries(documents)) {
  test(`shape ${letter}: ${SHAPES[NAMES[letter]]}`, async () => {
    const text = JSON.stringify(document);
    const parsed = await readDocument(text);
    assert.equal(parsed.shape, NAMES[letter]);
    assert.ok(SHAPES[parsed.shape].length > 5);
    const [batch] = parsed.batches();
    for (const again of [document, new TextEncoder().encode(text), new TextEncoder().encode(text).buffer]) {
      assert.deepEqual((await readDocument(again)).batches(), [batch]);
    }
    assert.equal(batch.nClaimed, { G: 0, H: 1 }[letter] ?? 2);
    assert.equal(batch.blockHash, 'CDE'.includes(letter) ? null : HASH);
    assert.equal(batch.publicKey, letter === 'E' ? null : KEY);
    assert.equal(batch.params !== null, letter === 'G');
    assert.equal(batch.rTarget, { B: 1.3971164020989417, G: 1.4, H: 1.4 }[letter] ?? null);
    if (letter !== 'H') assert.equal(batch.blockHeight, 1000);
    // What it leaves out the verifier says; the init request has no claims all the same.
    const given = { params: 'mainnet', ...(batch.blockHash ? {} : { blockHash: HASH }), ...(batch.publicKey ? {} : { publicKey: KEY }) };
    const { submissions, unjudged } = await readDocument(document, letter === 'G' ? {} : given);
    if (letter === 'G') {
      assert.deepEqual([submissions.length, unjudged.map(({ code }) => code)], [0, ['no-nonces']]);
      return;
    }
    assert.deepEqual(unjudged, []);
    const [submission] = submissions;
    assert.deepEqual([...submission.nonces()].map(String), letter === 'H' ? ['7'] : ['7', '8']);
    assert.deepEqual([...submission.claims()], letter === 'H' ? [1.39] : [1.39, 1.4], 'the claim, not the validator\'s own');
  });
}

test('hashes and keys are taken as given, with a hint where the network spells otherwise', async () => {
  for (const block_hash of [HASH, HASH.toLowerCase(), `0x${HASH}`, HASH_BASE64]) {
    for (const public_key of [KEY, KEY.toUpperCase(), KEY_BASE64]) {
      const { submissions } = await readDocument({ ...documents.A, block_hash, public_key }, { params: 'mainnet' });
      const [{ blockHash, publicKey, hints }] = submissions;
      assert.deepEqual([blockHash, publicKey], [block_hash, public_key]);
      assert.equal(hints.length, Number(block_hash !== HASH) + Number(public_key !== KEY));
      if (block_hash !== HASH) assert.match(hints[0], new RegExp(`the network seeds with ${HASH}`));
    }
  }
  const verifier = await createVerifier({ profile: 'gonka', params: 'mainnet', blockHash: HASH_BASE64 });
  assert.equal(verifier.blockHash, HASH_BASE64);
  await verifier.close();
  // A hash in other letters is another block, whose distances are its own.
  const { params: model, public_key } = tiny;
  const distances = [];
  for (const blockHash of [HASH, HASH.toLowerCase()]) {
    const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash });
    distances.push(await verifier.distance(public_key, 0));
    await verifier.close();
  }
  assert.ok(Math.abs(distances[0] - distances[1]) > 1e-4);
});

test('later proofs and verdicts without nonces say so', async () => {
  for (const v2 of [{ commits: [] }, { root_hash: 'x', count: 1 }, { proofs: [{ leaf_index: 0 }] }, { messages: [{ '@type': '/inference.inference.MsgPoCV2StoreCommit' }] }]) {
    await assert.rejects(readDocument(v2), { code: 'E_V2_DATA', reason: 'v2' });
  }
  const verdict = { ...documents.B, nonces: [], dist: [], received_dist: [] };
  await assert.rejects(readDocument(verdict), { code: 'E_FORMAT', reason: 'verdict-only', message: /nothing can be recomputed/ });
  await assert.rejects(readDocument({ messages: [{ '@type': '/inference.inference.MsgSubmitPocValidation' }] }), { code: 'E_FORMAT' });
});

test('what a document lacks is given beside it, by the verifier or with the document', async () => {
  const { params: model, block_hash, public_key, nonces, dist } = tiny;
  const document = { poc_batch: [{ participant: 'p', poc_batch: [{ nonces: nonces.slice(0, 5), dist: dist.slice(0, 5) }] }] };
  const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: block_hash, rTarget: 2 });
  await assert.rejects(verifier.verifyBatch(document), { code: 'E_FORMAT', reason: 'missing-key', message: /key/ });
  const report = await verifier.verifyBatch(document, { publicKey: public_key });
  assert.equal(report.evidence.advisory.isWithinHardwareNoise, true);
  // The same host twice with the same nonces: one submission, refused.
  const both = { poc_batch: [...document.poc_batch, ...document.poc_batch] };
  await assert.rejects(verifier.verifyBatch(both, { publicKey: public_key }), { code: 'E_FORMAT', reason: 'duplicate' });
  const two = { poc_batch: [public_key, `03${public_key.slice(2)}`].map((hex_pub_key) => ({ ...document.poc_batch[0], hex_pub_key })) };
  await assert.rejects(verifier.verifyBatch(two), { code: 'E_FORMAT', message: /2 submissions/ });
  await verifier.close();
  // What came with it, as in a link, confirms nothing and loosens nothing.
  const said = { params: model, blockHash: block_hash, publicKey: public_key, rTarget: 2 };
  const { submissions } = await verifyDocument(document, { said });
  assert.deepEqual(submissions.map((s) => [s.verdict, s.unconfirmed, s.sources.rule, s.sources.blockHash]), [['unconfirmed', ['params', 'rule'], 'document', 'document']]);
  const confirmed = await verifyDocument(document, { said, params: model, rTarget: 2, blockHash: block_hash });
  assert.deepEqual(confirmed.submissions.map((s) => [s.verdict, s.unconfirmed, s.sources.blockHash, s.sources.publicKey]), [['honest', [], 'verifier', 'document']]);
});

test('another block is recognised by where its distances scatter', async () => {
  const { params: model, public_key, nonces, dist } = tiny;
  const claims = dist.map((d) => Math.min(d, 1.38));
  const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: 'another' });
  const report = await verifier.verifyBatch({ public_key, nonces, dist: claims }, { sample: 'all' });
  assert.equal(report.verdict, 'fraud');
  assert.deepEqual([report.evidence.fraudDetected, report.evidence.nothingAgrees], [true, true]);
  assert.match(report.summary, /another block hash/);
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
  assert.deepEqual([four.nBad, four.evidence.fraudDetected, four.verdict, four.sampleSeed, four.sampleSource], [4, false, 'honest', null, 'whole']);
  assert.equal(four.evidence.advisory.isWithinHardwareNoise, false, 'the advice sees what the rule lets pass');
  const five = await verifier.verifyBatch(forge(5));
  assert.deepEqual([five.nBad, five.evidence.fraudDetected, five.verdict], [5, true, 'fraud']);
  assert.equal(five.evidence.nothingAgrees, false, 'five strangers among agreeing claims are no other block');
  const sampled = (seed) => verifier.verifyBatch(forge(0), { sample: 20, seed });
  const [a, b, c] = [await sampled('a'), await sampled('a'), await sampled('b')];
  assert.equal(a.results.length, 20);
  assert.deepEqual(a, b);
  assert.notDeepEqual(a.results.map((r) => r.index), c.results.map((r) => r.index));
  const [d, e] = [await sampled(), await sampled()];
  assert.notEqual(d.sampleSeed, e.sampleSeed);
  assert.match(d.sampleSeed, /^[0-9a-f]{32}$/, '128 bits');
  assert.deepEqual([a.sampleSource, d.sampleSource], ['verifier', 'random']);
  assert.deepEqual((await sampled(d.sampleSeed)).results, d.results, 'a random seed is told, so that others can repeat it');
  // A seed of the document's maker proves nothing.
  const foreseen = await verifier.verifyBatch(forge(0), { sample: 20, seed: 'a', seedSource: 'document' });
  assert.deepEqual([foreseen.verdict, foreseen.unconfirmed, foreseen.sampleSource], ['unconfirmed', ['sample'], 'document']);
  // One or two nonces convict nobody.
  for (const sample of [1, 2]) assert.equal((await verifier.verifyBatch(forge(0), { sample })).verdict, 'inconclusive');
  await verifier.close();
});

test('a single nonce: good on one side of the radius, and on the other too little to convict anybody', async () => {
  const { params: model, block_hash, public_key, dist, nonces } = tiny;
  const at = dist.findIndex((d) => d < 1.39);
  for (const [offset, verdict, valid] of [[1e-5, 'honest', true], [-1e-5, 'inconclusive', false], [1e-3, 'honest', true], [-1e-3, 'inconclusive', false]]) {
    const verifier = await createVerifier({ profile: 'gonka', params: model, blockHash: block_hash, rTarget: dist[at] + offset });
    const result = await verifier.verify({ public_key, nonce: nonces[at], distance: dist[at] - 0.01 });
    assert.deepEqual([result.verdict, result.results[0].valid], [verdict, valid], `${offset}`);
    await verifier.close();
  }
});

test('the chain\'s own model parameters become plain ones', async () => {
  const decimal = (value, exponent) => ({ value, exponent });
  const chain = { params: { poc_params: { model_params: { dim: 1792, n_layers: '64', n_heads: '64', n_kv_heads: 64, vocab_size: '8196', ffn_dim_multiplier: decimal('10', 0), multiple_of: 8192, norm_eps: decimal('1', -5), rope_theta: 10000, use_scaled_rope: false, seq_len: '256', r_target: decimal('1398077', -6) } } } };
  const { params: plain, notes } = await readModel('gonka', chain);
  assert.deepEqual([plain, notes], [params, []]);
  const verifier = await createVerifier({ profile: 'gonka', params: plain, blockHash: HASH });
  assert.deepEqual([verifier.model.preset, verifier.model.params], ['mainnet', params]);
  await verifier.close();
  const { model_params } = chain.params.poc_params;
  for (const bad of [null, 5, {}, '{', 'x', { ...model_params, use_scaled_rope: 1 }]) {
    const { code } = await readModel('gonka', bad).then(() => assert.fail(`${bad}`), (e) => e);
    assert.ok(['E_RANGE', 'E_FORMAT'].includes(code), `${bad}: ${code}`);
  }
  for (const bad of ['x', decimal('1', 999), decimal('NaN', 0), decimal({}, 0), Infinity, '1'.repeat(400), -1]) {
    const { code, reason } = await readModel('gonka', { ...model_params, dim: bad }).then(() => assert.fail(`${bad}`), (e) => e);
    assert.ok(['E_RANGE', 'E_FORMAT'].includes(code) && /^[a-z-]+$/.test(reason), `${bad}: ${code} ${reason}`);
  }
  await assert.rejects(readModel('moon', chain), { code: 'E_PROFILE_UNKNOWN' });
});
