// sphere-pow/learn: what it shows of a nonce is what the vectors and the verifier say, and layers left out do what
// SPEC says they do.

import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { browser, freshProject, load, optionsOf, paths, runNode, serve, vector } from './support.mjs';

const { createVerifier, SpherePowError } = await load();
const { trace, skipLayers, close } = await load('./learn');
after(close);

const json = (name) => JSON.parse(readFileSync(join(paths.root, 'tests/vectors', name), 'utf8'));
const sha256 = (data, encoding) => createHash('sha256').update(data).digest(encoding);
const f64 = (hex) => Buffer.from(hex, 'hex').readDoubleBE();
/** Twice rounded, as the network does it. */
const f16 = (x) => {
  const step = 2 ** Math.max(Math.floor(Math.log2(Math.abs(Math.fround(x)))) - 10, -24);
  const scaled = Math.fround(x) / step;
  const low = Math.floor(scaled);
  const isUp = scaled - low > 0.5 || (scaled - low === 0.5 && low % 2 !== 0);
  return (low + (isUp ? 1 : 0)) * step;
};
const contextOf = ({ params, block_hash: blockHash, public_key: publicKey }) => ({ profile: 'gonka', params, blockHash, publicKey });
const exactCase = (name) => json('exact_forward.json').cases.find((c) => c.name === name);
const exactContext = ({ params, block_hash: blockHash, public_key: publicKey }) => ({ profile: 'exact', params, blockHash, publicKey });
const upTo = (n) => Array.from({ length: n }, (_, i) => i);
const refused = (call, code) => assert.rejects(call, (e) => e instanceof SpherePowError && e.code === code || assert.fail(`${e.code} ${e.message}, expected ${code}`));

for (const name of ['tiny', 'small']) {
  test(`gonka ${name}: every step of nonces is the vectors' and the verifier's`, async () => {
    const known = vector(name);
    const verifier = await createVerifier(optionsOf(known));
    for (const nonce of [0, 7, 31]) {
      const { steps, ...head } = await trace({ ...contextOf(known), nonce });
      assert.equal(head.nonce, String(nonce));
      assert.ok(Math.abs(steps.distance.distance - known.dist[nonce]) < 2e-5);
      assert.equal(steps.distance.distance, await verifier.distance(known.public_key, nonce), 'the bits of the verifier');
      assert.deepEqual(steps.target.first.slice(0, 4), known.target_first4_f64_be.map(f64));
      assert.equal(steps.input.shape[0] * steps.input.shape[1], known.params.seq_len * known.params.dim);
      assert.equal(steps.tensors.parameters, known.total_params);
      for (const view of steps.tensors.views) {
        assert.deepEqual(view.shape, known.tensors[view.name].shape);
        assert.equal(view.offset, parseInt(sha256(`${known.block_hash}_${view.name}`, 'hex').slice(0, 8), 16));
        const [rows, cols] = view.shape;
        const isLong = rows * cols > steps.pool.length;
        assert.equal(isLong ? view.rotation : view.start, view.offset % (isLong ? rows * cols : steps.pool.length - rows * cols + 1));
      }
      // The output is what the other steps say it is.
      const { first } = steps.permutation;
      assert.equal(new Set(first).size, first.length);
      first.forEach((ix, j) => {
        if (ix < steps.logits.first.length) {
          assert.equal(steps.output.first[j], Math.fround(steps.logits.first[ix] / steps.logits.norm));
        }
      });
      assert.equal(steps.verdict.won, steps.distance.distance < steps.verdict.rTarget);
    }
    const { steps } = await trace({ ...contextOf(known), nonce: 0 });
    steps.logits.first.forEach((logit, i) => {
      const want = known.logits_nonce0_first16[i];
      assert.ok(Math.abs(logit - want) <= 2 ** -10 * Math.max(Math.abs(want), 2 ** -4), `${logit} is not ${want}`);
    });
    await verifier.close();
  });
}

