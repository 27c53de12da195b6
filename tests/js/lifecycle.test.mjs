// Starting, stopping, failing and going on: workers, memory, traps, the end of the process.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, optionsOf, paths, runNode, vector } from './support.mjs';

const { createVerifier } = await load();
const tiny = vector('tiny');
const batch = { public_key: tiny.public_key, nonces: tiny.nonces, dist: tiny.dist };
/** Large enough that a nonce takes seconds. */
const slow = { profile: 'gonka', params: 'testnet', blockHash: tiny.block_hash };
/** Node's own count of what keeps a process alive or in memory. */
const workers = () => process.report.getReport().workers.length;

test('a process ends by itself, closed or not', async () => {
  for (const close of ['await verifier.close();', '']) {
    const script = `
      import { createVerifier } from 'sphere-pow';
      const verifier = await createVerifier(${JSON.stringify(optionsOf(tiny))});
      console.log(await verifier.distance('${tiny.public_key}', 0));
      ${close}`;
    const { code, stdout, stderr } = await runNode(['--input-type=module', '-e', script]);
    assert.equal(code, 0, stderr);
    assert.ok(Math.abs(Number(stdout) - tiny.dist[0]) < 2e-5);
  }
});

test('importing starts nothing', async () => {
  const script = `
    const before = Object.keys(globalThis).length;
    await import('sphere-pow'); await import('sphere-pow/slim'); await import('sphere-pow/adapters');
    console.log(process.report.getReport().workers.length, process.getActiveResourcesInfo().length, Object.keys(globalThis).length - before);`;
  const { stdout } = await runNode(['--input-type=module', '-e', script]);
  const [threads, , globals] = stdout.trim().split(' ').map(Number);
  assert.deepEqual([threads, globals], [0, 0]);
});

for (const [phase, wait] of [['weights', 400], ['layers', 0]]) {
  test(`an abort during ${phase} rejects at once, leaves no worker and gives the memory back`, { timeout: 120_000 }, async () => {
    const options = phase === 'weights' ? slow : { ...slow, params: { ...tiny.params, dim: 2048, n_layers: 8, seq_len: 512, n_heads: 16, n_kv_heads: 16 } };
    const verifier = await createVerifier(options);
    const controller = new AbortController();
    let turned;
    let seen;
    const running = verifier.distance(tiny.public_key, 1, {
      signal: controller.signal,
      onProgress: (p) => {
        if (seen || p.phase !== phase) return;
        seen = p;
        setTimeout(() => {
          turned = false;
          setImmediate(() => (turned = true));
          controller.abort(new Error('enough'));
        }, wait);
      },
    });
    const error = await running.then(() => assert.fail('it was not stopped'), (e) => e);
    // Nothing else of this thread came first: a rejection waits for no worker.
    assert.equal(turned, false);
    assert.equal(error.code, 'E_ABORTED');
    assert.equal(error.name, 'AbortError');
    assert.equal(error.cause.message, 'enough');
    for (let i = 0; i < 50 && workers() > 0; i++) await sleep(50);
    assert.equal(workers(), 0, 'the worker is gone');
    assert.ok(process.memoryUsage().rss < 600e6);
    // The verifier goes on.
    await assert.rejects(verifier.distance(tiny.public_key, 1, { signal: AbortSignal.timeout(50) }), { code: 'E_ABORTED' });
    await verifier.close();
    assert.equal(workers(), 0);
  });
}

test('an abort before the call, in the queue and after the call', async () => {
  const verifier = await createVerifier(optionsOf(tiny));
  await assert.rejects(verifier.distance(tiny.public_key, 1, { signal: AbortSignal.abort() }), { code: 'E_ABORTED' });
  await assert.rejects(verifier.verifyBatch(batch, { signal: AbortSignal.abort() }), { code: 'E_ABORTED' });
  const controller = new AbortController();
  const first = verifier.distance(tiny.public_key, 1);
  const queued = verifier.distance(tiny.public_key, 2, { signal: controller.signal });
  controller.abort();
  await assert.rejects(queued, { code: 'E_ABORTED' });
  assert.ok(Number.isFinite(await first), 'the call before it is not touched');
  assert.ok(Number.isFinite(await verifier.distance(tiny.public_key, 2, { signal: new AbortController().signal })));
  await verifier.close();
});

