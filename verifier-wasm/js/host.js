// What a worker does, apart from how messages reach it: keeps one model and computes nonces with it.

import { call, currentInstance } from './engine.js';
import { close, compute, open } from './generated/verifier.js';
import { throttled } from './throttle.js';

/**
 * @typedef {object} Job
 * @property {import('./types.js').Profile} profile
 * @property {string} params Canonical JSON.
 * @property {string} blockHash
 * @property {boolean} keepWeights
 * @property {string} publicKey
 * @property {BigUint64Array} nonces
 */
/**
 * What jobs give, as JSON: a list of distances of `gonka` nonces, or of {@link import('./types.js').ExactNonce}.
 * @typedef {string} Computed
 */
/**
 * Told the share done of making weights (step 0), of the forward pass (1), and that all is done (2).
 * @typedef {(step: number, fraction: number) => void} Tell
 */

/** Keeps one model; a job for another one replaces it. */
export class Host {
  /** The model's number in wasm. @type {number | undefined} */
  #model;
  #key = '';
  #instance = 0;

  /**
   * @param {Job} job
   * @param {Tell} tell
   * @returns {Computed}
   */
  compute(job, tell) {
    const model = this.#open(job, tell);
    const report = throttled((fraction) => tell(1, fraction));
    const computed = call(() => compute(model, `${job.publicKey} ${job.nonces.join(' ')}`, report));
    tell(2, 1);
    return computed;
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  #open({ profile, params, blockHash, keepWeights }, tell) {
    const lines = `${profile}\n${blockHash}\n${keepWeights}\n${params}`;
    const key = `${currentInstance()} ${lines}`;
    if (this.#model !== undefined && this.#key === key) return this.#model;
    this.close();
    const report = throttled((fraction) => tell(0, fraction));
    this.#model = call(() => open(lines, report));
    this.#key = key;
    this.#instance = currentInstance();
    return this.#model;
  }

  /** Gives the model's memory back to the instance, if that still is the one that has it. */
  close() {
    const model = this.#model;
    this.#model = undefined;
    if (model !== undefined && this.#instance === currentInstance()) call(() => close(model));
  }
}