test('gonka: seed strings, hashes, entropy, generators and first draws are numpy\'s', async () => {
  const known = vector('tiny');
  const rng = new Map(json('rng.json').map((row) => [row.seed, row]));
  const seen = new Set();
  for (const nonce of [0, 7]) {
    const { steps } = await trace({ ...contextOf(known), nonce });
    const { section, ...seeds } = steps.seeds;
    assert.equal(section, 'I.2');
    assert.deepEqual(seeds, {
      pool: 'deadbeef',
      input: `deadbeef_02abc_nonce${nonce}`,
      permutation: `deadbeef_02abc_nonce_${nonce}_permutations`,
      target: 'deadbeef_target',
    });
    for (const [name, text] of Object.entries(seeds)) {
      const made = steps.generators[name];
      assert.equal(made.text, text);
      const words = made.hashes.flatMap(({ text: hashed, sha256: digest }, i) => {
        assert.equal(hashed, `${text}_${i}`);
        const bytes = sha256(hashed);
        assert.equal(digest, bytes.toString('hex'));
        return upTo(8).map((w) => bytes.readUInt32LE(4 * w));
      });
      assert.deepEqual(made.entropy, words);
      const row = rng.get(text);
      if (!row) continue;
      seen.add(text);
      assert.deepEqual(made.entropy, row.entropy_u32);
      const state = row.generate_state_u64.map((word) => BigInt(word).toString(16).padStart(16, '0'));
      assert.deepEqual(made.state, state);
      assert.deepEqual([made.pcg.initialState, made.pcg.stream], [state[0] + state[1], state[2] + state[3]]);
      assert.deepEqual(made.draws, row.raw_u64.slice(0, 3).map((word) => BigInt(word).toString(16).padStart(16, '0')));
    }
    const first = rng.get(seeds.input)?.normal_first16_f64_be.slice(0, 12).map((hex) => f16(f64(hex)));
    if (first) assert.deepEqual(steps.input.first, first);
    const order = rng.get(seeds.permutation)?.perm128.slice(0, 12);
    if (order) assert.deepEqual(steps.permutation.first, order);
  }
  assert.deepEqual([...seen].sort(), ['deadbeef_02abc_nonce0', 'deadbeef_02abc_nonce_7_permutations', 'deadbeef_target']);
});

/** ChaCha20 as Bernstein had it: 64-bit counter and 64-bit stream number. */
function keystream(key, stream, length) {
  const iv = Buffer.alloc(16);
  iv.writeBigUInt64LE(BigInt(stream), 8);
  return createCipheriv('chacha20', Buffer.from(key, 'hex'), iv).update(Buffer.alloc(length)).toString('hex');
}

for (const name of ['nano', 'nano_high_nonces', 'standard']) {
  test(`exact ${name}: keys, streams, logits, digest and verdict are the oracle's`, async () => {
    const known = exactCase(name);
    const table = json('exact_tables.json').normal.values;
    for (const want of known.nonces.slice(0, name === 'standard' ? 1 : 3)) {
      const { steps } = await trace({ ...exactContext(known), nonce: want.nonce });
      assert.equal(steps.digest.digest, want.digest);
      assert.deepEqual([steps.verdict.dot, steps.logits.squared, steps.target.squared], [want.dot, want.logits_squared, want.target_squared]);
      assert.equal(steps.verdict.won, want.won);
      assert.equal(BigInt(steps.verdict.left), BigInt(want.dot) ** 2n << 32n);
      assert.equal(BigInt(steps.verdict.right), BigInt(known.params.threshold) * BigInt(want.target_squared) * BigInt(want.logits_squared));
      assert.ok(Math.abs(steps.verdict.cosine - Number(want.dot) / Math.sqrt(Number(want.logits_squared) * Number(want.target_squared))) < 1e-12);
      for (const { encoding, key } of [steps.keys.weights, steps.keys.input, steps.target]) {
        assert.equal(sha256(Buffer.from(encoding, 'hex'), 'hex'), key);
        assert.ok(Buffer.from(encoding, 'hex').toString('latin1').includes(known.block_hash));
      }
      assert.ok(steps.target.encoding.endsWith(want.digest), 'the target needs the digest');
      const streams = [
        ...steps.weights.tensors.map((t) => [steps.keys.weights.key, t]),
        [steps.keys.input.key, steps.input],
        [steps.target.key, steps.target],
      ];
      for (const [key, { stream, keystream: bytes, first }] of streams) {
        assert.equal(bytes, keystream(key, stream, 12));
        assert.deepEqual(first, [...Buffer.from(bytes, 'hex')].map((byte) => table[byte]));
      }
      if (want === known.nonces[0] && known.first8_logits) assert.deepEqual(steps.logits.first.slice(0, 8), known.first8_logits);
    }
  });
}

