// sphere-pow/train: of openings that the native command wrote it says what the command says, and repeats them to the bit.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { load, paths } from './support.mjs';

const { ERROR_CODES, SpherePowError } = await load();
const { checkSegment, readOpening } = await load('./train');
const vectors = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/train_round.json'), 'utf8'));
const { text } = vectors;
const dir = join(paths.work, 'train');
const command = join(process.env.CARGO_TARGET_DIR ?? join(paths.root, 'target'), 'release/sphere-pow');
/** Sizes of the preset, as SPEC has them. */
const TINY = { layers: 2, dim: 16, heads: 2, hidden: 32, context: 8, vocab: 32, batch: 32, lanes: 2, inner: 4, segments: 2, rounds: 2, schedule: [[0, 4194304], [2, 12884902], [8, 1288490]] };

/** What the command prints as JSON, and its exit code. */
function native(...args) {
  const { stdout, stderr, status } = spawnSync(command, ['train', ...args, '--json'], { cwd: dir, encoding: 'utf8' });
  assert.ok(stdout, stderr);
  return [JSON.parse(stdout), status];
}
const file = (name) => readFileSync(join(dir, name));
const start = (round) => file(`run/round-000${round}/start.bin`);

/** Every segment of the run, opened. */
const openings = [];
before(() => {
  execFileSync('tests/command', { cwd: paths.root, stdio: 'inherit' });
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'text'), text);
  const [run] = native('text', '--params', 'train-tiny', '--dir', 'run', '--beacon', vectors.beacon);
  assert.equal(run.root, vectors.root);
  for (const round of [0, 1]) for (const lane of [0, 1]) for (const segment of [0, 1]) {
    const out = `${round}-${lane}-${segment}`;
    const [opened] = native('open', ...out.split('-'), '--params', 'train-tiny', '--text', 'text', '--dir', 'run', '--out', out);
    const want = vectors.rounds[round].lanes[lane];
    assert.deepEqual([opened.root, run.rounds[round].lanes[lane].root], [want.root, want.root]);
    openings.push({ name: out, round, lane, segment, root: opened.root, seed: opened.seed, opening: file(out) });
  }
});

async function refused(promise, code) {
  const error = await promise.then((report) => assert.fail(`accepted: ${JSON.stringify(report)}`), (e) => e);
  assert.ok(error instanceof SpherePowError && ERROR_CODES.includes(error.code), error?.stack);
  assert.equal(error.code, code, error.message);
  return error.message;
}

test('every segment of the vectors’ run is honest by its root, seed and start: the report is the command’s', async () => {
  assert.equal(openings.length, 8);
  for (const { name, round, lane, segment, root, seed, opening } of openings) {
    const report = await checkSegment(opening, { text, params: 'train-tiny', root, seed, start: start(round) });
    assert.deepEqual([report.verdict, report.round, report.lane, report.segment, report.run], ['honest', round, lane, segment, vectors.run]);
    const [want, code] = native('check', name, '--params', 'train-tiny', '--text', 'text', '--root', root, '--seed', seed, '--start', `run/round-000${round}/start.bin`);
    assert.deepEqual([report, code], [want, 0]);
  }
});

test('what only the opening says is unconfirmed; round 0 begins where the run says', async () => {
  for (const { name, round, segment, root, seed, opening } of openings) {
    const report = await checkSegment(opening, { text, params: TINY });
    assert.deepEqual([report.verdict, report.byTheOpening], ['unconfirmed', ['root', 'seed', ...(segment === 0 && round > 0 ? ['start'] : [])]]);
    assert.deepEqual([report, 4], native('check', name, '--params', 'train-tiny', '--text', 'text'));
    const { verdict } = await checkSegment(opening, { text, params: TINY, root, seed });
    assert.equal(verdict, segment === 0 && round > 0 ? 'unconfirmed' : 'honest');
  }
});

test('another start, seed or root, and a bit of the state: the verdict is the command’s', async () => {
  const [{ name, root, seed, opening }] = openings.filter(({ round, lane, segment }) => round === 1 && lane === 1 && segment === 0);
  const options = { text, params: 'train-tiny', root, seed };
  const verdict = async (bytes, more) => (await checkSegment(bytes, { ...options, ...more })).verdict;
  assert.equal(await verdict(opening, { start: start(0) }), 'fraud');
  assert.equal(await verdict(opening, { seed: root }), 'fraud');
  assert.equal(await verdict(opening, { root: seed }), 'unopened');
  const changed = Buffer.from(opening);
  changed[changed.length - 5] ^= 1;
  writeFileSync(join(dir, 'changed'), changed);
  assert.equal(await verdict(changed), 'unopened');
  assert.equal(native('check', 'changed', '--params', 'train-tiny', '--text', 'text')[0].verdict, 'unopened');
  assert.equal(native('check', name, '--params', 'train-tiny', '--text', 'text', '--seed', root)[0].verdict, 'fraud');
});

