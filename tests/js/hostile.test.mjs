// Input that means harm or is merely wrong: always a typed error, never a wrong verdict, a hang or a crash.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { load, optionsOf, runNode, vector } from './support.mjs';

const { constants, createVerifier, readDocument, ERROR_CODES, SpherePowError } = await load();
const tiny = vector('tiny');
const { public_key, block_hash } = tiny;
const verifier = await createVerifier(optionsOf(tiny));
after(() => verifier.close());
const good = { public_key, block_hash, nonces: [0, 1, 2], dist: tiny.dist.slice(0, 3) };

/** Asserts the code, and that the message says something. */
async function refused(code, promise) {
  const error = await Promise.resolve()
    .then(promise)
    .then((value) => assert.fail(`accepted, gave ${JSON.stringify(value)?.slice(0, 200)}`), (e) => e);
  assert.ok(error instanceof SpherePowError, `${error?.stack}`);
  assert.ok(ERROR_CODES.includes(error.code));
  assert.equal(error.code, code, error.message);
  assert.ok(error.message.length > 10 && error.message.length < 1500, error.message);
}

test('the good batch is good', async () => {
  assert.equal((await verifier.verifyBatch(good)).nBad, 0);
});

test('nonces: exact or not at all', async () => {
  const bad = [
    [-1, 'E_RANGE'],
    [1.5, 'E_RANGE'],
    [NaN, 'E_RANGE'],
    [Infinity, 'E_RANGE'],
    [2 ** 53, 'E_RANGE'],
    [1e300, 'E_RANGE'],
    [-1n, 'E_RANGE'],
    [1n << 63n, 'E_RANGE'],
    ['', 'E_RANGE'],
    [' 1', 'E_RANGE'],
    ['1 ', 'E_RANGE'],
    ['+1', 'E_RANGE'],
    ['1e3', 'E_RANGE'],
    ['0x10', 'E_RANGE'],
    ['1.0', 'E_RANGE'],
    ['１２', 'E_RANGE'],
    ['9223372036854775808', 'E_RANGE'],
    ['9'.repeat(1e6), 'E_RANGE'],
    [null, 'E_FORMAT'],
    [undefined, 'E_FORMAT'],
    [true, 'E_FORMAT'],
    [{}, 'E_FORMAT'],
    [[1], 'E_FORMAT'],
    [Symbol('n'), 'E_FORMAT'],
    [{ valueOf: () => 1, toString: () => '1' }, 'E_FORMAT'],
  ];
  for (const [nonce, code] of bad) await refused(code, () => verifier.distance(public_key, nonce));
  for (const nonce of [-1, 1.5, 2 ** 53, 2 ** 64, 1n << 63n, '-1', ' 1', {}, [], true]) {
    const code = await verifier.verifyBatch({ ...good, nonces: [nonce], dist: [1.4] }).then(() => 'accepted', (e) => e.code);
    assert.ok(['E_RANGE', 'E_FORMAT'].includes(code), `${String(nonce)}: ${code}`);
  }
});

test('the same nonce as number, text and bigint is the same nonce, up to the last', async () => {
  const want = await verifier.distance(public_key, 7);
  for (const nonce of [7n, '7', '007']) assert.equal(await verifier.distance(public_key, nonce), want);
  const last = (1n << 63n) - 1n;
  assert.equal(await verifier.distance(public_key, last), await verifier.distance(public_key, String(last)));
  assert.notEqual(await verifier.distance(public_key, last), await verifier.distance(public_key, last - 1n));
  const batch = { public_key, nonces: [last, String(last - 1n)], dist: [1.4, 1.4] };
  const report = await verifier.verifyBatch(batch);
  assert.deepEqual(report.results.map((r) => r.nonce), ['9223372036854775807', '9223372036854775806']);
  // JSON text keeps integers that JavaScript's numbers cannot.
  const text = `{"public_key":"${public_key}","nonces":[9223372036854775807],"dist":[1.4]}`;
  assert.equal((await verifier.verifyBatch(text)).results[0].nonce, '9223372036854775807');
});

test('distances that cannot be', async () => {
  for (const dist of [NaN, Infinity, -Infinity, -1, -1e-9]) {
    await refused('E_RANGE', () => verifier.verifyBatch({ ...good, nonces: [0], dist: [dist] }));
  }
  // The network takes any finite length; none above the radius wins, and the largest chord is 2.
  for (const dist of [2, 2.1, 1e308]) {
    const { results } = await verifier.verifyBatch({ ...good, nonces: [0], dist: [dist] });
    assert.deepEqual(results.map((r) => [r.claimed, r.valid]), [[dist, false]]);
  }
  for (const dist of [null, true, {}, [], 'far']) {
    const { code } = await verifier.verifyBatch({ ...good, nonces: [0], dist: [dist] }).then(() => assert.fail(), (e) => e);
    assert.ok(['E_FORMAT', 'E_RANGE'].includes(code), `${dist}: ${code}`);
  }
  await refused('E_RANGE', () => verifier.verifyBatch(`{"public_key":"${public_key}","nonces":[0],"dist":["NaN"]}`));
});