test('every section named is a section of SPEC.md', async () => {
  const spec = readFileSync(join(paths.root, 'SPEC.md'), 'utf8');
  const traces = [await trace({ ...contextOf(vector('tiny')), nonce: 1 }), await trace({ ...exactContext(exactCase('nano')), nonce: 1 })];
  for (const { steps } of traces) {
    for (const [name, { section }] of Object.entries(steps)) assert.match(spec, new RegExp(`^## ${section.replace('.', '\\.')} `, 'm'), name);
  }
});

test('gonka: with layers left out the distance stays; with all it is the verifier\'s to the bit', async () => {
  const known = vector('tiny');
  const params = { ...known.params, n_layers: 12 };
  const context = { ...contextOf(known), params };
  const verifier = await createVerifier({ ...optionsOf(known), params });
  const { results } = await verifier.verifyBatch({ public_key: known.public_key, nonces: upTo(40), dist: upTo(40).map(() => 1.4) }, { sample: 'all' });
  await verifier.close();
  const all = await skipLayers({ ...context, nonces: upTo(40), kept: 12 });
  assert.deepEqual(all.nonces.map((n) => n.honest.distance), results.map((r) => r.recomputed));
  assert.deepEqual(all.nonces.map((n) => n.shortcut.distance), results.map((r) => r.recomputed));
  assert.equal(all.work, 1);
  for (const kept of [0, [], [0, 6, 11], 3]) {
    const report = await skipLayers({ ...context, nonces: upTo(40), kept });
    assert.deepEqual(report.nonces.map((n) => n.honest.distance), results.map((r) => r.recomputed));
    assert.deepEqual(report.kept, Array.isArray(kept) ? kept : upTo(kept));
    assert.ok(report.work < 0.5 && report.correlation.estimate > 0.99, JSON.stringify(report.correlation));
    const square = report.nonces.reduce((sum, n) => sum + (n.shortcut.distance - n.honest.distance) ** 2, 0);
    assert.ok(Math.abs(report.rmsDifference - Math.sqrt(square / 40)) < 1e-12);
    assert.ok(report.rmsDifference > 0 && report.rmsDifference < 1e-3, `${report.rmsDifference}`);
  }
});

test('exact: with one layer left out no digest is true and the distance scatters', async () => {
  const known = exactCase('nano');
  const nonces = upTo(300);
  const all = await skipLayers({ ...exactContext(known), nonces, kept: 40 });
  known.nonces.slice(0, 3).forEach((want, i) => assert.equal(all.nonces[i].honest.digest, want.digest));
  for (const { honest, shortcut } of all.nonces) {
    assert.deepEqual([shortcut.digest, shortcut.distance, shortcut.won, shortcut.distanceToHonestTarget], [honest.digest, honest.distance, honest.won, honest.distance]);
  }
  for (const kept of [0, [...upTo(20), ...upTo(19).map((l) => l + 21)], upTo(39)]) {
    const report = await skipLayers({ ...exactContext(known), nonces, kept });
    assert.deepEqual(report.nonces.map((n) => n.honest), all.nonces.map((n) => n.honest));
    assert.ok(report.nonces.every((n) => n.shortcut.digest !== n.honest.digest));
    const { low, high } = report.correlation;
    assert.ok(low < 0.1 && high > -0.1 && high - low < 0.25, `${low} to ${high}`);
    assert.ok(report.work < 1);
  }
  // Preset and its sizes are one model.
  const named = await skipLayers({ ...exactContext(known), params: 'nano', nonces, kept: 40 });
  assert.deepEqual(named, all);
});