test('a signal of another library will do', async () => {
  const listeners = new Set();
  const signal = { aborted: false, reason: 'enough', addEventListener: (_, listener) => listeners.add(listener), removeEventListener: (_, listener) => listeners.delete(listener) };
  const verifier = await createVerifier(optionsOf(tiny));
  assert.ok(Number.isFinite(await verifier.distance(tiny.public_key, 1, { signal })));
  assert.equal(listeners.size, 0, 'it is let go of');
  const running = verifier.distance(tiny.public_key, 2, { signal });
  signal.aborted = true;
  for (const listener of [...listeners]) listener();
  await assert.rejects(running, { code: 'E_ABORTED', cause: 'enough' });
  await verifier.close();
});

test('close rejects what runs, twice does nothing, and later calls are refused', async () => {
  const verifier = await createVerifier(slow);
  const running = assert.rejects(verifier.distance(tiny.public_key, 1), { code: 'E_ABORTED' });
  await sleep(200);
  await verifier.close();
  await running;
  await verifier[Symbol.asyncDispose]?.();
  await verifier.close();
  assert.equal(workers(), 0);
  await assert.rejects(verifier.distance(tiny.public_key, 1), { code: 'E_ABORTED' });
});

test('a callback that throws ends the call with its error', async () => {
  const verifier = await createVerifier(optionsOf(tiny));
  const onProgress = () => {
    throw new TypeError('from the callback');
  };
  await assert.rejects(verifier.verifyBatch(batch, { onProgress }), { name: 'TypeError', message: 'from the callback' });
  assert.equal((await verifier.verifyBatch(batch)).verdict, 'honest');
  await verifier.close();
});

test('results come one by one, and leaving the loop stops the work', async () => {
  const params = { ...tiny.params, seq_len: 128 };
  const verifier = await createVerifier({ ...optionsOf(tiny), params });
  const seen = [];
  for await (const result of verifier.verifyBatch(batch)) seen.push(result);
  assert.deepEqual(seen.map((r) => r.nonce).toSorted(), tiny.nonces.map(String).toSorted());
  let left = 0;
  for await (const result of verifier.verifyBatch(batch)) {
    assert.ok(result.nonce);
    left += 1;
    if (left === 3) break;
  }
  assert.equal(left, 3);
  const failing = async () => {
    for await (const _ of verifier.verifyBatch({ ...batch, dist: [] })) assert.fail();
  };
  await assert.rejects(failing, { code: 'E_FORMAT' });
  await verifier.close();
});

test('workers share a batch, its bits do not depend on their number', async () => {
  const params = { ...tiny.params, seq_len: 64 };
  const verifier = await createVerifier({ ...optionsOf(tiny), params });
  const one = await verifier.verifyBatch(batch, { sample: 'all' });
  let most = 0;
  const three = await verifier.verifyBatch(batch, { sample: 'all', concurrency: 3, onProgress: () => (most = Math.max(most, workers())) });
  assert.equal(most, 3);
  assert.deepEqual(three.results, one.results);
  await sleep(100);
  assert.equal(workers(), 1, 'workers beyond the verifier\'s own are gone');
  await verifier.close();
});

test('memory is counted before it is taken', async () => {
  const limited = { ...slow, memoryLimit: 400e6 };
  const verifier = await createVerifier(limited);
  assert.ok(verifier.model.memoryBytes > 297e6 && verifier.model.memoryBytes < 400e6);
  await assert.rejects(verifier.verifyBatch(batch, { concurrency: 2 }), { code: 'E_MEMORY' });
  await assert.rejects(createVerifier({ ...limited, concurrency: 2 }), { code: 'E_MEMORY' });
  await assert.rejects(createVerifier({ ...limited, memoryLimit: 1e6 }), { code: 'E_MEMORY' });
  const mainnet = await createVerifier({ ...slow, params: 'mainnet' });
  assert.ok(mainnet.model.memoryBytes > 1.7e9 && mainnet.model.memoryBytes < 2.6e9, `${mainnet.model.memoryBytes}`);
  const huge = { ...tiny.params, dim: 8192, n_layers: 200, vocab_size: 8196 };
  await assert.rejects(createVerifier({ ...slow, params: huge }), { code: 'E_MEMORY' });
  await Promise.all([verifier.close(), mainnet.close()]);
});

