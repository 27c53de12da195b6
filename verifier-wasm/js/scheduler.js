// Jobs on helpers: as many helpers as allowed, one job each, the rest in a queue.

import { failure } from './errors.js';
import { boolean, workerOption } from './input.js';
import { poolFor, store } from './pools.js';
import { newHelper } from './workers.js';

/** @typedef {import('./workers.js').Helper} Helper */
/** @typedef {import('./host.js').Job} Job */
/** @typedef {import('./host.js').Tell} Tell */
/** @typedef {import('./host.js').Computed} Computed */
/**
 * @typedef {object} Entry
 * @property {Job} job
 * @property {Tell} tell
 * @property {number} limit Helpers that may exist for this job to start one more.
 * @property {() => boolean} isOver
 * @property {(value: Computed) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {(end: () => Promise<void>) => void} onRunning
 */

/** Runs jobs for one verifier. */
export class Scheduler {
  #family;
  #wasm;
  #option;
  #isCached;
  /**
   * The last job's weight pool: kept here, so that it outlives the workers that a stop ends.
   * @type {ArrayBuffer | SharedArrayBuffer | undefined}
   */
  #pool;
  /** @type {Set<Helper>} */
  #idle = new Set();
  /** @type {Set<Helper>} */
  #busy = new Set();
  /** @type {Set<Promise<unknown>>} */
  #ending = new Set();
  /** @type {Entry[]} */
  #queue = [];
  /** @type {Set<(error: unknown) => void>} */
  #pending = new Set();
  #isClosed = false;

  /**
   * @param {import('./workers.js').Family} family
   * @param {import('./loader.js').Wasm} wasm
   * @param {Record<string, any>} options Of the verifier.
   */
  constructor(family, wasm, options) {
    this.#family = family;
    this.#wasm = wasm;
    this.#option = workerOption(options.worker);
    this.#isCached = options.cachePool !== undefined && boolean('cachePool', options.cachePool);
  }

  /** The GPU that computed last, for a report; null where the wasm did. @type {string | null} */
  gpu = null;

  /**
   * Nonces of a job: those of one pass in wasm, unless another engine, which `open` would open, takes more.
   * @param {number} batch
   * @param {() => Promise<unknown>} _open
   * @returns {number | Promise<number>}
   */
  batch(batch, _open) {
    return batch;
  }

  /**
   * The weight pool for a job; nothing where a worker is to have its own.
   * @param {Job} job
   */
  lend(job) {
    return poolFor(job, this.#option !== false, this.#isCached);
  }

  /**
   * Runs `job`; a stop ends its helper at once, whatever it is doing.
   * @param {Job} job
   * @param {{stop: import('./stop.js').Stop, tell: Tell, limit: number}} options
   * @returns {Promise<Computed>}
   */
  run(job, { stop, tell, limit }) {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw failure('E_ABORTED', 'the verifier is closed');
      if (stop.error) throw stop.error;
      const pool = this.lend(job);
      this.#pool = pool;
      let isOver = false;
      /** @type {(() => Promise<void>) | undefined} */
      let end;
      const finish = () => {
        isOver = true;
        stop.delete(onStop);
        this.#pending.delete(onStop);
      };
      const onStop = (/** @type {unknown} */ error) => {
        if (isOver) return;
        finish();
        reject(error);
        if (end) this.#track(end());
        this.#pump();
      };
      stop.add(onStop);
      this.#pending.add(onStop);
      this.#queue.push({
        job: { ...job, pool },
        tell: (step, fraction) => isOver || tell(step, fraction),
        limit,
        isOver: () => isOver,
        resolve: (value) => {
          if (isOver) return;
          finish();
          if (this.#isCached) void store(pool, job);
          resolve(value);
        },
        reject: (error) => {
          if (isOver) return;
          finish();
          reject(error);
        },
        onRunning: (stopHelper) => {
          end = stopHelper;
        },
      });
      this.#pump();
    });
  }

  #pump() {
    while (this.#queue.length > 0) {
      const [entry] = /** @type {[Entry]} */ (this.#queue);
      if (entry.isOver()) {
        this.#queue.shift();
        continue;
      }
      const [helper] = this.#idle;
      if (helper) {
        this.#idle.delete(helper);
        if (helper.isLost) continue;
        this.#queue.shift();
        void this.#work(helper, entry);
      } else if (this.#busy.size < entry.limit) {
        this.#queue.shift();
        void this.#startFor(entry);
      } else {
        return;
      }
    }
  }

  /** @param {Entry} entry */
  async #startFor(entry) {
    /** @type {Helper | undefined} */
    let helper;
    try {
      helper = newHelper(this.#option, this.#family);
      this.#busy.add(helper);
      entry.onRunning(this.#ender(helper));
      await helper.start(this.#wasm);
    } catch (error) {
      entry.reject(error);
      if (helper) this.#track(this.#ender(helper)());
      this.#pump();
      return;
    }
    await this.#work(helper, entry);
  }

  /**
   * @param {Helper} helper
   * @param {Entry} entry
   */
  async #work(helper, entry) {
    this.#busy.add(helper);
    entry.onRunning(this.#ender(helper));
    try {
      entry.resolve(await helper.compute(entry.job, entry.tell));
    } catch (error) {
      entry.reject(error);
    }
    if (this.#busy.delete(helper) && !helper.isLost) this.#idle.add(helper);
    this.#pump();
  }

  /** @param {Helper} helper */
  #ender(helper) {
    return () => {
      this.#busy.delete(helper);
      return helper.end();
    };
  }

  /**
   * Ends idle helpers beyond `count`.
   * @param {number} count
   */
  shrink(count) {
    for (const helper of this.#idle) {
      if (this.#idle.size + this.#busy.size <= count) return;
      this.#idle.delete(helper);
      this.#track(helper.end());
    }
  }

  /** @param {Promise<unknown>} ending */
  #track(ending) {
    const tracked = ending.catch(() => {}).finally(() => this.#ending.delete(tracked));
    this.#ending.add(tracked);
  }

  /** Stops everything; resolves once every helper is gone. */
  async close() {
    this.#isClosed = true;
    for (const stop of [...this.#pending]) stop(failure('E_ABORTED', 'the verifier was closed'));
    for (const helper of this.#idle) this.#track(helper.end());
    this.#idle.clear();
    await Promise.all(this.#ending);
  }
}