test('files of any form; in the calling thread, too', async () => {
  const { name, root, seed, opening } = openings[1];
  const options = { params: 'train-tiny', root, seed };
  const forms = [
    [new Blob([opening]), { text: new Blob([text]) }],
    [createReadStream(join(dir, name)), { text: createReadStream(join(dir, 'text')) }],
    [new Response(opening), { text: new TextEncoder().encode(text).buffer, start: new Blob([start(0)]) }],
    [opening, { text, worker: false }],
  ];
  for (const [bytes, more] of forms) assert.equal((await checkSegment(bytes, { ...options, ...more })).verdict, 'honest');
});

test('whose an opening is stands in its first bytes', async () => {
  for (const { round, lane, segment, root, seed, opening } of openings) {
    assert.deepEqual(await readOpening(opening.subarray(0, 200)), { run: vectors.run, round, lane, segment, root, seed });
  }
  assert.match(await refused(readOpening(openings[0].opening.subarray(0, 100)), 'E_FORMAT'), /root has 16 bytes, expected 32/);
  assert.match(await refused(readOpening('{}'), 'E_FORMAT'), /magic has 2 bytes/);
  await refused(readOpening(7), 'E_FORMAT');
});

test('what is no opening of the run is refused by name', async () => {
  const { opening } = openings[0];
  const good = { text, params: 'train-tiny' };
  for (const [bytes, more, code, words] of [
    ['', {}, 'E_FORMAT', /magic has 0 bytes/],
    ['{"not": "an opening"}', {}, 'E_FORMAT', /first bytes/],
    [opening.subarray(0, 400), {}, 'E_FORMAT', /state has/],
    [Buffer.concat([opening, opening]), {}, 'E_FORMAT', /state has/],
    [Buffer.alloc(1 << 20), {}, 'E_FORMAT', /first bytes/],
    [opening, { text: `${text}.` }, 'E_FORMAT', /is of run/],
    [opening, { params: { ...TINY, rounds: 3 } }, 'E_FORMAT', /is of run/],
    [opening, { text: 'short' }, 'E_RANGE', /5 bytes, expected 200/],
    [opening, { text: new Uint8Array(2000).map((_, i) => i) }, 'E_RANGE', /256 different bytes/],
    [opening, { params: 'nano' }, 'E_PROFILE_UNKNOWN', /train-nano/],
    [opening, { params: { ...TINY, dim: 48 } }, 'E_RANGE', /dim is 48/],
    [opening, { params: { ...TINY, more: 1 } }, 'E_FORMAT', /more/],
    [opening, { params: undefined }, 'E_FORMAT', /params/],
    [opening, { text: undefined }, 'E_FORMAT', /the text/],
    [opening, { root: 'ab' }, 'E_FORMAT', /root is "ab"/],
    [opening, { seed: 7 }, 'E_FORMAT', /seed/],
    [opening, { start: new Uint8Array(9) }, 'E_FORMAT', /the start has 9 bytes, expected 41984/],
    [opening, { memoryLimit: 1000 }, 'E_MEMORY', /bytes/],
    [opening, { params: { ...TINY, layers: 64, dim: 256, heads: 32, hidden: 1024, context: 1024, batch: 1024, vocab: 1024 }, text: 'ab'.repeat(20_000) }, 'E_MEMORY', /expected at most/],
    [opening, { more: 1 }, 'E_FORMAT', /unknown option/],
    [7, {}, 'E_FORMAT', /the opening is 7/],
  ]) {
    assert.match(await refused(checkSegment(bytes, { ...good, ...more }), code), words);
  }
});

test('a segment of train-nano is repeated to the bit, tells its steps, and stops', { timeout: 600_000 }, async () => {
  native('text', '--params', 'train-nano', '--dir', 'nano', '--until', '1');
  const [{ root, seed }] = native('open', '0', '3', '1', '--params', 'train-nano', '--text', 'text', '--dir', 'nano', '--out', 'nano.bin');
  const options = { text, params: 'train-nano', root, seed };
  const seen = [];
  const report = await checkSegment(file('nano.bin'), { ...options, onProgress: ({ fraction }) => seen.push(fraction) });
  assert.deepEqual([report.verdict, report.steps, seen.at(-1)], ['honest', 4, 1]);
  assert.ok(seen.every((fraction, i) => fraction > (seen[i - 1] ?? 0)), `${seen}`);
  const controller = new AbortController();
  const began = performance.now();
  let stopped = Infinity;
  const onProgress = () => {
    stopped = performance.now() - began;
    controller.abort();
  };
  await assert.rejects(checkSegment(file('nano.bin'), { ...options, signal: controller.signal, onProgress }), { name: 'AbortError' });
  assert.ok(stopped < Infinity);
  await assert.rejects(checkSegment(file('nano.bin'), { ...options, onProgress: () => { throw new Error('mine'); } }), /mine/);
  await assert.rejects(checkSegment(file('nano.bin'), { ...options, signal: AbortSignal.abort() }), { name: 'AbortError' });
});
