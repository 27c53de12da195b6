// Running checks on workers: what is computed, in which order, and how it is given out.

import { aborted, failure } from './errors.js';
import * as input from './input.js';
import { canShare } from './pools.js';
import { Stop } from './stop.js';

/** @typedef {import('./reading.js').Check} Check */
/** @typedef {import('./progress.js').Meter} Meter */
/** @typedef {import('./scheduler.js').Scheduler} Scheduler */

/** Names of the options of every call. */
export const CALL_OPTIONS = ['signal', 'onProgress'];
/** Names of the options that draw a sample and share it out. */
export const SAMPLE_OPTIONS = ['sample', 'seed', 'seedSource', 'concurrency', 'known'];
/** Names of the options of what computes. */
export const ENGINE_OPTIONS = ['memoryLimit', 'keepWeights', 'cachePool', 'worker', 'wasm'];
const MAX_WORKERS = 64;

/**
 * @param {unknown} options
 * @param {string[]} names
 */
export function readCallOptions(options, names) {
  const read = input.readOptions(options, names);
  read.signal = input.abortSignal(read.signal);
  read.onProgress = input.callback(read.onProgress);
  if (read.signal?.aborted) throw aborted(read.signal);
  return read;
}

/**
 * Workers allowed, their memory counted.
 * @param {unknown} count
 * @param {Pick<import('./types.js').ModelCost, 'memoryBytes' | 'poolBytes'>} cost
 * @param {number} limit
 */
export function workersOf(count, { memoryBytes, poolBytes }, limit) {
  const workers = input.integer('concurrency', count, 1, MAX_WORKERS);
  const bytes = workers * memoryBytes - (canShare() ? (workers - 1) * poolBytes : 0);
  if (bytes > limit) throw failure('E_MEMORY', `${workers} workers need ${bytes} bytes, expected at most ${limit}`);
  return workers;
}

/** @param {unknown} value */
export function memoryLimitOf(value) {
  return value === undefined ? Infinity : input.integer('memoryLimit', value, 1, Number.MAX_SAFE_INTEGER);
}

/** @param {unknown} value */
export function keepWeightsOf(value) {
  return value !== undefined && input.boolean('keepWeights', value);
}

/**
 * Recomputes what is open of a check.
 * @param {Check} check
 * @param {object} how
 * @param {Scheduler} how.scheduler
 * @param {Stop} how.stop
 * @param {Meter} how.meter
 * @param {number} how.limit Workers.
 * @param {boolean} how.keepWeights
 * @param {object} [how.more] Said with each report of progress.
 * @param {(result: any) => void} onResult
 */
export async function computeCheck(check, { scheduler, stop, meter, limit, keepWeights, more }, onResult) {
  const { head, cost, open } = check;
  if (open.length === 0) return;
  const { profile, blockHash, publicKey } = head;
  const params = input.json(head.params);
  const run = (/** @type {BigUint64Array} */ nonces) => {
    const job = { profile, params, blockHash, keepWeights, publicKey, nonces, poolBytes: cost.poolBytes };
    return scheduler.run(job, { stop, tell: meter.job(nonces.length, cost, more), limit });
  };
  const part = async (/** @type {number[]} */ places) => {
    const computed = await run(check.nonces(places));
    for (const result of check.found(places, computed)) onResult(result);
  };
  try {
    const batch = await scheduler.batch(cost.batch, () => run(new BigUint64Array()));
    // No worker idles while another has more than one pass left.
    await Promise.all(chunks(open, Math.min(batch, Math.ceil(open.length / limit))).map(part));
  } catch (error) {
    // The first failure stops the rest.
    stop.now(error);
    throw error;
  }
}

/**
 * A promise that also gives each result as it is done; leaving the loop stops the work.
 * @template R
 * @param {(onResult: (result: any) => void, onStart: (stop: Stop) => void) => Promise<R>} work
 * @returns {Promise<R> & AsyncIterable<any>}
 */
export function streaming(work) {
  /** @type {Stop | undefined} */
  let stop;
  /** @type {any[]} */
  const ready = [];
  let wake = () => {};
  const report = work(
    (result) => {
      ready.push(result);
      wake();
    },
    (its) => {
      stop = its;
    },
  );
  /** @returns {AsyncGenerator<any, void, void>} */
  const iterate = async function* () {
    // Errors come out of the loop; the promise may stay unread.
    let isOver = false;
    const over = report.then(
      () => {},
      () => {},
    );
    void over.then(() => {
      isOver = true;
      wake();
    });
    try {
      for (;;) {
        while (ready.length > 0) yield ready.shift();
        if (isOver) break;
        await new Promise((resolve) => {
          wake = () => resolve(undefined);
        });
      }
      await report;
    } finally {
      // Left early: nobody waits for the rest.
      stop?.now(failure('E_ABORTED', 'the loop over the results was left'));
    }
  };
  return Object.assign(report, { [Symbol.asyncIterator]: iterate });
}

/**
 * @param {number[]} list
 * @param {number} size
 */
function chunks(list, size) {
  /** @type {number[][]} */
  const parts = [];
  for (let i = 0; i < list.length; i += size) parts.push(list.slice(i, i + size));
  return parts;
}
