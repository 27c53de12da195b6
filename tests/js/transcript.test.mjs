// sphere-pow/transcript: it says of commitments and openings what core and the native command say of the same bytes.

import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { browser, freshProject, paths, serve } from './support.mjs';
import { SAMPLES, asLines, beacon, bytes, json, known, native, params, refused, samples, setUp, small, smallCommitment, smallOpenings, transcribe, undated, verifyTranscript, withPart } from './transcripts.mjs';

before(setUp);

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

/** The nonces of a case of the vectors, whole. */
const asked = ({ params: model, block_hash, public_key, transcripts }) => ({ params: model, blockHash: block_hash, publicKey: public_key, nonces: Object.keys(transcripts) });

test('nonces computed whole have the leaves, digests and roots of the oracle', async () => {
  assert.ok(known.cases.length >= 4);
  for (const { name, transcripts, first_nonce, first_leaves, first_opening, ...rest } of known.cases) {
    const seen = [];
    const got = await transcribe({ ...asked({ ...rest, transcripts }), onProgress: (p) => seen.push(p) });
    assert.deepEqual(Object.fromEntries(got.map(({ nonce, root }) => [nonce, root])), transcripts, name);
    assert.deepEqual(got.find(({ nonce }) => nonce === first_nonce).leaves, first_leaves, name);
    const opened = got.find(({ nonce }) => nonce === first_opening?.nonce);
    assert.equal(opened?.digest, first_opening?.digest, name);
    assert.ok(seen.every(({ fraction }, i) => fraction >= (seen[i - 1]?.fraction ?? 0) && fraction <= 1), name);
  }
});

test('what cannot be computed whole is refused by name', async () => {
  const good = asked(small);
  for (const [more, code, reason] of [
    [{ nonces: [2n ** 63n] }, 'E_RANGE'],
    [{ nonces: new Array(4097).fill(1) }, 'E_RANGE'],
    [{ nonces: 7 }, 'E_FORMAT'],
    [{ params: 'giant' }, 'E_PROFILE_UNKNOWN'],
    [{ params: { ...params, dim: 63 } }, 'E_RANGE', 'params'],
    [{ params: 'large', memoryLimit: 1 << 20 }, 'E_MEMORY'],
    [{ blockHash: '' }, 'E_BLOCK_HASH', 'identity'],
    [{ publicKey: '' }, 'E_RANGE', 'identity'],
    [{ beacon }, 'E_FORMAT'],
  ]) {
    await refused(transcribe({ ...good, ...more }), code, reason);
  }
  assert.deepEqual(await transcribe({ ...good, nonces: [] }), []);
  const controller = new AbortController();
  const many = transcribe({ ...good, params: 'standard', nonces: [1, 2, 3, 4, 5, 6, 7, 8], signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(many, { name: 'AbortError' });
});

test('Chromium says the same, under a strict policy with files, and inlined; the main thread stays free', { timeout: 120_000 }, async () => {
  const site = join(paths.work, 'fresh/transcript');
  const page = (from, more) => `
    import { transcribe, verifyTranscript } from './sphere-pow/${from}';
    const reports = [];
    let [ticks, order] = [0, []];
    const timer = setInterval(() => ticks++, 1);
    for (const [name, beacon] of ${JSON.stringify(SAMPLES.map(({ name, beacon: drew }) => [name, drew]))}) {
      const [commitment, openings] = await Promise.all(['commitment.json', 'openings'].map((ending) => fetch('./' + name + '.' + ending)));
      reports.push(await verifyTranscript(commitment, openings.body, { beacon, onProgress: ({ layer }) => order.push(layer)${more} }));
    }
    clearInterval(timer);
    const whole = [];
    for (const nonces of ${JSON.stringify(known.cases.map(asked))}) whole.push(await transcribe({ ...nonces${more} }));
    document.querySelector('#out').textContent = JSON.stringify({ reports, ticks, layers: order.length, whole });`;
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
      const { reports, ticks, layers, whole } = JSON.parse(await tab.textContent('#out'));
      assert.deepEqual(reports.map(undated), want);
      assert.deepEqual(whole.map((all) => Object.fromEntries(all.map(({ nonce, root }) => [nonce, root]))), known.cases.map(({ transcripts }) => transcripts));
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
