// What a worker does, apart from how messages reach it: keeps one model and computes nonces with it.

import { WeightPool, newPool } from './pool.js';
import { throttled } from './throttle.js';

/** @typedef {import('./glue.js').Runtime} Runtime */
/**
 * @typedef {object} Job
 * @property {string} profile
 * @property {string} params Canonical JSON.
 * @property {string} blockHash
 * @property {boolean} keepWeights
 * @property {string} publicKey
 * @property {BigUint64Array} nonces
 * @property {number} poolBytes Of the weight pool; 0 where the model has none.
 * @property {ArrayBuffer | SharedArrayBuffer | undefined} [pool] Where others have it, too.
 * @property {number} [maker] The host's number among those who may make it.
 */
/**
 * What jobs give: a JSON list of outcomes.
 * @typedef {string} Computed
 */
/**
 * Told the share done of making weights (step 0), of the forward pass (1), and that all is done (2).
 * @typedef {(step: number, fraction: number) => void} Tell
 */

/** Keeps one model; a job for another one replaces it. */
export class Host {
  #runtime;
  /** @type {import('./generated/verifier.js').Model | undefined} */
  #model;
  #key = '';
  #instance = 0;

  /** @param {Runtime} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   * @returns {Computed}
   */
  compute(job, tell) {
    const model = this.#open(job, tell);
    const report = throttled((fraction) => tell(1, fraction));
    const computed = this.#runtime.call(() => model.compute(job.publicKey, job.nonces, report));
    tell(2, 1);
    return computed;
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  #open({ profile, params, blockHash, keepWeights, poolBytes, pool: buffer, maker = 1 }, tell) {
    const { instance } = this.#runtime;
    const key = `${instance} ${profile} ${blockHash} ${keepWeights} ${params}`;
    if (this.#model !== undefined && this.#key === key) return this.#model;
    this.close();
    const report = throttled((fraction) => tell(0, fraction));
    const pool = poolBytes ? new WeightPool(buffer ?? newPool(poolBytes, false), maker) : undefined;
    try {
      const model = this.#runtime.call(({ Model }) => new Model(profile, params, blockHash, keepWeights, report, pool));
      [this.#model, this.#key, this.#instance] = [model, key, instance];
      return model;
    } finally {
      pool?.release();
    }
  }

  /** Gives the model's memory back to the instance, if that still is the one that has it. */
  close() {
    const model = this.#model;
    this.#model = undefined;
    if (model !== undefined && this.#instance === this.#runtime.instance) this.#runtime.call(() => model.free());
  }
}