test('a thousand verifications in one verifier, once warm, keep memory flat', { timeout: 300_000 }, async () => {
  const script = `
    import { createVerifier } from 'sphere-pow';
    const verifier = await createVerifier(${JSON.stringify(optionsOf(tiny))});
    const proof = (i) => ({ public_key: '${tiny.public_key}', block_hash: '${tiny.block_hash}', nonce: i, distance: 1.4 });
    const signal = new AbortController().signal;
    const rss = [];
    for (let i = 0; i <= 2000; i++) {
      await verifier.verify(proof(i), { signal, onProgress: () => {} });
      if (i >= 1000 && i % 100 === 0) { globalThis.gc(); rss.push(process.memoryUsage().rss / 1e6); }
    }
    console.log(JSON.stringify(rss));
    await verifier.close();`;
  const { stdout, stderr, code } = await runNode(['--expose-gc', '--input-type=module', '-e', script], { timeout: 280_000 });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '', 'no warning of listeners left behind');
  const rss = JSON.parse(stdout);
  assert.ok(rss.at(-1) - rss[0] < 6, `${rss.map((x) => x.toFixed(0))} MB`);
});

test('verifiers made and closed leave nothing behind', async () => {
  for (let i = 0; i < 20; i++) {
    const verifier = await createVerifier(optionsOf(tiny));
    await verifier.distance(tiny.public_key, i);
    await verifier.close();
  }
  assert.equal(workers(), 0);
});

/** The wasm with functions that trap: a model's `compute` for 13 nonces, `win_rate` for a radius of 0.25. */
async function trapping() {
  const { default: binaryen } = await import('binaryen');
  const module = binaryen.readBinary(readFileSync(join(paths.installed, 'dist/verifier.wasm')));
  const { BulkMemory, BulkMemoryOpt, MutableGlobals, Multivalue, NontrappingFPToInt, ReferenceTypes, SIMD128, SignExt } = binaryen.Features;
  module.setFeatures(BulkMemory | BulkMemoryOpt | MutableGlobals | Multivalue | NontrappingFPToInt | ReferenceTypes | SIMD128 | SignExt);
  const trapIf = (name, condition) => {
    const wrapped = module.getExport(name);
    const { value } = binaryen.getExportInfo(wrapped);
    const info = binaryen.getFunctionInfo(module.getFunction(value));
    const arity = binaryen.expandType(info.params);
    const call = module.call(value, arity.map((type, i) => module.local.get(i, type)), info.results);
    const body = module.block(null, [module.if(condition(module), module.unreachable()), call], info.results);
    module.removeExport(name);
    module.addFunction(`trapping_${name}`, info.params, info.results, [], body);
    module.addFunctionExport(`trapping_${name}`, name);
  };
  // Arguments: the model, key's address and length, nonces' address and length; the radius first.
  trapIf('model_compute', (m) => m.i32.eq(m.local.get(4, binaryen.i32), m.i32.const(13)));
  trapIf('win_rate', (m) => m.f64.eq(m.local.get(0, binaryen.f64), m.f64.const(0.25)));
  assert.ok(module.validate());
  return module.emitBinary();
}

for (const where of ['worker', 'thread']) {
  test(`a trap in the ${where} costs its instance only: the next call works`, async () => {
    const wasm = Buffer.from(await trapping()).toString('base64');
    const script = `
      import { createVerifier, targetRadius } from 'sphere-pow';
      const wasm = Uint8Array.from(Buffer.from('${wasm}', 'base64'));
      const verifier = await createVerifier({ ...${JSON.stringify(optionsOf(tiny))}, wasm, ${where === 'thread' ? 'worker: false' : ''} });
      const proof = (n) => ({ public_key: '${tiny.public_key}', nonces: Array.from({ length: n }, (_, i) => i), dist: Array(n).fill(1.4) });
      const code = (promise) => promise.then(() => 'fine', (e) => e.code);
      const out = [];
      out.push(await code(verifier.verifyBatch(proof(12))), await code(verifier.verifyBatch(proof(13))), await code(verifier.verifyBatch(proof(12))));
      out.push(await code(targetRadius.winRate(1.4)), await code(targetRadius.winRate(0.25)), await code(targetRadius.winRate(1.4)));
      out.push(await verifier.distance('${tiny.public_key}', 0));
      console.log(JSON.stringify(out));
      await verifier.close();`;
    const { stdout, stderr, code } = await runNode(['--input-type=module', '-'], { input: script });
    assert.equal(code, 0, stderr);
    const out = JSON.parse(stdout);
    assert.deepEqual(out.slice(0, 6), ['fine', 'E_INTERNAL', 'fine', 'fine', 'E_INTERNAL', 'fine']);
    assert.ok(Math.abs(out[6] - tiny.dist[0]) < 2e-5);
  });
}

