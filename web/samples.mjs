// Makes the sample proofs in public/samples with the native command: real batches, then real ones tampered with.
//
// node samples.mjs [path of the sphere-pow binary]

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = process.argv[2] ?? fileURLToPath(new URL('../target/release/sphere-pow', import.meta.url));
const out = fileURLToPath(new URL('public/samples/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'samples-'));
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const block = sha256('sphere-pow sample block').toUpperCase();
const otherBlock = sha256('sphere-pow another block').toUpperCase();
const key = `02${sha256('sphere-pow sample key')}`;
const CLAIMS = 64;

function sphere(command, profile, params, hash, ...rest) {
  const options = ['--profile', profile, '--params', params, '--block-hash', hash, '--public-key', key, '--backend', 'cpu'];
  return execFileSync(binary, [command, ...options, ...rest], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The first claims that a run of the command won, its lines joined. */
function mine(profile, params, hash, count) {
  const file = join(scratch, `${profile}-${params}-${hash}.jsonl`);
  sphere('mine', profile, params, hash, '--count', String(count), '--out', file);
  const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const values = profile === 'exact' ? 'digests' : 'dist';
  const claims = lines.flatMap((line) => line.nonces.map((nonce, i) => [nonce, line[values][i]]));
  claims.sort((a, b) => Number(a[0]) - Number(b[0]));
  return { head: lines[0], claims: claims.slice(0, CLAIMS) };
}

function gonka({ head, claims }, hash = head.block_hash) {
  const { public_key, params, r_target } = head;
  const [nonces, dist] = [claims.map((c) => c[0]), claims.map((c) => c[1])];
  return { public_key, block_hash: hash, block_height: 1298640, nonces, dist, node_id: 0, r_target, params };
}

function exact({ head, claims }, hash = head.block_hash) {
  const { profile, version, params, public_key } = head;
  return { profile, version, params, block_hash: hash, public_key, nonces: claims.map((c) => c[0]), digests: claims.map((c) => c[1]) };
}

const write = (name, proof) => writeFileSync(join(out, `${name}.json`), `${JSON.stringify(proof)}\n`);

const honest = mine('gonka', 'dev-test', block, 1400);
write('gonka-honest', gonka(honest));
// Every fourth claim becomes a nonce that did not win, with a distance that another claim really has.
const won = new Set(honest.claims.map((c) => c[0]));
const losers = Array.from({ length: 1400 }, (_, n) => n).filter((n) => !won.has(n));
const forged = honest.claims.map(([nonce, dist], i) => (i % 4 === 3 ? [losers[i], dist] : [nonce, dist]));
write('gonka-forged', gonka({ ...honest, claims: forged.sort((a, b) => a[0] - b[0]) }));
write('gonka-wrong-hash', gonka(mine('gonka', 'dev-test', otherBlock, 1500), block));

const true_ = mine('exact', 'nano', block, 1200);
write('exact-honest', exact(true_));
// Seven digests with one bit turned, and a nonce that lost, with its true digest.
const loser = '0';
const [digest] = JSON.parse(sphere('distance', 'exact', 'nano', block, '--nonces', loser, '--json')).digests;
const turned = (hex) => (Number.parseInt(hex[0], 16) ^ 1).toString(16) + hex.slice(1);
const tampered = true_.claims.map(([nonce, hex], i) => [nonce, i % 9 === 4 ? turned(hex) : hex]);
write('exact-forged', exact({ ...true_, claims: [[loser, digest], ...tampered.slice(0, CLAIMS - 1)] }));
// A preset of real size: a few claims that take a browser a second each.
write('exact-standard', exact(mine('exact', 'standard', block, 600)));
write('exact-wrong-hash', exact(mine('exact', 'nano', otherBlock, 1200), block));
// The picture on the first screen: the first nonces of the same host on the same block, won or not.
const { dist } = JSON.parse(sphere('distance', 'gonka', 'dev-test', block, '--nonces', '0-159', '--json'));
const picture = { radius: honest.head.r_target, distances: dist.map((distance) => Number(distance.toFixed(5))) };
writeFileSync(fileURLToPath(new URL('src/check/distances.json', import.meta.url)), `${JSON.stringify(picture)}\n`);
rmSync(scratch, { recursive: true });
