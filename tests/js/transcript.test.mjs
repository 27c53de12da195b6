// sphere-pow/transcript: it says of commitments and openings what core and the native command say of the same bytes.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { browser, freshProject, load, paths, runNode, serve } from './support.mjs';

const { ERROR_CODES, SpherePowError } = await load();
const { verifyTranscript, SpherePowError: Own } = await load('./transcript');

const json = (name) => JSON.parse(readFileSync(join(paths.root, 'tests/vectors', name), 'utf8'));
const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const known = json('exact_transcript.json');
const small = known.cases[0];
const smallCommitment = bytes(small.commitment_bytes);
const smallOpenings = bytes(small.openings_bytes);
const { params, beacon, samples } = small;
const HEAD = 4 + 4 + 32 + 4 + beacon.length + 4;

/** Openings cut into their parts, each with its length in front. */
function partsOf(openings) {
  const data = Buffer.from(openings);
  const parts = [];
  for (let at = HEAD; at < data.length; at += parts.at(-1).length) parts.push(data.subarray(at, at + 4 + data.readUInt32LE(at)));
  return parts;
}
const parts = partsOf(smallOpenings);
const withPart = (index, part) => new Uint8Array(Buffer.concat([smallOpenings.subarray(0, HEAD), ...parts.with(index, Buffer.from(part))]));