test('bad input is refused with a code, and the next call works', async () => {
  const good = { ...contextOf(vector('tiny')), nonce: 1 };
  const skip = { ...contextOf(vector('tiny')), nonces: [1, 2, 3], kept: 1 };
  const getter = Object.defineProperty({ ...good }, 'params', { enumerable: true, get: () => { throw new TypeError('mine'); } });
  const traces = [
    [undefined, 'E_PROFILE_UNKNOWN'], [null, 'E_FORMAT'], [{}, 'E_FORMAT'], [{ ...good, more: 1 }, 'E_FORMAT'], [getter, 'E_FORMAT'],
    [{ ...good, profile: 'other' }, 'E_PROFILE_UNKNOWN'], [{ ...good, params: 'other' }, 'E_PROFILE_UNKNOWN'],
    [{ ...good, params: { dim: 3 } }, 'E_FORMAT'], [{ ...good, params: { ...good.params, dim: -1 } }, 'E_RANGE'],
    [{ ...good, blockHash: '' }, 'E_BLOCK_HASH'], [{ ...good, blockHash: 7 }, 'E_BLOCK_HASH'], [{ ...good, publicKey: 'a b' }, 'E_RANGE'],
    [{ ...good, nonce: -1 }, 'E_RANGE'], [{ ...good, nonce: 2 ** 60 }, 'E_RANGE'], [{ ...good, nonce: '1e3' }, 'E_RANGE'], [{ ...good, nonce: {} }, 'E_FORMAT'],
    [{ ...good, rTarget: 3 }, 'E_RANGE'], [{ ...good, rTarget: NaN }, 'E_RANGE'], [{ ...good, memoryLimit: 10 }, 'E_MEMORY'],
    [{ ...good, signal: 1 }, 'E_FORMAT'], [{ ...good, worker: 1 }, 'E_FORMAT'],
    [{ ...good, params: { ...good.params, dim: 8192, n_layers: 128, n_heads: 64, n_kv_heads: 64 } }, 'E_MEMORY'],
    [{ ...good, profile: 'exact' }, 'E_FORMAT'], [{ ...good, profile: 'exact', params: 'nano', rTarget: 1.4 }, 'E_FORMAT'],
    [{ ...good, profile: 'exact', params: { ...exactCase('nano').params, dim: 65 } }, 'E_RANGE'],
  ];
  for (const [options, code] of traces) await refused(trace(options === undefined ? { nonce: 0, params: 'testnet', blockHash: 'a', publicKey: 'b' } : options), code);
  const skips = [
    [{ ...skip, nonces: [] }, 'E_RANGE'], [{ ...skip, nonces: [1, 1] }, 'E_RANGE'], [{ ...skip, nonces: upTo(4097) }, 'E_RANGE'], [{ ...skip, nonces: 'all' }, 'E_FORMAT'],
    [{ ...skip, kept: 3 }, 'E_RANGE'], [{ ...skip, kept: -1 }, 'E_RANGE'], [{ ...skip, kept: 0.5 }, 'E_RANGE'], [{ ...skip, kept: [1, 0] }, 'E_RANGE'],
    [{ ...skip, kept: [0, 0] }, 'E_RANGE'], [{ ...skip, kept: [2] }, 'E_RANGE'], [{ ...skip, kept: ['0'] }, 'E_FORMAT'], [{ ...skip, kept: undefined }, 'E_FORMAT'],
    [{ ...skip, params: 'testnet' }, 'E_RANGE'], [{ ...skip, params: 'mainnet' }, 'E_RANGE'],
    [{ ...skip, profile: 'exact', params: 'standard' }, 'E_RANGE'],
  ];
  for (const [options, code] of skips) await refused(skipLayers(options), code);
  assert.equal((await skipLayers(skip)).nonces.length, 3);
});

test('an abort ends the worker at once, and the next call has a new one', { timeout: 60_000 }, async () => {
  const known = vector('testnet');
  const controller = new AbortController();
  let turned;
  const phases = new Set();
  const running = trace({
    ...contextOf(known),
    params: 'testnet',
    nonce: 0,
    signal: controller.signal,
    onProgress: ({ phase }) => {
      phases.add(phase);
      if (turned !== undefined) return;
      turned = false;
      setImmediate(() => (turned = true));
      controller.abort(new Error('enough'));
    },
  });
  const error = await running.catch((e) => e);
  assert.equal(turned, false, 'a rejection waits for no worker');
  assert.deepEqual([error.name, error.code, error.cause.message, [...phases]], ['AbortError', 'E_ABORTED', 'enough', ['weights']]);
  const { steps } = await trace({ ...contextOf(vector('tiny')), nonce: 0 });
  assert.ok(steps.distance.distance > 1);
  const other = trace({ ...contextOf(known), params: 'testnet', nonce: 0 });
  await Promise.all([refused(other, 'E_ABORTED'), new Promise((resolve) => setTimeout(resolve, 100)).then(close)]);
  assert.equal(process.report.getReport().workers.length, 0);
});

