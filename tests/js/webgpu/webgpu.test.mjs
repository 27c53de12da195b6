// sphere-pow/webgpu in Chromium on its software adapter: the bits of `exact`, the bounds of `gonka`, and what happens
// where there is no WebGPU, a wrong one, or one that goes away.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser, errors, load, optionsOf, paths, runNode, serve, siteOf, vector } from '../support.mjs';

let site;
const cases = JSON.parse(readFileSync(join(paths.root, 'tests/vectors/exact_forward.json'), 'utf8')).cases;
const exactCase = (name) => cases.find((c) => c.name === name);
const exactOptions = ({ params, block_hash: blockHash }) => ({ profile: 'exact', params, blockHash });
const nano = exactCase('nano');
const none = '0'.repeat(64);
/** A claim of nonces whose digests are all wrong: what matters is what is computed. */
const exactBatch = ({ params, block_hash, public_key, first_nonce }, count) => {
  const nonces = Array.from({ length: count }, (_, i) => String(BigInt(first_nonce) + BigInt(i)));
  return { profile: 'exact', version: 2, params, public_key, block_hash, nonces, digests: nonces.map(() => none) };
};
const gonkaBatch = ({ public_key, nonces, dist }) => ({ public_key, nonces, dist });

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:; worker-src";
let server;
let chromium;

/** What goes wrong in a worker of that name, done to it before ours is there. It tells its counts to who started it. */
const PATCHES = {
  plain: '',
  missing: 'Object.defineProperty(navigator, "gpu", { value: undefined });',
  none: 'GPU.prototype.requestAdapter = async () => null;',
  wrong: `
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      const code = descriptor.code.replace('unpack4xI8(up[i]), 4u', 'unpack4xI8(up[i]), 3u').replace('* widen(weight[i])', '* widen(weight[i ^ 1u])');
      if (code !== descriptor.code) postMessage({ patched: true });
      return createShaderModule.call(this, { ...descriptor, code });
    };`,
  // Each device is lost in the middle of what is asked first, or only the first device is.
  ...Object.fromEntries([['lost', 1], ['lostAlways', 99]].map(([name, times]) => [name, `
    let left = ${times};
    let armed = false;
    addEventListener('message', ({ data }) => { if (data.job?.nonces.length > 0) armed = true; });
    const { submit } = GPUQueue.prototype;
    const { requestDevice } = GPUAdapter.prototype;
    const devices = new Map();
    GPUAdapter.prototype.requestDevice = async function (...args) {
      const device = await requestDevice.apply(this, args);
      devices.set(device.queue, device);
      device.submits = 0;
      return device;
    };
    GPUQueue.prototype.submit = function (...args) {
      const device = devices.get(this);
      if (armed && left > 0 && ++device.submits === 2) {
        left -= 1;
        postMessage({ lost: true });
        device.destroy();
      }
      return submit.apply(this, args);
    };`])),
  // An exception in the middle of the executor's code.
  trap: `
    const { createBindGroup } = GPUDevice.prototype;
    let armed = false;
    addEventListener('message', ({ data }) => { if (data.job?.nonces.length > 0) armed = true; });
    GPUDevice.prototype.createBindGroup = function (...args) {
      if (armed) throw new RangeError('planted');
      return createBindGroup.apply(this, args);
    };`,
  counts: `
    const counts = { maps: 0, submits: 0, dispatches: 0, devices: 0 };
    const count = (prototype, method, name) => {
      const original = prototype[method];
      prototype[method] = function (...args) { counts[name] += 1; return original.apply(this, args); };
    };
    count(GPUBuffer.prototype, 'mapAsync', 'maps');
    count(GPUQueue.prototype, 'submit', 'submits');
    count(GPUAdapter.prototype, 'requestDevice', 'devices');
    count(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', 'dispatches');
    addEventListener('message', ({ data }) => {
      if (data.job?.nonces.length > 0) postMessage({ before: { ...counts } });
    });
    setInterval(() => postMessage({ counts: { ...counts } }), 20);`,
};

