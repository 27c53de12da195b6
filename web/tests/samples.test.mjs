// The samples are what samples.mjs says: real claims, recomputed here; the forged ones forged; the others of another block.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createVerifier, verifyDocument } from 'sphere-pow';
import { drawnBy } from './page.mjs';
import { WEB } from './site.mjs';

const folder = join(WEB, 'public/samples');
const sample = (name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const hash = (text) => createHash('sha256').update(text).digest('hex').toUpperCase();
const BLOCK = hash('sphere-pow sample block');
const OTHER = hash('sphere-pow another block');

/** The report of the one submission, checked against a block. */
async function check(proof, blockHash) {
  const { submissions } = await verifyDocument({ ...proof, block_hash: blockHash }, { blockHash, sample: 'all' });
  assert.equal(submissions.length, 1);
  return submissions[0];
}

test('there are the samples that samples.mjs writes, all of one block and key', () => {
  const names = readdirSync(folder).filter((file) => !/^(train|transcript)-/.test(file)).map((file) => file.replace('.json', ''));
  const script = readFileSync(join(WEB, 'samples.mjs'), 'utf8');
  assert.deepEqual(names.sort(), [...script.matchAll(/write\('([\w-]+)'/g)].map(([, name]) => name).sort());
  for (const name of names) {
    const { block_hash: block, public_key: key } = sample(name);
    assert.deepEqual([block, key], [BLOCK, `02${hash('sphere-pow sample key').toLowerCase()}`], name);
  }
});

test('gonka: honest claims are true to the digit, a quarter of the forged are not, the last are of another block', async () => {
  const honest = await check(sample('gonka-honest'), BLOCK);
  assert.deepEqual([honest.verdict, honest.nChecked, honest.evidence.advisory.maxError], ['honest', 64, 0]);
  const forged = await check(sample('gonka-forged'), BLOCK);
  const bad = forged.results.filter(({ valid }) => !valid);
  assert.deepEqual([forged.verdict, bad.length], ['fraud', 16]);
  const claims = new Set(sample('gonka-honest').dist);
  for (const { claimed, recomputed } of bad) assert.ok(recomputed > forged.rule.rTarget && claims.has(claimed));
  for (const { valid, difference } of forged.results) assert.ok(!valid || difference === 0);
  const wrong = await check(sample('gonka-wrong-hash'), BLOCK);
  assert.deepEqual([wrong.verdict, wrong.evidence.nothingAgrees], ['fraud', true]);
  assert.equal((await check(sample('gonka-wrong-hash'), OTHER)).verdict, 'honest');
});

test('exact: honest claims are true to the bit, forged ones lost or turned a bit, the last are of another block', async () => {
  assert.equal((await check(sample('exact-honest'), BLOCK)).verdict, 'honest');
  const forged = await check(sample('exact-forged'), BLOCK);
  const bad = forged.results.filter(({ valid }) => !valid);
  assert.deepEqual([forged.verdict, bad.length], ['fraud', 8]);
  assert.deepEqual(bad.filter(({ digestMatches }) => digestMatches).map(({ nonce, won }) => [nonce, won]), [['0', false]]);
  assert.equal((await check(sample('exact-wrong-hash'), BLOCK)).nBad, 64);
  assert.equal((await check(sample('exact-wrong-hash'), OTHER)).verdict, 'honest');
});

test('exact-standard: a claim of a model of real size is true', async () => {
  const proof = sample('exact-standard');
  assert.ok(proof.nonces.length >= 4);
  const report = await check({ ...proof, nonces: proof.nonces.slice(0, 1), digests: proof.digests.slice(0, 1) }, BLOCK);
  assert.deepEqual([report.verdict, report.preset, report.nChecked], ['honest', 'standard', 1]);
});

test('the picture on the first screen is of real distances', async () => {
  const { radius, distances } = JSON.parse(readFileSync(join(WEB, 'src/check/distances.json'), 'utf8'));
  const { public_key: key, params, r_target } = sample('gonka-honest');
  assert.deepEqual([radius, distances.length], [r_target, 160]);
  const verifier = await createVerifier({ profile: 'gonka', params, blockHash: BLOCK });
  for (const nonce of [0, 3, 69, 158, 159]) assert.ok(Math.abs((await verifier.distance(key, nonce)) - distances[nonce]) < 1e-5, `nonce ${nonce}`);
  await verifier.close();
});

test('there are the transcripts that transcript_samples.py writes, of that block and key, drawn by the beacons of the page', () => {
  const script = readFileSync(join(WEB, 'transcript_samples.py'), 'utf8');
  const session = readFileSync(join(WEB, 'src/transcript/session.ts'), 'utf8');
  const names = [...script.matchAll(/write\("([\w-]+)"/g)].map(([, name]) => name);
  const files = names.flatMap((name) => [`transcript-${name}.commitment.json`, `transcript-${name}.openings`]);
  assert.deepEqual(readdirSync(folder).filter((file) => file.startsWith('transcript-')).sort(), files.sort());
  for (const name of names) {
    const commitment = JSON.parse(readFileSync(join(folder, `transcript-${name}.commitment.json`), 'utf8'));
    assert.deepEqual([commitment.block_hash, commitment.public_key], [BLOCK, `02${hash('sphere-pow sample key').toLowerCase()}`], name);
    const drawn = drawnBy(readFileSync(join(folder, `transcript-${name}.openings`)));
    const [, beacon] = new RegExp(`^  '?${name}'?: '([0-9A-F]{64})'`, 'm').exec(session);
    assert.deepEqual(drawn, { beacon, samples: 60 }, name);
  }
});
