// sphere-pow/transcript: documents in every form, those that mean harm, aborts, and processes that end by themselves.

import assert from 'node:assert/strict';
import { createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { paths, runNode } from './support.mjs';
import { SAMPLES, json, refused, small, smallCommitment, smallOpenings, stream, verifyTranscript, work } from './transcripts.mjs';

before(() => mkdirSync(work, { recursive: true }));

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