test('lists that do not go together', async () => {
  await refused('E_FORMAT', () => verifier.verifyBatch({ ...good, dist: [1] }));
  await refused('E_FORMAT', () => verifier.verifyBatch({ ...good, nonces: [], dist: [] }));
  await refused('E_FORMAT', () => verifier.verifyBatch({ ...good, nonces: [1, 2, 1], dist: [1, 1, 1] }));
  await refused('E_FORMAT', () => verifier.verifyBatch({ ...good, nonces: 'all' }));
  await refused('E_FORMAT', () => verifier.verifyBatch({ ...good, nonces: { length: 3 } }));
  await refused('E_RANGE', () => verifier.verifyBatch({ ...good, nonces: new Array(2 ** 32 - 1) }));
  await refused('E_FORMAT', () => verifier.verify(good));
  await refused('E_FORMAT', () => verifier.verify({ ...good, nonces: [0], dist: [1], nonce: 1 }).then((r) => (r.results[0].nonce === '0' ? Promise.reject(new SpherePowError('E_FORMAT', 'the lists were read')) : r)));
});

test('hashes and keys', async () => {
  for (const blockHash of ['', 'a b', 'a'.repeat(257), 'x'.repeat(1e7), 'é', '\u0000', 5, null, undefined, {}, ['a']]) {
    await refused('E_BLOCK_HASH', () => createVerifier({ ...optionsOf(tiny), blockHash }));
  }
  for (const key of ['', 'a b', 'a'.repeat(257), 'é', '\u0000']) await refused('E_RANGE', () => verifier.distance(key, 0));
  for (const key of [5, null, undefined, {}, 'x'.repeat(1e7)]) await refused('E_FORMAT', () => verifier.distance(key, 0));
  await refused('E_BLOCK_HASH', () => verifier.verifyBatch({ ...good, block_hash: 'ffff' }));
  await refused('E_BLOCK_HASH', () => verifier.verifyBatch({ ...good, block_hash: 'a b' }));
  await refused('E_FORMAT', () => verifier.verifyBatch(good, { publicKey: 'ffff' }));
  await refused('E_FORMAT', () => verifier.verifyBatch({ ...good, public_key: undefined }));
});

test('a claim cannot loosen the rule it is judged by', async () => {
  const strict = await createVerifier({ ...optionsOf(tiny), rTarget: undefined });
  const one = { public_key, block_hash, nonce: 0, distance: tiny.dist[0] };
  const { radii } = await constants();
  const plain = await strict.verify(one);
  assert.deepEqual([plain.rule.rTarget, plain.sources.rule, plain.unconfirmed], [radii[0].rTarget, 'network', []]);
  // It may name a stricter one, which is then its own word.
  const own = await strict.verify({ ...one, r_target: 1.3 });
  const [{ valid }] = own.results;
  assert.deepEqual([own.rule.rTarget, own.sources.rule, own.unconfirmed, valid, own.verdict], [1.3, 'document', [], false, 'inconclusive']);
  // A looser one is never honest: from 2 on every nonce wins.
  for (const [r_target, rTarget] of [[2, 2], [1.4014, 1.4014], [2.5, 2], [10, 2], ['2.5', 2]]) {
    const report = await strict.verifyBatch({ ...good, r_target, dist: [0.5, 0.5, 0.5] });
    assert.deepEqual([report.rule.rTarget, report.sources.rule, report.unconfirmed], [rTarget, 'document', ['rule']], `${r_target}`);
    assert.notEqual(report.verdict, 'honest');
    if (rTarget === 2) assert.equal(report.verdict, 'unconfirmed');
    assert.match(report.summary, /not confirmed by the verifier: radius/);
  }
  for (const bad of [0, -1, NaN]) {
    const { code } = await strict.verify({ ...one, r_target: bad }).then(() => assert.fail(`${bad}`), (e) => e);
    assert.ok(['E_RANGE', 'E_FORMAT'].includes(code));
  }
  // The option rules, whatever the claim says.
  assert.equal((await verifier.verify({ ...one, r_target: 1.3 })).sources.rule, 'verifier');
  await refused('E_RANGE', () => strict.verify({ ...one, params: vector('small').params }));
  assert.equal((await strict.verify({ ...one, params: tiny.params })).results[0].valid, true);
  await strict.close();
});