/** Openings of the small model as JSON lines. */
function asLines() {
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
const work = join(paths.work, 'transcript');
before(() => {
  execFileSync('cargo', ['build', '--release', '-p', 'sphere-pow-prover'], { cwd: paths.root, stdio: 'inherit' });
  mkdirSync(work, { recursive: true });
});

/** What the native command says of the same bytes. */
function native(commitment, openings, { params: model, beacon: drew, samples: n, blockHash, publicKey } = {}) {
  const files = { commitment, openings };
  for (const [name, data] of Object.entries(files)) writeFileSync(join(work, name), data);
  if (typeof model === 'object') writeFileSync(join(work, 'params.json'), JSON.stringify(model));
  const options = { '--params': typeof model === 'object' ? 'params.json' : model, '--beacon': drew, '--samples': n, '--block-hash': blockHash, '--public-key': publicKey };
  const args = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  const { stdout } = spawnSync(join(target, 'release/sphere-pow'), ['verify', 'commitment', '--openings', 'openings', ...args, '--json'], { cwd: work, encoding: 'utf8' });
  return JSON.parse(stdout);
}

const sampleFile = (name) => readFileSync(join(paths.root, 'web/public/samples', `transcript-${name}`));
const SAMPLES = ['honest', 'false-step', 'stale-tail', 'withheld'].map((name) => {
  const openings = sampleFile(`${name}.openings`);
  const at = 44 + openings.readUInt32LE(40);
  return { name, commitment: sampleFile(`${name}.commitment.json`), openings, beacon: openings.subarray(44, at).toString() };
});

/** Asserts the code and SPEC's name, and that the message says something. */
async function refused(promise, code, reason = null) {
  const error = await promise.then((report) => assert.fail(`accepted: ${JSON.stringify(report).slice(0, 300)}`), (e) => e);
  assert.ok(error instanceof Own && error instanceof SpherePowError, error?.stack);
  assert.ok(ERROR_CODES.includes(error.code));
  assert.deepEqual([error.code, error.reason], [code, reason], error.message);
  assert.ok(error.message.length > 10 && error.message.length < 500, error.message);
  return error;
}

test('true openings, in both forms, are honest: the report is the command\'s', async () => {
  const options = { params, beacon, samples };
  const report = await verifyTranscript(smallCommitment, smallOpenings, options);
  assert.deepEqual([report.verdict, report.commitment, report.nDrawn, report.nChecked, report.faults], ['honest', small.hash, samples, samples, []]);
  // All 21 steps that there are.
  assert.deepEqual([report.falseShareBound, report.skippedBound], [0, 0]);
  assert.deepEqual(report, native(smallCommitment, smallOpenings, options));
  const [commitment, lines] = [JSON.stringify(small.commitment), asLines()];
  assert.deepEqual(await verifyTranscript(commitment, lines, options), report);
  assert.deepEqual(native(commitment, lines, options), report);
});

test('what only the documents say is unconfirmed, as the command says it', async () => {
  for (const options of [{}, { beacon }, { params }, { params, beacon }]) {
    const report = await verifyTranscript(smallCommitment, smallOpenings, options);
    assert.deepEqual(report, native(smallCommitment, smallOpenings, options));
    assert.deepEqual(report.unconfirmed, ['params', 'beacon'].filter((name) => !(name in options)));
    assert.equal(report.verdict, report.unconfirmed.length > 0 ? 'unconfirmed' : 'honest');
  }
});

test('every opening that is not what it should be has the fault of the vectors, where they have it', async () => {
  assert.ok(known.rejects.length >= 18);
  for (const { name, index, code, part } of known.rejects) {
    const openings = withPart(index, bytes(part));
    const report = await verifyTranscript(smallCommitment, openings, { params, beacon });
    assert.deepEqual([report.verdict, report.faults[0].code, report.faults[0].index, report.faults[0].provesFraud], ['void', code, index, false], name);
    assert.deepEqual([report.falseShareBound, report.skippedBound], [null, null]);
    assert.deepEqual(report, native(smallCommitment, openings, { params, beacon }), name);
  }
});

test('every falsehood of the vectors is fraud at every step that shows it', async () => {
  const all = json('exact_transcript_false.json');
  assert.ok(all.cases.length >= 5);
  for (const { name, faults, commitment_bytes, hex } of all.cases) {
    const options = { params: { ...params, tokens: 1 }, beacon: all.beacon, samples: all.samples };
    const [commitment, openings] = [bytes(commitment_bytes), bytes(hex)];
    const report = await verifyTranscript(commitment, openings, options);
    assert.equal(report.verdict, 'fraud', name);
    assert.deepEqual(report.faults.map((fault) => [fault.index, fault.code]), faults, name);
    assert.ok(report.faults.every(({ provesFraud }) => provesFraud));
    assert.deepEqual(report, native(commitment, openings, options), name);
  }
});

test('what is no commitment has the name of the vectors', async () => {
  const codes = { version: 'E_PROFILE_UNKNOWN', params: 'E_RANGE', identity: 'E_RANGE', count: 'E_RANGE', run: 'E_RANGE', overlap: 'E_RANGE' };
  const { cases } = json('exact_transcript_reject.json');
  assert.ok(cases.length >= 29);
  for (const { name, code: reason, hex } of cases) {
    const error = await verifyTranscript(bytes(hex), smallOpenings).catch((e) => e);
    const code = name.startsWith('block_hash') ? 'E_BLOCK_HASH' : (codes[reason] ?? 'E_FORMAT');
    assert.deepEqual([error.code, error.reason, error.place], [code, reason, 'commitment'], `${name}: ${error.message}`);
  }
  await refused(verifyTranscript(new Uint8Array((1 << 20) + 7), smallOpenings), 'E_FORMAT', 'size');
});

test('samples of a whole model: an honest host, one false step, a stale tail, a withheld opening', async () => {
  const verdicts = {};
  for (const { name, commitment, openings, beacon: drew } of SAMPLES) {
    const report = await verifyTranscript(commitment, openings, { beacon: drew });
    assert.deepEqual(report, native(commitment, openings, { beacon: drew }), name);
    verdicts[name] = [report.verdict, report.faults.map(({ nonce, layer, code }) => `${code} ${nonce}/${layer}`)];
  }
  assert.deepEqual(verdicts.honest, ['honest', []]);
  assert.deepEqual(verdicts['false-step'], ['fraud', ['step 5/17']]);
  assert.deepEqual(verdicts.withheld, ['void', ['withheld 13/38', 'withheld 13/39']]);
  const [verdict, stale] = verdicts['stale-tail'];
  assert.ok(verdict === 'fraud' && stale.length > 10 && stale.every((fault) => fault.startsWith('step ')), `${stale}`);
});

test('documents other than those meant are refused by name, as by the command', async () => {
  const others = [
    [{ blockHash: 'other' }, 'E_BLOCK_HASH', 'wrong-block'],
    [{ publicKey: 'other' }, 'E_FORMAT', 'wrong-key'],
    [{ params: 'nano' }, 'E_RANGE', 'wrong-params'],
    [{ params: { ...params, layers: 4 } }, 'E_RANGE', 'wrong-params'],
    [{ beacon: 'another' }, 'E_RANGE', 'wrong-beacon'],
    [{ samples: 20 }, 'E_RANGE', 'wrong-samples'],
    [{ samples: 19 }, 'E_RANGE', 'count'],
  ];
  for (const [options, code, reason] of others) {
    const { message, place } = await refused(verifyTranscript(smallCommitment, smallOpenings, options), code, reason);
    const { error } = native(smallCommitment, smallOpenings, options);
    // The command also says which option it was.
    assert.ok(error.code === reason && error.message.startsWith(message), `${message}, ${error.message}`);
    assert.equal(place, options.beacon || options.samples ? 'openings' : 'commitment');
  }
  const other = SAMPLES[0];
  await refused(verifyTranscript(other.commitment, smallOpenings), 'E_RANGE', 'wrong-commitment');
  assert.equal(native(other.commitment, smallOpenings).error.code, 'wrong-commitment');
  for (const [openings, reason] of [['', 'truncated'], ['{}', 'json'], ['SPXO', 'truncated'], [smallOpenings.subarray(0, 40), 'truncated'], [new Uint8Array(100), 'magic']]) {
    await refused(verifyTranscript(smallCommitment, openings), 'E_FORMAT', reason);
    assert.equal(native(smallCommitment, openings).error.code, reason);
  }
});

/** A stream of `data` in chunks of `size`, of each of which `more` is told. */
function stream(data, size, onPull = () => {}, onCancel = () => {}) {
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

test('documents come as text, bytes, Blobs, Responses, streams and iterables, in chunks of any size', async () => {
  const { commitment, openings, beacon: drew } = SAMPLES[0];
  const want = await verifyTranscript(commitment, openings, { beacon: drew });
  const file = join(work, 'streamed');
  writeFileSync(file, openings);
  const buffer = openings.buffer.slice(openings.byteOffset, openings.byteOffset + openings.length);
  async function* pieces(size) {
    for (let at = 0; at < openings.length; at += size) yield openings.subarray(at, at + size);
  }
  const forms = {
    buffer,
    view: new DataView(buffer),
    Blob: new Blob([openings]),
    File: new File([openings], 'openings'),
    Response: new Response(openings),
    'stream of 1 byte': stream(openings.subarray(0), 1),
    'stream of 997': stream(openings, 997),
    'stream with empty chunks': new ReadableStream({
      start(controller) {
        for (const chunk of ['', new Uint8Array(), openings, new Uint8Array()]) controller.enqueue(chunk);
        controller.close();
      },
    }),
    'Node stream': createReadStream(file),
    iterable: pieces(4096),
  };
  for (const [name, form] of Object.entries(forms)) assert.deepEqual(await verifyTranscript(commitment, form, { beacon: drew }), want, name);
  const commitments = { text: commitment.toString(), Blob: new Blob([commitment]), Response: new Response(commitment), stream: stream(commitment, 7), 'Node stream': createReadStream(join(paths.root, 'web/public/samples/transcript-honest.commitment.json')) };
  for (const [name, form] of Object.entries(commitments)) assert.deepEqual(await verifyTranscript(form, openings, { beacon: drew }), want, name);
});

test('progress: every layer once, the bound falls to the report\'s, a fault is told as it is found', async () => {
  for (const { name, commitment, openings, beacon: drew } of SAMPLES) {
    const seen = [];
    const report = await verifyTranscript(commitment, openings, { beacon: drew, onProgress: (p) => seen.push(p) });
    assert.ok(seen.every(({ total, done, fraction }) => total === 60 && done <= 60 && fraction >= 0 && fraction <= 1), name);
    for (const key of ['done', 'fraction']) assert.ok(seen.every((p, i) => i === 0 || p[key] >= seen[i - 1][key]), `${name}: ${key}`);
    // Weights are made once for each layer drawn: a layer is not come back to.
    const layers = seen.map(({ layer }) => layer).filter((layer, i, all) => layer !== null && layer !== all[i - 1]);
    assert.deepEqual(layers, [...new Set(layers)].sort((a, b) => a - b), name);
    assert.ok(layers.length > 20);
    const repeated = new Set(seen.flatMap(({ layer, nonces }) => nonces.map((nonce) => `${nonce}/${layer}`)));
    assert.equal(repeated.size, report.nChecked - report.faults.filter(({ code }) => code !== 'step').length, name);
    const bounds = seen.map(({ skippedBound }) => skippedBound);
    const last = seen.at(-1);
    assert.deepEqual([last.done, last.fraction, last.layer, last.skippedBound, last.faults], [60, 1, null, report.skippedBound, report.faults]);
    if (report.faults.length === 0) {
      assert.ok(bounds.every((bound, i) => i === 0 || bound <= bounds[i - 1]) && bounds[0] === 1, `${bounds}`);
      assert.ok(Math.abs(last.skippedBound - 0.0974) < 1e-3);
    } else {
      // From the first fault on there is none, and it is not come back to.
      const first = seen.findIndex(({ faults }) => faults.length > 0);
      assert.ok(seen.slice(0, first).every((p) => p.skippedBound !== null) && seen.slice(first).every((p) => p.skippedBound === null), name);
    }
  }
});

test('an abort rejects at once, lets go of the stream and ends the worker', { timeout: 60_000 }, async () => {
  const { commitment, openings, beacon: drew } = SAMPLES[0];
  const controller = new AbortController();
  let turned;
  let isCancelled = false;
  const running = verifyTranscript(commitment, stream(openings, 4096, undefined, () => (isCancelled = true)), {
    beacon: drew,
    signal: controller.signal,
    onProgress: () => {
      if (turned !== undefined) return;
      turned = false;
      setImmediate(() => (turned = true));
      controller.abort(new Error('enough'));
    },
  });
  const error = await running.catch((e) => e);
  assert.equal(turned, false, 'a rejection waits for no worker');
  assert.deepEqual([error.name, error.code, error.cause.message], ['AbortError', 'E_ABORTED', 'enough']);
  // Streams that never give anything.
  for (const at of [0, 1]) {
    let gone = false;
    const silent = new ReadableStream({ cancel: () => void (gone = true) });
    const documents = [commitment, openings].with(at, silent);
    const stop = new AbortController();
    // A timer that keeps the process.
    setTimeout(() => stop.abort(), 50);
    await refused(verifyTranscript(...documents, { signal: stop.signal }), 'E_ABORTED');
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(gone);
  }
  await refused(verifyTranscript(commitment, openings, { signal: AbortSignal.abort() }), 'E_ABORTED');
  const thrown = await verifyTranscript(commitment, openings, { onProgress: () => { throw new TypeError('mine'); } }).catch((e) => e);
  assert.equal(thrown.message, 'mine');
  assert.ok(isCancelled || openings.length < 1 << 18);
  for (let i = 0; i < 100 && process.report.getReport().workers.length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(process.report.getReport().workers.length, 0);
});

test('input that cannot be is a typed error', async () => {
  const { commitment, openings } = SAMPLES[0];
  const broken = () => new ReadableStream({ pull: () => { throw new Error('torn'); } });
  const bad = [
    [undefined, openings], [null, openings], [7, openings], [{}, openings], [commitment, undefined], [commitment, []], [commitment, Symbol('s')],
    [broken(), openings], [commitment, broken()], [commitment, stream([1, 2, 3], 1)], [commitment, (async function* () { yield 7; })()],
    [commitment, new Response(null)], [commitment, Object.defineProperty({}, 'getReader', { get: () => { throw new Error('mine'); } })],
  ];
  for (const documents of bad) await refused(verifyTranscript(...documents), 'E_FORMAT');
  const locked = new ReadableStream();
  locked.getReader();
  await refused(verifyTranscript(commitment, locked), 'E_FORMAT');
  const options = [
    [null, 'E_FORMAT'], [7, 'E_FORMAT'], [{ more: 1 }, 'E_FORMAT'], [{ beacon: 7 }, 'E_FORMAT'], [{ beacon: '' }, 'E_RANGE', 'identity'], [{ beacon: 'a b' }, 'E_RANGE', 'identity'],
    [{ samples: '60' }, 'E_FORMAT'], [{ samples: 0.5 }, 'E_RANGE'], [{ samples: -1 }, 'E_RANGE'], [{ samples: 2 ** 32 - 1 }, 'E_RANGE', 'count'], [{ blockHash: 7 }, 'E_BLOCK_HASH'],
    [{ publicKey: {} }, 'E_FORMAT'], [{ params: 'huge' }, 'E_PROFILE_UNKNOWN'], [{ params: { dim: 3 } }, 'E_FORMAT', 'params'], [{ params: [] }, 'E_FORMAT'],
    [{ memoryLimit: 10 }, 'E_MEMORY'], [{ memoryLimit: 'all' }, 'E_FORMAT'], [{ signal: 1 }, 'E_FORMAT'], [{ worker: 1 }, 'E_FORMAT'], [{ onProgress: 'x' }, 'E_FORMAT'],
  ];
  for (const [option, code, reason] of options) await refused(verifyTranscript(commitment, openings, option), code, reason);
});

test('openings without end, of giant claims, or of another order are read no further than they matter', { timeout: 120_000 }, async () => {
  const { commitment, openings, beacon: drew } = SAMPLES[0];
  const head = openings.subarray(0, 48 + openings.readUInt32LE(40));
  /** These bytes, then others for ever; says how many bytes were asked for. */
  const endless = (first, fill, tally) => stream({ length: Infinity, slice: (at, end) => (at === 0 ? first : new Uint8Array(end - at).fill(fill)) }, 1 << 16, (n) => (tally.bytes += n));
  const cases = [
    ['more after the last', openings, 0, (p) => refused(p, 'E_FORMAT', 'length')],
    ['nothing but zeros', new Uint8Array(1 << 16), 0, (p) => refused(p, 'E_FORMAT', 'magic')],
    ['a head of braces', Buffer.from('{'), 0x7b, (p) => refused(p, 'E_FORMAT', 'size')],
    ['openings of 4 GB each', Buffer.concat([head, Buffer.alloc(4, 255)]), 255, async (p) => assert.ok((await p).faults.every(({ code }) => code === 'malformed'))],
    ['a line without end', Buffer.from(`${JSON.stringify({ profile: 'exact', version: 2, commitment: openings.toString('hex', 8, 40), beacon: drew, samples: 60 })}\n`), 0x20, async (p) => assert.ok((await p).faults.every(({ code }) => code === 'malformed'))],
    ['openings of nothing', head, 0, async (p) => assert.ok((await p).faults.every(({ code }) => code === 'malformed'))],
  ];
  for (const [name, first, fill, holds] of cases) {
    const tally = { bytes: 0 };
    await holds(verifyTranscript(commitment, endless(first, fill, tally), { beacon: name === 'nothing but zeros' ? undefined : drew }));
    assert.ok(tally.bytes < 2 << 20, `${name}: ${tally.bytes} bytes read`);
  }
  await refused(verifyTranscript(endless(new Uint8Array(1 << 16), 0, { bytes: 0 }), openings), 'E_FORMAT', 'size');
});

test('a model that fits no wasm memory is refused before anything of it is read, a giant claim is nothing special', async () => {
  // 2^48 nonces are committed to in a few bytes; their openings are of the same size as any.
  const giant = Buffer.from(smallCommitment);
  giant.writeBigUInt64LE(1n << 48n, giant.length - 32 - 8);
  const report = verifyTranscript(new Uint8Array(giant), smallOpenings);
  await refused(report, 'E_RANGE', 'wrong-commitment');
  // tokens 1024, dim 4096, hidden 16384: a layer's activations are some 100 MB, and fit.
  const large = { ...small.commitment, params: { dim: 4096, heads: 64, hidden: 16384, layers: 256, tokens: 1024, vocab: 65536, threshold: 1 } };
  const error = await refused(verifyTranscript(JSON.stringify(large), smallOpenings, { memoryLimit: 1 << 20 }), 'E_MEMORY');
  const [need] = /\d+/.exec(error.message);
  assert.ok(need > 1e8 && need < 1e9, error.message);
});

test('a worker needs what the README says, far below 400 MB for every preset', async () => {
  const readme = readFileSync(join(paths.installed, 'README.md'), 'utf8');
  const [, standard, large] = /a worker takes (\d+) MB for `standard`, (\d+) MB for `large`/.exec(readme);
  const { cases } = json('costs.json');
  // Bytes of weights tell the presets apart.
  for (const [name, weights, megabytes] of [['standard', 294649856, standard], ['large', 4244635648, large]]) {
    const { params: model } = cases.find((one) => one.profile === 'exact' && one.weights === weights);
    const commitment = JSON.stringify({ ...small.commitment, params: model });
    const { message } = await refused(verifyTranscript(commitment, smallOpenings, { memoryLimit: 1 }), 'E_MEMORY');
    const need = /\d+/.exec(message) / 1e6;
    assert.ok(need < 400 && Math.abs(need / megabytes - 1) < 0.05, `${name}: ${need} MB, stated ${megabytes}`);
  }
});

test('a process ends by itself, in a worker, without one, and with files for everything', async () => {
  const { openings, beacon: drew } = SAMPLES[1];
  writeFileSync(join(work, 'openings'), openings);
  const call = (more) => `
    import { readFileSync } from 'node:fs';
    import { verifyTranscript } from 'sphere-pow/transcript${more ? '/slim' : ''}';
    const [commitment, openings] = [${JSON.stringify(String(SAMPLES[1].commitment))}, readFileSync(${JSON.stringify(join(work, 'openings'))})];
    const calls = [1, 2].map(() => verifyTranscript(commitment, openings, { beacon: '${drew}', ${more} }));
    console.log((await Promise.all(calls)).map(({ summary }) => summary).join());`;
  const files = "wasm: new URL(import.meta.resolve('sphere-pow/transcript.wasm')), worker: new URL(import.meta.resolve('sphere-pow/transcript-worker'))";
  const seen = [];
  for (const more of ['', files, `${files.split(', worker')[0]}, worker: false`]) {
    const { code, stdout, stderr } = await runNode(['--input-type=module', '-e', call(more)]);
    assert.equal(code, 0, stderr);
    seen.push(stdout);
  }
  assert.ok(seen[0].startsWith('FRAUD: 1 of 60') && seen.every((text) => text === seen[0]), `${seen}`);
});

test('Chromium says the same, under a strict policy with files, and inlined; the main thread stays free', { timeout: 120_000 }, async () => {
  const site = join(paths.work, 'fresh/transcript');
  const page = (from, more) => `
    import { verifyTranscript } from './sphere-pow/${from}';
    const reports = [];
    let [ticks, order] = [0, []];
    const timer = setInterval(() => ticks++, 1);
    for (const [name, beacon] of ${JSON.stringify(SAMPLES.map(({ name, beacon: drew }) => [name, drew]))}) {
      const [commitment, openings] = await Promise.all(['commitment.json', 'openings'].map((ending) => fetch('./' + name + '.' + ending)));
      reports.push(await verifyTranscript(commitment, openings.body, { beacon, onProgress: ({ layer }) => order.push(layer)${more} }));
    }
    clearInterval(timer);
    document.querySelector('#out').textContent = JSON.stringify({ reports, ticks, layers: order.length });`;
  freshProject('transcript', {
    'slim.js': page('transcript-slim.js', ", wasm: new URL('./sphere-pow/transcript.wasm', import.meta.url), worker: new URL('./sphere-pow/transcript-worker.js', import.meta.url)"),
    'inlined.js': page('transcript.js', ''),
  });
  for (const name of ['slim', 'inlined']) {
    writeFileSync(join(site, `${name}.html`), `<!doctype html><title>t</title><link rel="icon" href="data:,"><output id="out"></output><script type="module" src="${name}.js"></script>`);
  }
  for (const { name, commitment, openings } of SAMPLES) {
    writeFileSync(join(site, `${name}.commitment.json`), commitment);
    writeFileSync(join(site, `${name}.openings`), openings);
  }
  cpSync(join(site, 'node_modules/sphere-pow/dist'), join(site, 'sphere-pow'), { recursive: true });
  const want = [];
  for (const { commitment, openings, beacon: drew } of SAMPLES) want.push(await verifyTranscript(commitment, openings, { beacon: drew }));
  const strict = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:; worker-src";
  const server = await serve(site, (path) => ({ 'content-security-policy': `${strict} ${path.startsWith('/slim') ? "'self'" : 'blob:'}` }));
  const chromium = await browser();
  try {
    for (const name of ['slim', 'inlined']) {
      const { page: tab, complaints, requests } = await chromium.open(`${server.url}/${name}.html`);
      await tab.waitForFunction(() => document.querySelector('#out').textContent !== '', null, { timeout: 100_000 }).catch((error) => {
        throw new Error(`${error.message}\n${complaints.join('\n')}`);
      });
      const { reports, ticks, layers } = JSON.parse(await tab.textContent('#out'));
      assert.deepEqual(reports, want);
      assert.deepEqual(complaints, []);
      assert.equal(requests.filter((r) => r.endsWith('.wasm')).length, name === 'slim' ? 1 : 0);
      // A page that computed this itself would run no timer between the first report and the last.
      assert.ok(ticks >= 5 && layers > 100, `${ticks} timers, ${layers} reports`);
      await tab.close();
    }
  } finally {
    await chromium.close();
    await server.close();
  }
});
