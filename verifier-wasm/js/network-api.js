// sphere-pow/network: reads what callers pass and asks the wasm: short answers in this realm, long ones in a worker.

import { Runtime, Scheduler, Stop, aborted, compile, failure, guarded, isBuffer, shown, timeLeft } from './core.js';
import * as input from './core.js';
import source from './generated/network-worker-text.js';
import { glue } from './network-glue.js';
import { NetworkHost } from './network-host.js';

const OPTIONS = ['wasm', 'worker', 'signal'];
/** Most characters of a request. */
const MAX_REQUEST = 1 << 26;
/** Most bytes of a document, as core's. */
const MAX_DOCUMENT = 1 << 28;

/**
 * A request as JSON: bigints as decimal text, numbers that are not finite as null.
 * @param {unknown} request
 */
function requestText(request) {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw failure('E_FORMAT', `the request is ${shown(request)}, expected an object`);
  }
  const text = guarded('the request', () => {
    return JSON.stringify(request, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  });
  if (typeof text !== 'string') throw failure('E_FORMAT', 'the request has no JSON form');
  if (text.length > MAX_REQUEST) throw failure('E_RANGE', `the request has ${text.length} characters, expected at most ${MAX_REQUEST}`);
  return text;
}

/**
 * @param {unknown} options
 * @param {string[]} [names]
 */
function readCall(options, names = []) {
  const read = input.readOptions(options, [...OPTIONS, ...names]);
  read.signal = input.abortSignal(read.signal);
  read.onProgress = input.callback(read.onProgress);
  read.worker = input.workerOption(read.worker);
  if (read.signal?.aborted) throw aborted(read.signal);
  return read;
}

/**
 * @param {unknown} document
 * @returns {Uint8Array}
 */
function bytesOf(document) {
  /** @type {Uint8Array} */
  let bytes;
  if (typeof document === 'string') bytes = new TextEncoder().encode(document);
  else if (!isBuffer(document)) throw failure('E_FORMAT', `the document is ${shown(document)}, expected text or bytes`);
  else bytes = ArrayBuffer.isView(document) ? new Uint8Array(document.buffer, document.byteOffset, document.byteLength) : new Uint8Array(document);
  if (bytes.length > MAX_DOCUMENT) throw failure('E_RANGE', `the document has ${bytes.length} bytes, expected at most ${MAX_DOCUMENT}`);
  return bytes;
}

/** @param {() => unknown} own The entry's own wasm. */
export function networkApi(own) {
  const runtime = new Runtime(glue);
  const workers = { runtime, source, newHost: () => new NetworkHost(runtime) };
  /** @type {Scheduler | undefined} */
  let scheduler;

  /** @param {Record<string, any>} read */
  const loaded = (read) => runtime.load(() => compile(read.wasm === undefined ? own : () => read.wasm));

  /**
   * @param {object} job
   * @param {Record<string, any>} read
   */
  async function inWorker(job, read) {
    const stop = new Stop(read.signal);
    const began = performance.now();
    const tell = (/** @type {number} */ _step, /** @type {number} */ fraction) => {
      try {
        read.onProgress?.({ fraction, eta: timeLeft(fraction, began) });
      } catch (error) {
        stop.now(error);
      }
    };
    try {
      const wasm = await loaded(read);
      scheduler ??= new Scheduler(workers, wasm, read);
      return JSON.parse(/** @type {string} */ (await scheduler.run(/** @type {any} */ (job), { stop, tell, limit: 1 })));
    } finally {
      stop.done();
    }
  }

  const rule = (/** @type {string} */ name) => async (/** @type {unknown} */ request = {}, /** @type {unknown} */ options = undefined) => {
    const [text, read] = [requestText(request), readCall(options)];
    await loaded(read);
    return JSON.parse(runtime.call((wasm) => wasm.rule(name, text)));
  };

  const longRule = (/** @type {string} */ name) => async (/** @type {unknown} */ request, /** @type {unknown} */ options = undefined) => {
    return inWorker({ op: 'rule', name, request: requestText(request) }, readCall(options));
  };

  return {
    acceptBatch: rule('acceptBatch'),
    acceptValidation: rule('acceptValidation'),
    backedWeight: rule('backedWeight'),
    candidateWeight: rule('candidateWeight'),
    capPowers: rule('capPowers'),
    claimedWeight: rule('claimedWeight'),
    committee: rule('committee'),
    detection: longRule('detection'),
    difficulty: rule('difficulty'),
    drawSample: longRule('drawSample'),
    duty: rule('duty'),
    emission: rule('emission'),
    epoch: rule('epoch'),
    epochPresets: rule('epochPresets'),
    guardianPowers: rule('guardianPowers'),
    majority: rule('majority'),
    minimumAverage: rule('minimumAverage'),
    missProbability: rule('missProbability'),
    networkSample: longRule('networkSample'),
    nextDifficulty: rule('nextDifficulty'),
    reputation: rule('reputation'),
    requestSeed: rule('requestSeed'),
    scenario: rule('scenario'),
    settleCycle: rule('settleCycle'),
    shareByWeight: rule('shareByWeight'),
    standing: rule('standing'),
    weightTable: rule('weightTable'),
    /** @param {unknown} document @param {unknown} [options] */
    async claims(document, options) {
      return inWorker({ op: 'claims', bytes: bytesOf(document) }, readCall(options));
    },
    /** @param {unknown} chosen @param {unknown} [options] */
    async simulate(chosen = {}, options = undefined) {
      return inWorker({ op: 'simulate', request: requestText(chosen) }, readCall(options, ['onProgress']));
    },
    async close() {
      const closing = scheduler;
      scheduler = undefined;
      await closing?.close();
    },
  };
}