test('a process ends by itself, in a worker, without one, and with files for everything', async () => {
  const call = (more) => `
    import { trace } from 'sphere-pow/learn${more ? '/slim' : ''}';
    const { steps } = await trace({ ...${JSON.stringify({ ...contextOf(vector('tiny')), nonce: 0 })}, ${more} });
    console.log(steps.distance.distance);`;
  const files = "wasm: new URL(import.meta.resolve('sphere-pow/learn.wasm')), worker: new URL(import.meta.resolve('sphere-pow/learn-worker'))";
  const seen = [];
  for (const more of ['', files, `${files.split(', worker')[0]}, worker: false`]) {
    const { code, stdout, stderr } = await runNode(['--input-type=module', '-e', call(more)]);
    assert.equal(code, 0, stderr);
    seen.push(stdout);
  }
  assert.ok(seen[0].startsWith('1.33') && seen.every((text) => text === seen[0]), `${seen}`);
});

test('in a page under a strict policy, with files, and inlined; the main thread stays free', { timeout: 60_000 }, async () => {
  const site = join(paths.work, 'fresh/learn');
  const call = `{ ...${JSON.stringify(exactContext(exactCase('nano')))}, nonces: Array.from({ length: 400 }, (_, i) => i), kept: 39 }`;
  const page = (from, more) => `
    import { skipLayers, close } from './sphere-pow/${from}';
    let [ticks, reports, most] = [0, 0, 0];
    const timer = setInterval(() => ticks++, 1);
    const phases = new Set();
    const onProgress = ({ phase }) => { phases.add(phase); if (reports++ === 0) ticks = 0; most = ticks; };
    const { nonces } = await skipLayers({ ...${call}, onProgress${more} });
    clearInterval(timer);
    await close();
    document.querySelector('#out').textContent = JSON.stringify({ digest: nonces[0].honest.digest, ticks: most, phases: [...phases] });`;
  freshProject('learn', {
    'slim.js': page('learn-slim.js', ", wasm: new URL('./sphere-pow/learn.wasm', import.meta.url), worker: new URL('./sphere-pow/learn-worker.js', import.meta.url)"),
    'inlined.js': page('learn.js', ''),
  });
  for (const name of ['slim', 'inlined']) {
    writeFileSync(join(site, `${name}.html`), `<!doctype html><title>t</title><link rel="icon" href="data:,"><output id="out"></output><script type="module" src="${name}.js"></script>`);
  }
  cpSync(join(site, 'node_modules/sphere-pow/dist'), join(site, 'sphere-pow'), { recursive: true });
  const strict = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:; worker-src";
  const server = await serve(site, (path) => ({ 'content-security-policy': `${strict} ${path.startsWith('/slim') ? "'self'" : 'blob:'}` }));
  const chromium = await browser();
  try {
    for (const name of ['slim', 'inlined']) {
      const { page: tab, complaints, requests } = await chromium.open(`${server.url}/${name}.html`);
      await tab.waitForFunction(() => document.querySelector('#out').textContent !== '', null, { timeout: 120_000 }).catch((error) => {
        throw new Error(`${error.message}\n${complaints.join('\n')}`);
      });
      const { digest, ticks, phases } = JSON.parse(await tab.textContent('#out'));
      assert.equal(digest, exactCase('nano').nonces[0].digest);
      assert.deepEqual(complaints, []);
      assert.deepEqual(phases.at(-1), 'done');
      assert.equal(requests.filter((r) => r.endsWith('.wasm')).length, name === 'slim' ? 1 : 0);
      // A page that computed this itself would run no timer from the first report to the last.
      assert.ok(ticks >= 5, `${ticks} timers`);
      await tab.close();
    }
  } finally {
    await chromium.close();
    await server.close();
  }
});