/** In the page: a verifier whose worker is of that name, what it computes, and what the worker told. */
const RUN = `
  import { createVerifier } from './sphere-pow/webgpu-slim.js';
  export const make = (name, options, told = []) => createVerifier({
    ...options,
    softwareAdapter: true,
    wasm: '/sphere-pow/webgpu.wasm',
    worker: () => {
      const worker = new Worker('/' + name + '.worker.js', { type: 'module' });
      worker.addEventListener('message', ({ data }) => { if (data.id === undefined) told.push(data); });
      return worker;
    },
  });
  export const run = async (name, options, batch) => {
    const told = [];
    const verifier = await make(name, options, told);
    const before = verifier.engine;
    const phases = new Set();
    const { results } = await verifier.verifyBatch(batch, { sample: 'all', onProgress: ({ phase }) => phases.add(phase) });
    const { engine } = verifier;
    await verifier.close();
    return { results, engine, before, told, phases: [...phases] };
  };`;

before(async () => {
  site = siteOf('site-webgpu', ['index', 'inlined']);
  for (const [name, patch] of Object.entries(PATCHES)) {
    writeFileSync(join(site, `${name}.patch.js`), patch);
    writeFileSync(join(site, `${name}.worker.js`), `import './${name}.patch.js';\nimport './sphere-pow/webgpu-worker.js';\n`);
  }
  writeFileSync(join(site, 'run.js'), RUN);
  server = await serve(site, (path) => ({ 'content-security-policy': `${STRICT} ${path === '/inlined.html' ? 'blob:' : "'self'"}` }));
  chromium = await browser(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
});
after(async () => {
  await chromium?.close();
  await server?.close();
});

/** Runs {@link RUN} in a new page; nothing may complain. */
async function run(name, options, batch) {
  const { page, complaints } = await chromium.open(server.url);
  try {
    const out = await page.evaluate(([name, options, batch]) => import('/run.js').then(({ run }) => run(name, options, batch)), [name, options, batch]);
    assert.deepEqual(complaints, []);
    return out;
  } finally {
    await page.close();
  }
}

function assertNano(results) {
  assert.deepEqual(
    results.slice(0, nano.nonces.length).map(({ nonce, digest, dot, won, logitsSquared, targetSquared }) => ({
      nonce, digest, dot, logits_squared: logitsSquared, target_squared: targetSquared, won,
    })),
    nano.nonces.slice(0, results.length),
  );
}

function assertWithinBounds(results, dist) {
  const { rms, max } = errors(results.map((r) => r.recomputed), dist);
  assert.ok(results.length === dist.length && rms <= 5e-6 && max <= 2e-5, `rms ${rms}, max ${max}`);
}

// The whole table would take a software adapter many minutes; other tests hold wasm to all of it.
test('exact: digests and verdicts of the table, and those of wasm beyond it, to the bit', { timeout: 300_000 }, async () => {
  const batch = exactBatch(nano, 256);
  const { results, engine, before, phases } = await run('plain', exactOptions(nano), batch);
  assert.equal(before, null);
  assert.equal(engine.engine, 'webgpu');
  assert.ok(engine.adapter.isFallbackAdapter && engine.batch >= 32 && engine.memoryBytes > 0 && engine.kernel.length > 0);
  assertNano(results);
  const { createVerifier } = await load();
  const wasm = await createVerifier(exactOptions(nano));
  const { results: theirs } = await wasm.verifyBatch(batch, { sample: 'all' });
  await wasm.close();
  assert.deepEqual(results, theirs);
  assert.deepEqual(phases, ['weights', 'layers', 'done']);
});

for (const name of ['nano_high_nonces', 'one_layer_one_token', 'wide_hidden', 'many_tokens']) {
  test(`exact: digests of ${name}`, { timeout: 120_000 }, async () => {
    const known = exactCase(name);
    const { results, engine } = await run('plain', exactOptions(known), exactBatch(known, known.count));
    assert.equal(engine.engine, 'webgpu');
    assert.deepEqual(results.map((r) => r.digest), known.nonces.map((n) => n.digest));
  });
}

for (const name of ['tiny', 'small']) {
  test(`gonka: every distance of ${name} is within the bounds`, { timeout: 300_000 }, async () => {
    const known = vector(name);
    const { results, engine, phases } = await run('plain', optionsOf(known), gonkaBatch(known));
    assert.equal(engine.engine, 'webgpu');
    assertWithinBounds(results, known.dist);
    assert.deepEqual(phases, ['weights', 'layers', 'done']);
  });
}

test('the inlined entry under a policy that allows blob: workers; no software adapter unless asked for', { timeout: 120_000 }, async () => {
  const { page, complaints, requests } = await chromium.open(`${server.url}/inlined.html`);
  const out = await page.evaluate(async ([options, key]) => {
    const { constants, createVerifier, readDocument, SpherePowError } = await import('/sphere-pow/webgpu.js');
    const seen = [];
    for (const more of [{ softwareAdapter: true }, {}]) {
      const verifier = await createVerifier({ ...options, ...more });
      seen.push({ ...(await verifier.compute(key, 5)), ...verifier.engine });
      await verifier.close();
    }
    const refused = await createVerifier({ ...options, softwareAdapter: 1 }).catch((e) => [e instanceof SpherePowError, e.code]);
    const ordinary = await import('/sphere-pow/index.js');
    const unknown = await ordinary.createVerifier({ ...options, softwareAdapter: true }).catch((e) => [e instanceof SpherePowError, e.code]);
    return { seen, refused, unknown, has: [typeof readDocument, (await constants()).radii[0].rTarget] };
  }, [exactOptions(nano), nano.public_key]);
  assert.deepEqual(out.seen.map(({ engine, digest }) => [engine, digest]), [['webgpu', nano.nonces[5].digest], ['wasm', nano.nonces[5].digest]]);
  assert.match(out.seen[1].reason, /computed by the CPU/);
  assert.deepEqual([out.refused, out.unknown], [[true, 'E_FORMAT'], [true, 'E_FORMAT']]);
  assert.deepEqual(out.has, ['function', 1.4013564660458173]);
  assert.deepEqual(requests.filter((url) => url.endsWith('.wasm')), []);
  await page.close();
  assert.deepEqual(complaints, []);
});

for (const [name, why] of [['missing', /no navigator\.gpu/], ['none', /offers no WebGPU adapter/]]) {
  test(`falls back to wasm and says why: ${name}`, { timeout: 120_000 }, async () => {
    const { results, engine } = await run(name, exactOptions(nano), exactBatch(nano, 32));
    assert.deepEqual(Object.keys(engine), ['engine', 'reason']);
    assert.equal(engine.engine, 'wasm');
    assert.match(engine.reason, why);
    assertNano(results);
  });
}

test('a planted fault is caught by the self-test, and wasm computes', { timeout: 300_000 }, async () => {
  const exact = await run('wrong', exactOptions(nano), exactBatch(nano, 32));
  assert.ok(exact.told.some(({ patched }) => patched), 'the fault was planted');
  assert.equal(exact.engine.engine, 'wasm');
  assert.match(exact.engine.reason, /computes wrongly: .+ is .+, expected /);
  assertNano(exact.results);
  const tiny = vector('tiny');
  const gonka = await run('wrong', optionsOf(tiny), gonkaBatch(tiny));
  assert.ok(gonka.told.some(({ patched }) => patched), 'the fault was planted');
  assert.equal(gonka.engine.engine, 'wasm');
  assert.match(gonka.engine.reason, /computes wrongly: .+ is .+, expected /);
  assertWithinBounds(gonka.results, tiny.dist);
});

test('a lost device is opened again; one that is lost again falls back', { timeout: 300_000 }, async () => {
  for (const [name, losses, engine] of [['lost', 1, 'webgpu'], ['lostAlways', 2, 'wasm']]) {
    const exact = await run(name, exactOptions(nano), exactBatch(nano, 64));
    assert.equal(exact.told.filter(({ lost }) => lost).length, losses);
    assert.equal(exact.engine.engine, engine, exact.engine.reason);
    if (engine === 'wasm') assert.match(exact.engine.reason, /lost/);
    assertNano(exact.results);
  }
  const tiny = vector('tiny');
  const gonka = await run('lost', optionsOf(tiny), gonkaBatch(tiny));
  assert.deepEqual([gonka.told.filter(({ lost }) => lost).length, gonka.engine.engine], [1, 'webgpu']);
  assertWithinBounds(gonka.results, tiny.dist);
});

test('an exception within the executor costs its instance, not the call', { timeout: 120_000 }, async () => {
  const { results, engine } = await run('trap', exactOptions(nano), exactBatch(nano, 32));
  assert.equal(engine.engine, 'wasm');
  assert.match(engine.reason, /failed/);
  assertNano(results);
});

test('nonces are batched: a batch has one readback, and far fewer submits than dispatches', { timeout: 120_000 }, async () => {
  const count = 160;
  const { told, engine, results } = await run('counts', exactOptions(nano), exactBatch(nano, count));
  assertNano(results);
  const from = told.find((t) => t.before).before;
  const to = told.findLast((t) => t.counts).counts;
  const batches = Math.ceil(count / engine.batch);
  assert.equal(to.maps - from.maps, batches);
  const [submits, dispatches] = [to.submits - from.submits, to.dispatches - from.dispatches];
  assert.ok(dispatches >= 200 * batches && submits * 4 < dispatches, `${submits} submits of ${dispatches} dispatches in ${batches} batches`);
});

test('blocks of a document take turns on one device, which is opened once', { timeout: 300_000 }, async () => {
  const batches = ['AB01', 'AB02'].map((block_hash) => ({ ...exactBatch(nano, 4), block_hash }));
  const { page, complaints } = await chromium.open(server.url);
  const [gpu, wasm] = await page.evaluate(async (text) => {
    const { verifyDocument } = await import('/sphere-pow/webgpu-slim.js');
    const outcomes = [];
    for (const name of ['counts', 'missing']) {
      const told = [];
      const worker = () => {
        const own = new Worker(`/${name}.worker.js`, { type: 'module' });
        own.addEventListener('message', ({ data }) => { if (data.id === undefined) told.push(data); });
        return own;
      };
      const options = { sample: 'all', concurrency: 1, softwareAdapter: true, wasm: '/sphere-pow/webgpu.wasm', worker };
      const results = [];
      for await (const result of verifyDocument(text, options)) results.push(JSON.stringify(result));
      // What the worker counted comes a moment later.
      await new Promise((resolve) => setTimeout(resolve, 100));
      outcomes.push({ results: results.sort(), devices: told.findLast(({ counts }) => counts)?.counts.devices });
    }
    return outcomes;
  }, JSON.stringify(batches));
  assert.equal(gpu.devices, 1);
  assert.equal(gpu.results.length, 2 * 4);
  assert.deepEqual(gpu.results, wasm.results);
  await page.close();
  assert.deepEqual(complaints, []);
});

test('an abort rejects at once while the device works, its worker is gone, and the next call works', { timeout: 120_000 }, async () => {
  const { page, complaints } = await chromium.open(server.url);
  const out = await page.evaluate(async ([options, batch]) => {
    const { make } = await import('/run.js');
    const verifier = await make('plain', options);
    const controller = new AbortController();
    let turned;
    const running = verifier.verifyBatch(batch, {
      sample: 'all',
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase !== 'layers' || turned !== undefined) return;
        turned = false;
        setTimeout(() => (turned = true));
        controller.abort();
      },
    });
    const error = await running.catch((e) => e);
    // Nothing else of the page came first: a rejection waits for no worker.
    const isAtOnce = turned === false;
    const { digest } = await verifier.compute(batch.public_key, 3);
    const { engine } = verifier.engine;
    // Closed at work.
    const closed = verifier.verifyBatch(batch, { sample: 'all' }).catch((e) => e.code);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await verifier.close();
    return { name: error.name, isAtOnce, digest, engine, closed: await closed };
  }, [exactOptions(nano), exactBatch(nano, nano.count)]);
  assert.deepEqual(out, { name: 'AbortError', isAtOnce: true, digest: nano.nonces[3].digest, engine: 'webgpu', closed: 'E_ABORTED' });
  for (let i = 0; i < 50 && page.workers().length > 0; i++) await page.waitForTimeout(50);
  assert.equal(page.workers().length, 0);
  await page.close();
  assert.deepEqual(complaints, []);
});

