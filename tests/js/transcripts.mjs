// What the tests of sphere-pow/transcript share: vectors, samples, the native command, and how a refusal is told.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, paths } from './support.mjs';

const { ERROR_CODES, SpherePowError } = await load();
const { transcribe: whole, verifyTranscript: verify, SpherePowError: Own } = await load('./transcript');
export const transcribe = whole;

/** A report without its date, which is now. */
export function undated(report) {
  if (report.error) return report;
  const { date, ...rest } = report;
  assert.match(date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 300_000, date);
  return rest;
}
export const verifyTranscript = async (...args) => undated(await verify(...args));

export const json = (name) => JSON.parse(readFileSync(join(paths.root, 'tests/vectors', name), 'utf8'));
export const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
export const known = json('exact_transcript.json');
export const small = known.cases[0];
export const smallCommitment = bytes(small.commitment_bytes);
export const smallOpenings = bytes(small.openings_bytes);
export const { params, beacon, samples } = small;
const HEAD = 4 + 4 + 32 + 4 + beacon.length + 4;

/** Openings cut into their parts, each with its length in front. */
function partsOf(openings) {
  const data = Buffer.from(openings);
  const parts = [];
  for (let at = HEAD; at < data.length; at += parts.at(-1).length) parts.push(data.subarray(at, at + 4 + data.readUInt32LE(at)));
  return parts;
}
const parts = partsOf(smallOpenings);
/** The small openings with one part put in another's place. */
export const withPart = (index, part) => new Uint8Array(Buffer.concat([smallOpenings.subarray(0, HEAD), ...parts.with(index, Buffer.from(part))]));

/** Openings of the small model as JSON lines. */
export function asLines() {
  const hex = (data) => Buffer.from(data).toString('hex');
  const head = { profile: 'exact', version: 2, commitment: small.hash, beacon, samples };
  const lines = parts.map((part) => {
    const layer = part.readUInt32LE(12);
    const hashes = (at, n) => Array.from({ length: n }, (_, i) => hex(part.subarray(at + 32 * i, at + 32 * i + 32)));
    const [leaves, at] = [params.layers + 1, 16 + 32 * (params.layers + 2)];
    const n = part.readUInt32LE(at);
    return {
      nonce: String(part.readBigUInt64LE(4)),
      layer,
      leaves: hashes(16, leaves),
      digest: hex(part.subarray(16 + 32 * leaves, at)),
      path: hashes(at + 4, n),
      state: part.subarray(at + 4 + 32 * n).toString('base64'),
    };
  });
  assert.deepEqual(lines[0], small.first_opening);
  return [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
}

const target = process.env.CARGO_TARGET_DIR ?? join(paths.root, 'target');
export const work = join(paths.work, 'transcript');
/** Builds the native command, and a folder for what goes through files. */
export function setUp() {
  execFileSync('tests/command', { cwd: paths.root, stdio: 'inherit' });
  mkdirSync(work, { recursive: true });
}

/** What the native command says of the same bytes. */
export function native(commitment, openings, { params: model, beacon: drew, samples: n, blockHash, publicKey } = {}) {
  const files = { commitment, openings };
  for (const [name, data] of Object.entries(files)) writeFileSync(join(work, name), data);
  if (typeof model === 'object') writeFileSync(join(work, 'params.json'), JSON.stringify(model));
  const options = { '--params': typeof model === 'object' ? 'params.json' : model, '--beacon': drew, '--samples': n, '--block-hash': blockHash, '--public-key': publicKey };
  const args = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  const { stdout } = spawnSync(join(target, 'release/sphere-pow'), ['verify', 'commitment', '--openings', 'openings', ...args, '--json'], { cwd: work, encoding: 'utf8' });
  return undated(JSON.parse(stdout));
}

const sampleFile = (name) => readFileSync(join(paths.root, 'web/public/samples', `transcript-${name}`));
export const SAMPLES = ['honest', 'false-step', 'stale-tail', 'withheld'].map((name) => {
  const openings = sampleFile(`${name}.openings`);
  const at = 44 + openings.readUInt32LE(40);
  return { name, commitment: sampleFile(`${name}.commitment.json`), openings, beacon: openings.subarray(44, at).toString() };
});

/** Asserts the code and SPEC's name, and that the message says something. */
export async function refused(promise, code, reason = null) {
  const error = await promise.then((report) => assert.fail(`accepted: ${JSON.stringify(report).slice(0, 300)}`), (e) => e);
  assert.ok(error instanceof Own && error instanceof SpherePowError, error?.stack);
  assert.ok(ERROR_CODES.includes(error.code));
  assert.deepEqual([error.code, error.reason], [code, reason], error.message);
  assert.ok(error.message.length > 10 && error.message.length < 500, error.message);
  return error;
}

/** A stream of `data` in chunks of `size`, of each of which `more` is told. */
export function stream(data, size, onPull = () => {}, onCancel = () => {}) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= data.length) return controller.close();
      const chunk = data.slice(at, at + size);
      at += size;
      onPull(chunk.length);
      controller.enqueue(chunk);
    },
    cancel: onCancel,
  });
}
