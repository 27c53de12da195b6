// sphere-pow/learn: reads what callers pass and has it computed in a worker of its own, with a wasm of its own.

import { Meter, Runtime, Scheduler, Stop, compile, failure } from './core.js';
import * as input from './core.js';
import source from './generated/learn-worker-text.js';
import { glue } from './learn-glue.js';
import { LearnHost } from './learn-host.js';
import { readCall } from './options.js';

const OPTIONS = ['profile', 'params', 'blockHash', 'publicKey', 'memoryLimit', 'worker', 'wasm', 'signal', 'onProgress'];
const MAX_NONCES = 4096;
const MAX_LAYERS = 1024;
/** A worker whose model takes more bytes is ended after the call: wasm memory never shrinks. */
const KEPT_BYTES = 64 << 20;

/** @param {() => unknown} own The entry's own wasm. */
export function learnApi(own) {
  const runtime = new Runtime(glue);
  const workers = { runtime, source, newHost: () => new LearnHost(runtime) };
  /** @type {Scheduler | undefined} */
  let scheduler;

  /**
   * @param {'trace' | 'skip'} kind
   * @param {Record<string, any>} read
   * @param {Record<string, unknown>} rest Of the request.
   * @param {number} total Nonces.
   */
  async function run(kind, read, rest, total) {
    const { signal, onProgress, wasm: elsewhere } = read;
    const request = requestOf(read, rest);
    const stop = new Stop(signal);
    try {
      const wasm = await runtime.load(() => compile(elsewhere === undefined ? own : () => elsewhere));
      const model = JSON.parse(runtime.call(({ describe }) => describe(request)));
      const limit = read.memoryLimit ?? Infinity;
      if (model.memoryBytes > limit) {
        throw failure('E_MEMORY', `the worker needs ${model.memoryBytes} bytes, expected at most ${limit}`);
      }
      scheduler ??= new Scheduler(workers, wasm, read);
      const used = scheduler;
      const meter = new Meter(stop, onProgress);
      meter.expect(total, model);
      const tell = meter.job(total, model);
      try {
        return JSON.parse(/** @type {string} */ (await used.run(/** @type {any} */ ({ kind, request }), { stop, tell, limit: 1 })));
      } finally {
        if (model.memoryBytes > KEPT_BYTES) used.shrink(0);
      }
    } finally {
      stop.done();
    }
  }

  return {
    /** @param {unknown} options */
    async trace(options) {
      const read = readCall(options, [...OPTIONS, 'nonce', 'rTarget']);
      return run('trace', read, { nonces: [String(input.nonceOf(read.nonce))] }, 1);
    },
    /** @param {unknown} options */
    async skipLayers(options) {
      const read = readCall(options, [...OPTIONS, 'nonces', 'kept', 'rTarget']);
      const nonces = input.list('nonces', read.nonces, MAX_NONCES, (nonce) => String(input.nonceOf(nonce)));
      const layer = (/** @type {unknown} */ value) => input.integer('kept', value, 0, MAX_LAYERS);
      const kept = typeof read.kept === 'number' ? layer(read.kept) : input.list('kept', read.kept, MAX_LAYERS, layer);
      return run('skip', read, { nonces, kept }, nonces.length);
    },
    async close() {
      const closing = scheduler;
      scheduler = undefined;
      await closing?.close();
    },
  };
}

/**
 * @param {Record<string, any>} read
 * @param {Record<string, unknown>} rest
 */
function requestOf(read, rest) {
  const params = input.paramsText(read.params);
  const request = {
    profile: input.text('profile', read.profile, 'E_PROFILE_UNKNOWN'),
    params: typeof read.params === 'string' ? params : JSON.parse(params),
    blockHash: input.text('blockHash', read.blockHash, 'E_BLOCK_HASH'),
    publicKey: input.text('publicKey', read.publicKey),
    ...(read.rTarget === undefined ? {} : { rTarget: input.number('rTarget', read.rTarget) }),
    ...rest,
  };
  return input.json(request);
}
