// sphere-pow/chain: the cases of tests/vectors/chain.json, every form of replies, and what is none.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, paths } from './support.mjs';

const { confirmChain, SpherePowError } = await load('./chain');
const { verifyDocument } = await load();
const vectors = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/chain.json'), 'utf8'));

/** The replies of a case, parsed. */
function repliesOf({ use, change }) {
  return use.map((name) => {
    const reply = structuredClone(vectors.replies[name]);
    for (const [of, place, value] of change) {
      if (of !== name) continue;
      const path = place.split('/').slice(1);
      const last = path.pop();
      path.reduce((at, key) => at[key], reply)[last] = value;
    }
    return reply;
  });
}

const optionsOf = ({ trust, now, trusting }) => ({ trust, now, trustingDays: trusting / 86_400 });
const whole = vectors.cases.find(({ given }) => given);

test('every case ends as it should, and as in Rust', async () => {
  assert.ok(vectors.cases.length > 40);
  for (const each of vectors.cases) {
    const ending = confirmChain(repliesOf(each), optionsOf(each));
    if (!each.code) {
      const { blocks, facts, chainId } = await ending;
      assert.deepEqual({ blocks, facts }, { blocks: each.blocks, facts: each.facts }, each.name);
      assert.equal(chainId, each.use[0].startsWith('real') ? 'dockerchain' : vectors.chain);
      continue;
    }
    const error = await ending.then(() => assert.fail(each.name), (caught) => caught);
    assert.ok(error instanceof SpherePowError, each.name);
    assert.deepEqual([error.code, error.reason], [each.code === 'reply' ? 'E_FORMAT' : 'E_CHAIN', each.code], `${each.name}: ${error.message}`);
  }
});

test('what is confirmed fills the options of a verification', async () => {
  const { account, ...want } = whole.given;
  const { given, summary } = await confirmChain(repliesOf(whole), { ...optionsOf(whole), blockHeight: 120n, account });
  const { height: blockHeight, ...rest } = want;
  const { params } = vectors.cases.find(({ given }) => given).facts.find(({ height }) => height === 120);
  assert.deepEqual(given, { ...rest, blockHeight, params });
  assert.match(summary, /^CONFIRMED by chain "sphere-pow-test-1", if its block 100 is what you trust it to be\n/);
  // A document that says neither model nor radius: the chain's are those that count.
  const nonces = Array.from({ length: 40 }, (_, nonce) => nonce);
  const document = { public_key: given.publicKey, block_hash: given.blockHash, nonces, dist: nonces.map(() => 1.3) };
  const report = await verifyDocument(document, given);
  const [{ verdict, unconfirmed, sources }] = report.submissions;
  assert.deepEqual([verdict, unconfirmed, sources.params, sources.rule], ['fraud', [], 'verifier', 'verifier']);
  const other = confirmChain(repliesOf(whole), { ...optionsOf(whole), blockHeight: 119 });
  await assert.rejects(other, { code: 'E_CHAIN', reason: 'unconfirmed' });
  await assert.rejects(confirmChain(repliesOf(whole), { ...optionsOf(whole), blockHeight: 120, account: 'gonka1stranger' }), { reason: 'unconfirmed' });
});

test('replies come as text, bytes and lists', async () => {
  const replies = repliesOf(whole);
  const want = await confirmChain(replies, optionsOf(whole));
  const texts = replies.map((reply) => JSON.stringify(reply));
  const all = texts.join('\n');
  const { buffer } = Uint8Array.from(Buffer.from(all));
  for (const form of [all, texts, Buffer.from(all), buffer, texts.map((text) => Buffer.from(text)), readFileSync(join(paths.root, 'core/chain/example.jsonl'))]) {
    assert.deepEqual(await confirmChain(form, optionsOf(whole)), want);
  }
  const [height, hash] = whole.trust.split(':');
  for (const trust of [{ height, hash }, { height: Number(height), hash }, { height: BigInt(height), hash: hash.toLowerCase() }]) {
    assert.deepEqual(await confirmChain(all, { ...optionsOf(whole), trust }), want);
  }
});

test('what is none is refused by name', async () => {
  const options = optionsOf(whole);
  const refused = (replies, more, want) => assert.rejects(confirmChain(replies, { ...options, ...more }), want);
  await refused(7, {}, { code: 'E_FORMAT', message: /replies are 7/ });
  await refused(null, {}, { code: 'E_FORMAT' });
  await refused('[', {}, { code: 'E_FORMAT', reason: 'reply' });
  await refused([[]], {}, { code: 'E_FORMAT', reason: 'reply' });
  await refused({ get result() { throw new Error('mine'); } }, {}, { code: 'E_FORMAT', message: /mine/ });
  await refused('', {}, { code: 'E_CHAIN', reason: 'missing-reply' });
  await refused('', { trust: undefined }, { code: 'E_FORMAT', message: /trust is undefined/ });
  await refused('', { trust: { height: 1.5, hash: '' } }, { code: 'E_RANGE' });
  await refused('', { trust: 'here' }, { code: 'E_CHAIN', reason: 'trust' });
  await refused('', { trustingDays: -1 }, { code: 'E_RANGE' });
  await refused('', { now: Number.NaN }, { code: 'E_RANGE' });
  await refused('', { blockHeight: '1e3' }, { code: 'E_FORMAT' });
  await refused('', { trusted: 1 }, { code: 'E_FORMAT', message: /unknown option/ });
  await refused('a'.repeat(64 * 1024 * 1024 + 1), {}, { code: 'E_FORMAT', message: /expected at most/ });
  // After all of that it still works.
  assert.equal((await confirmChain(repliesOf(whole), options)).blocks.length, 4);
});