test('parameters', async () => {
  const wrong = (change) => createVerifier({ ...optionsOf(tiny), params: { ...tiny.params, ...change } });
  for (const field of ['dim', 'n_layers', 'n_heads', 'n_kv_heads', 'vocab_size', 'multiple_of', 'seq_len']) {
    for (const value of [0, -1, 2 ** 40]) await refused('E_RANGE', () => wrong({ [field]: value }));
    for (const value of [1.5, 1e300, 3.0000001, NaN, 'many', null, undefined, {}, []]) {
      const code = await wrong({ [field]: value }).then(() => 'accepted', (e) => e.code);
      assert.ok(['E_RANGE', 'E_FORMAT'].includes(code), `${field} ${String(value)} ${code}`);
    }
  }
  await refused('E_RANGE', () => wrong({ n_heads: 3 }));
  await refused('E_RANGE', () => wrong({ ffn_dim_multiplier: -1 }));
  await refused('E_RANGE', () => wrong({ norm_eps: 0 }));
  await refused('E_FORMAT', () => wrong({ use_scaled_rope: 'yes' }));
  for (const params of ['', 'moon', 'MAINNET', '__proto__', 'x'.repeat(500)]) {
    await refused('E_PROFILE_UNKNOWN', () => createVerifier({ ...optionsOf(tiny), params }));
  }
  for (const params of [5, null, undefined, true, '{', '{}', 'x'.repeat(5000), [], new Map()]) {
    await refused('E_FORMAT', () => createVerifier({ ...optionsOf(tiny), params }));
  }
});

test('options', async () => {
  for (const profile of ['', 'GONKA', undefined, null, 1, '__proto__', 'toString']) {
    await refused('E_PROFILE_UNKNOWN', () => createVerifier({ ...optionsOf(tiny), profile }));
  }
  for (const options of [5, 'x', null]) await refused('E_FORMAT', () => createVerifier(options));
  await refused('E_PROFILE_UNKNOWN', () => createVerifier());
  await refused('E_FORMAT', () => createVerifier({ ...optionsOf(tiny), blockhash: 'misspelt' }));
  for (const rTarget of [0, -1, NaN, 2.1, Infinity]) await refused('E_RANGE', () => createVerifier({ ...optionsOf(tiny), rTarget }));
  for (const rTarget of ['1.4', null, {}]) await refused('E_FORMAT', () => createVerifier({ ...optionsOf(tiny), rTarget }));
  for (const fraudThreshold of [-1, 2, NaN]) await refused('E_RANGE', () => createVerifier({ ...optionsOf(tiny), fraudThreshold }));
  for (const concurrency of [0, -1, 1.5, 1000, NaN]) await refused('E_RANGE', () => createVerifier({ ...optionsOf(tiny), concurrency }));
  for (const worker of [true, 5, {}, null]) await refused('E_FORMAT', () => createVerifier({ ...optionsOf(tiny), worker }));
  for (const sample of [0, -1, 1.5, NaN, 2 ** 40]) await refused('E_RANGE', () => verifier.verifyBatch(good, { sample }));
  for (const sample of ['some', null, {}]) await refused('E_FORMAT', () => verifier.verifyBatch(good, { sample }));
  await refused('E_FORMAT', () => verifier.verifyBatch(good, { sample: 1, seed: 5 }));
  await refused('E_FORMAT', () => verifier.verifyBatch(good, { sampel: 1 }));
  await refused('E_FORMAT', () => verifier.verifyBatch(good, { signal: { aborted: false } }));
  await refused('E_FORMAT', () => verifier.verifyBatch(good, { onProgress: 5 }));
  await refused('E_FORMAT', () => verifier.distance(public_key, 0, 5));
});

test('documents that are none', async () => {
  for (const text of ['', ' ', 'null', '5', '"x"', '{}', '{', '{"nonces":[1', '<html>', '\u0000', '{"a":1}']) {
    await refused('E_FORMAT', () => readDocument(text));
  }
  for (const value of [5, null, undefined, true, Symbol('x'), () => good, 5n, [5], [[]]]) {
    await refused('E_FORMAT', () => readDocument(value));
  }
  await refused('E_FORMAT', () => readDocument('['.repeat(1e6)));
  await refused('E_FORMAT', () => readDocument('{"nonces":'.repeat(1e5)));
  const { maxDocumentBytes } = await constants();
  await refused('E_FORMAT', () => readDocument('x'.repeat(maxDocumentBytes + 1)));
  await refused('E_FORMAT', () => readDocument(new Uint8Array(maxDocumentBytes + 1)));
  await refused('E_FORMAT', () => readDocument(new Uint8Array([0xff, 0xfe, 0x00])));
  await refused('E_FORMAT', () => readDocument({ ...good, extra: 'x'.repeat(maxDocumentBytes + 1) }));
  const cycle = { ...good };
  cycle.self = cycle;
  await refused('E_FORMAT', () => readDocument(cycle));
  // Truncated anywhere.
  const whole = JSON.stringify(good);
  for (let i = 0; i < whole.length; i += 7) await refused('E_FORMAT', () => readDocument(whole.slice(0, i)));
});

