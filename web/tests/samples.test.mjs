// The samples are what samples.mjs says: real claims, recomputed here; the forged ones forged; the others of another block.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createVerifier } from 'sphere-pow';
import { WEB } from './site.mjs';

const folder = join(WEB, 'public/samples');
const sample = (name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const hash = (text) => createHash('sha256').update(text).digest('hex').toUpperCase();
const BLOCK = hash('sphere-pow sample block');
const OTHER = hash('sphere-pow another block');

async function check(proof, blockHash) {
  const verifier = await createVerifier({ profile: proof.profile ?? 'gonka', params: proof.params, blockHash });
  const report = await verifier.verifyBatch({ ...proof, block_hash: blockHash }, { sample: 'all' });
  await verifier.close();
  return report;
}

test('there are the samples that samples.mjs writes, all of one block and key', () => {
  const names = readdirSync(folder).map((file) => file.replace('.json', ''));
  const script = readFileSync(join(WEB, 'samples.mjs'), 'utf8');
  assert.deepEqual(names.sort(), [...script.matchAll(/write\('([\w-]+)'/g)].map(([, name]) => name).sort());
  for (const name of names) {
    const { block_hash: block, public_key: key } = sample(name);
    assert.deepEqual([block, key], [BLOCK, `02${hash('sphere-pow sample key').toLowerCase()}`], name);
  }
});

test('gonka: honest claims are true to the digit, a quarter of the forged are not, the last are of another block', async () => {
  const honest = await check(sample('gonka-honest'), BLOCK);
  assert.deepEqual([honest.state, honest.verdict.nChecked, honest.advisory.maxError], ['valid', 64, 0]);
  const forged = await check(sample('gonka-forged'), BLOCK);
  const bad = forged.results.filter(({ valid }) => !valid);
  assert.deepEqual([forged.state, bad.length], ['invalid', 16]);
  const claims = new Set(sample('gonka-honest').dist);
  for (const { claimed, recomputed } of bad) assert.ok(recomputed > forged.rTarget && claims.has(claimed));
  for (const { valid, difference } of forged.results) assert.ok(!valid || difference === 0);
  const wrong = await check(sample('gonka-wrong-hash'), BLOCK);
  assert.deepEqual([wrong.state, wrong.advisory.looksLikeWrongContext], ['invalid', true]);
  assert.equal((await check(sample('gonka-wrong-hash'), OTHER)).state, 'valid');
});

test('exact: honest claims are true to the bit, forged ones lost or turned a bit, the last are of another block', async () => {
  assert.equal((await check(sample('exact-honest'), BLOCK)).state, 'valid');
  const forged = await check(sample('exact-forged'), BLOCK);
  const bad = forged.results.filter(({ valid }) => !valid);
  assert.deepEqual([forged.state, bad.length], ['invalid', 8]);
  assert.deepEqual(bad.filter(({ digestMatches }) => digestMatches).map(({ nonce, won }) => [nonce, won]), [['0', false]]);
  assert.equal((await check(sample('exact-wrong-hash'), BLOCK)).nInvalid, 64);
  assert.equal((await check(sample('exact-wrong-hash'), OTHER)).state, 'valid');
});

test('exact-standard: a claim of a model of real size is true', async () => {
  const proof = sample('exact-standard');
  assert.ok(proof.nonces.length >= 4);
  const report = await check({ ...proof, nonces: proof.nonces.slice(0, 1), digests: proof.digests.slice(0, 1) }, BLOCK);
  assert.deepEqual([report.state, report.preset, report.nChecked], ['valid', 'standard', 1]);
});