test('two verifiers at once, in workers and in the calling thread; closed ones leave their device', { timeout: 300_000 }, async () => {
  const { page, complaints } = await chromium.open(server.url);
  const tiny = vector('tiny');
  const out = await page.evaluate(async ([exactOptions, exactKey, gonkaOptions, gonkaKey]) => {
    const { make } = await import('/run.js');
    const { createVerifier } = await import('/sphere-pow/webgpu-slim.js');
    const here = (options) => createVerifier({ ...options, worker: false, softwareAdapter: true });
    const rounds = [];
    for (const start of [(options) => make('plain', options), here]) {
      const verifiers = [await start(exactOptions), await start(gonkaOptions)];
      const [exact, gonka] = verifiers;
      // In turns: each has its own model on its own device.
      for (const nonce of [1, 2]) {
        const [{ digest }, distance] = await Promise.all([exact.compute(exactKey, nonce), gonka.distance(gonkaKey, nonce)]);
        rounds.push({ nonce, digest, distance, engines: verifiers.map((v) => v.engine.engine) });
      }
      await Promise.all(verifiers.map((v) => v.close()));
    }
    // Closed while it computes in this very thread.
    const last = await here(exactOptions);
    const closed = last.compute(exactKey, 1, { onProgress: () => void last.close() }).catch((e) => e.code);
    return { rounds, closed: await closed };
  }, [exactOptions(nano), nano.public_key, optionsOf(tiny), tiny.public_key]);
  for (const { nonce, digest, distance, engines } of out.rounds) {
    assert.deepEqual(engines, ['webgpu', 'webgpu']);
    assert.equal(digest, nano.nonces[nonce].digest);
    assert.ok(Math.abs(distance - tiny.dist[nonce]) < 2e-5);
  }
  assert.equal(out.rounds.length, 4);
  assert.equal(out.closed, 'E_ABORTED');
  await page.close();
  assert.deepEqual(complaints, []);
});

test('in Node, where there is no WebGPU: wasm, the same bits as the default entry, and the process ends', { timeout: 120_000 }, async () => {
  const { createVerifier } = await load('./webgpu');
  const verifier = await createVerifier(exactOptions(nano));
  const report = await verifier.verifyBatch(exactBatch(nano, 32), { sample: 'all' });
  assert.equal(verifier.engine.engine, 'wasm');
  assert.match(verifier.engine.reason, /no navigator\.gpu/);
  await verifier.close();
  assertNano(report.results);
  const tiny = vector('tiny');
  const call = (entry) => `
    import { createVerifier } from '${entry}';
    const verifier = await createVerifier(${JSON.stringify(optionsOf(tiny))});
    console.log(await verifier.distance('${tiny.public_key}', 1));`;
  const [ours, theirs] = await Promise.all(['sphere-pow/webgpu', 'sphere-pow'].map((entry) => runNode(['--input-type=module', '-e', call(entry)], { timeout: 60_000 })));
  assert.deepEqual([ours.code, ours.stdout], [0, theirs.stdout], ours.stderr);
});