test('objects with getters, proxies, symbols and prototypes of their own', async () => {
  const thrower = { ...good, get nonces() { throw new Error('no'); } };
  await refused('E_FORMAT', () => verifier.verifyBatch(thrower));
  const liar = { ...good, get dist() { throw { toString() { throw new Error('not even this'); } }; } };
  await refused('E_FORMAT', () => verifier.verifyBatch(liar));
  await refused('E_FORMAT', () => verifier.verifyBatch(new Proxy(good, { ownKeys() { throw new Error('no'); } })));
  await refused('E_FORMAT', () => verifier.verifyBatch(good, { get sample() { throw new Error('no'); } }));
  await refused('E_FORMAT', () => createVerifier({ ...optionsOf(tiny), get params() { throw new Error('no'); } }));
  await refused('E_FORMAT', () => verifier.verifyBatch(Object.create(good)));
  await refused('E_FORMAT', () => verifier.verifyBatch({ __proto__: good }));
  const typed = { ...good, nonces: BigUint64Array.of(0n, 1n, 2n), dist: Float64Array.from(good.dist), toJSON: () => ({}) };
  assert.equal((await verifier.verifyBatch(typed)).nBad, 0);
  assert.equal((await verifier.verifyBatch(Object.assign(Object.create(null), good))).nBad, 0);
});

test('polluted prototypes change nothing', async () => {
  const script = `
    import { createVerifier } from 'sphere-pow';
    const polluted = { toJSON: () => ({ nonces: [9], dist: [1] }), nonces: [5], dist: [2], block_hash: 'evil', public_key: 'evil', r_target: 2,
      sample: 1, seed: 'evil', rTarget: 2, concurrency: 9, worker: false, wasm: 42, distances: [1], publicKey: 'evil' };
    for (const [name, value] of Object.entries(polluted)) Object.defineProperty(Object.prototype, name, { value, configurable: true, enumerable: false });
    for (const p of [String, Number, Array, BigInt]) Object.defineProperty(p.prototype, 'toJSON', { value: () => 'evil', configurable: true });
    const verifier = await createVerifier({ profile: 'gonka', params: ${JSON.stringify(tiny.params)}, blockHash: '${block_hash}' });
    const report = await verifier.verifyBatch({ public_key: '${public_key}', nonces: [0, 1], dist: [1.4, 1.4] });
    const result = { n: report.results.map((r) => r.nonce), key: report.publicKey, radius: report.rule.rTarget, recomputed: report.results.map((r) => r.recomputed) };
    for (const name of Object.keys(polluted)) delete Object.prototype[name];
    for (const p of [String, Number, Array, BigInt]) delete p.prototype.toJSON;
    console.log(JSON.stringify(result));`;
  const { stdout, stderr, code } = await runNode(['--input-type=module', '-e', script]);
  assert.equal(code, 0, stderr);
  const { n, key, radius, recomputed } = JSON.parse(stdout);
  assert.deepEqual({ n, key, radius }, { n: ['0', '1'], key: public_key, radius: 1.4013564660458173 });
  for (const [i, distance] of recomputed.entries()) assert.ok(Math.abs(distance - tiny.dist[i]) < 2e-5);
});

test('random bytes and random changes to good documents never get past the types', async () => {
  let seed = 12345;
  const random = (n) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const whole = JSON.stringify({ ...good, block_height: 5, node_id: 1, r_target: 1.4, params: tiny.params });
  let accepted = 0;
  for (let i = 0; i < 4000; i++) {
    let text = whole;
    for (let k = 0; k <= random(3); k++) {
      const at = random(text.length);
      text = text.slice(0, at) + ['', '0', '9', '-', 'e', '"', '{', '}', '[', ']', ',', ':', 'null', '1e999', '\\u0000', 'é'][random(16)] + text.slice(at + random(4));
    }
    try {
      const { submissions, free } = await readDocument(text, { params: tiny.params, publicKey: undefined });
      assert.ok(submissions.every((s) => s.nonces().length === s.claims().length && s.claims().every((d) => d >= 0 && Number.isFinite(d))));
      if (submissions.length > 0) accepted += 1;
      free();
    } catch (error) {
      assert.ok(error instanceof SpherePowError && error.code !== 'E_INTERNAL', `${text}\n${error.stack}`);
    }
  }
  assert.ok(accepted > 100 && accepted < 3000, `${accepted} accepted`);
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: random(200) }, () => random(256));
    await refused('E_FORMAT', () => readDocument(bytes));
  }
});
