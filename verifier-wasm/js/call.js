// A call that has a worker of its own, which ends with it.

import { Scheduler, Stop, compile, timeLeft } from './core.js';

/** @typedef {import('./runtime.js').Runtime<any>} Runtime */

/** One call. */
export class Call {
  stop;
  #read;
  #began = performance.now();
  /** @type {Promise<never>} */
  #stopped;
  /** @type {Scheduler | undefined} */
  #scheduler;

  /** @param {Record<string, any>} read */
  constructor(read) {
    this.#read = read;
    this.stop = new Stop(read.signal);
    this.#stopped = new Promise((_, reject) => this.stop.add(reject));
    this.#stopped.catch(() => {});
  }

  /**
   * @template T
   * @param {Promise<T>} work
   */
  unlessStopped(work) {
    return Promise.race([work, this.#stopped]);
  }

  /**
   * The wasm, in this realm.
   * @param {{runtime: Runtime}} workers
   * @param {() => unknown} own
   */
  load({ runtime }, own) {
    const elsewhere = this.#read.wasm;
    return this.unlessStopped(runtime.load(() => compile(elsewhere === undefined ? own : () => elsewhere)));
  }

  /**
   * @param {{runtime: Runtime} & import('./workers.js').Family} workers
   * @param {() => unknown} own
   */
  async open(workers, own) {
    const wasm = await this.load(workers, own);
    this.#scheduler = new Scheduler(workers, wasm, this.#read);
  }

  /**
   * @param {object} job
   * @param {(share: number) => void} told
   */
  async run(job, told) {
    const tell = (/** @type {number} */ _, /** @type {number} */ share) => told(share);
    const scheduler = /** @type {Scheduler} */ (this.#scheduler);
    return JSON.parse(await scheduler.run(/** @type {any} */ (job), { stop: this.stop, tell, limit: 1 }));
  }

  /**
   * Tells the caller how far the work is; what the caller throws ends it.
   * @param {number} fraction
   */
  told = (fraction) => {
    try {
      this.#read.onProgress?.({ fraction, eta: timeLeft(fraction, this.#began) });
    } catch (error) {
      this.stop.now(error);
    }
  };

  /** A rejection waits for no worker. */
  end() {
    this.stop.done();
    void this.#scheduler?.close();
  }
}
