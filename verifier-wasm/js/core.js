// Everything that the entries share, in one file: they are thin, and errors of one class whatever the entry.

import { api } from './api.js';
import worker from './generated/worker-text.js';
import { runtime } from './glue.js';
import { Host } from './host.js';
import { Scheduler } from './scheduler.js';

/**
 * The functions of entries that run on the verifier's wasm.
 * @param {() => unknown} own The entry's own wasm.
 */
export function verifierApi(own) {
  const workers = { runtime, source: worker, newHost: () => new Host(runtime) };
  return api({ runtime, options: [], newScheduler: (wasm, options) => new Scheduler(workers, wasm, options) }, own);
}

export { api, noWasm } from './api.js';
export { ERROR_CODES, SpherePowError, aborted, failure, shown } from './errors.js';
export { Host } from './host.js';
export { abortSignal, boolean, callback, guarded, integer, isBuffer, json, list, nonceOf, number, paramsText, readOptions, text, workerOption } from './input.js';
export { compile, hasSimd, inflate } from './loader.js';
export { lastWords, panicked } from './panic.js';
export { Meter, timeLeft } from './progress.js';
export { Runtime } from './runtime.js';
export { Scheduler } from './scheduler.js';
export { Stop } from './stop.js';
export { throttled } from './throttle.js';