test('without a worker the calling thread computes, and signals count between passes', async () => {
  const verifier = await createVerifier({ ...optionsOf(tiny), worker: false });
  const report = await verifier.verifyBatch(batch, { sample: 'all' });
  assert.equal(report.verdict, 'honest');
  assert.equal(workers(), 0);
  await verifier.close();
  const slower = await createVerifier({ ...optionsOf(tiny), params: { ...tiny.params, seq_len: 128 }, worker: false });
  await assert.rejects(slower.verifyBatch(batch, { signal: AbortSignal.timeout(20) }), { code: 'E_ABORTED' });
  await slower.close();
});

test('wasm that is none is refused with a reason, and a later call may bring the right one', async () => {
  const script = `
    import { createVerifier, init } from 'sphere-pow/slim';
    import { readFileSync } from 'node:fs';
    const options = ${JSON.stringify(optionsOf(tiny))};
    const said = (promise) => promise.then(() => 'fine', (e) => [e.code, e.message]);
    const out = [];
    out.push(await said(createVerifier(options)));
    out.push(await said(init({ wasm: new TextEncoder().encode('<!doctype html><p>not found') })));
    out.push(await said(init({ wasm: new Uint8Array([0, 97, 115, 109, 1, 0, 0]) })));
    out.push(await said(init({ wasm: new Response('gone', { status: 404, statusText: 'Not Found' }) })));
    out.push(await said(init({ wasm: 42 })));
    out.push(await said(init({ wasm: Promise.reject(new Error('offline')) })));
    out.push(await said(init({ wasm: new URL(import.meta.resolve('sphere-pow/verifier.wasm')) })));
    out.push(await said(init({ wasm: 42 })));
    const verifier = await createVerifier(options);
    out.push(await verifier.distance('${tiny.public_key}', 0));
    console.log(JSON.stringify(out));`;
  const { stdout, stderr, code } = await runNode(['--input-type=module', '-e', script]);
  assert.equal(code, 0, stderr);
  const out = JSON.parse(stdout);
  for (const said of out.slice(0, 6)) assert.equal(said[0], 'E_WASM_LOAD');
  assert.match(out[0][1], /no wasm of its own/);
  assert.match(out[1][1], /HTML/);
  assert.match(out[3][1], /404/);
  assert.deepEqual(out.slice(6, 8), ['fine', 'fine']);
  assert.ok(Math.abs(out[8] - tiny.dist[0]) < 2e-5);
});

test('a stopped batch goes on with the results it had, which are judged anew', { timeout: 60_000 }, async () => {
  const verifier = await createVerifier(optionsOf(tiny));
  const whole = await verifier.verifyBatch(batch, { sample: 'all' });
  // A result that lies about its claim is not believed.
  const known = whole.results.slice(0, -1).map((result) => ({ ...result, claimed: 2, valid: false }));
  const seen = [];
  const last = [];
  const rest = verifier.verifyBatch(batch, { sample: 'all', known, onProgress: (p) => (last[0] = p) });
  for await (const { index } of rest) seen.push(index);
  const again = await rest;
  assert.deepEqual(seen, [whole.results.length - 1]);
  assert.equal(last[0].total, 1);
  assert.deepEqual([again.verdict, again.nBad, again.evidence.advisory.nAgreeing], [whole.verdict, whole.nBad, whole.evidence.advisory.nAgreeing]);
  assert.deepEqual(again.results.slice(0, -1), whole.results.slice(0, -1));
  const none = await verifier.verifyBatch(batch, { sample: 'all', known: whole.results });
  assert.deepEqual(none, whole);
  for (const bad of [42, [null], [{ index: 0, nonce: '999' }], [{ index: 99, nonce: '0' }], [{ ...whole.results[0], recomputed: 'x' }]]) {
    await assert.rejects(verifier.verifyBatch(batch, { sample: 'all', known: bad }), (e) => ['E_FORMAT', 'E_RANGE'].includes(e.code));
  }
  await verifier.close();
});
