// What a worker does, apart from how messages reach it: keeps one model and computes distances with it.

import { call } from './engine.js';
import { close_gonka, distances_gonka, open_gonka } from './generated/verifier.js';

/** @typedef {import('./types.js').Phase} Phase */
/**
 * @typedef {object} Job
 * @property {'gonka' | 'exact'} profile
 * @property {string} params Canonical JSON.
 * @property {string} blockHash
 * @property {string} publicKey
 * @property {BigUint64Array} nonces
 */
/** @typedef {(phase: Phase, fraction: number) => void} Tell */

/** Least time between two reports of one phase, in ms. */
const QUIET_MS = 40;

/** Keeps one model; a job for another one replaces it. */
export class Host {
  /** The model's number in wasm. @type {number | undefined} */
  #model;
  #key = '';

  /**
   * @param {Job} job
   * @param {Tell} tell
   * @returns {Float64Array}
   */
  distances(job, tell) {
    const model = this.#open(job, tell);
    const report = throttled((fraction) => tell('layers', fraction));
    const forget = () => this.#forget();
    const distances = call(() => distances_gonka(model, job.publicKey, job.nonces, report), forget);
    tell('distance', 1);
    return distances;
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  #open({ params, blockHash }, tell) {
    const key = JSON.stringify([params, blockHash]);
    if (this.#model !== undefined && this.#key === key) return this.#model;
    this.close();
    const report = throttled((fraction) => tell('pool', fraction));
    this.#model = call(() => open_gonka(params, blockHash, report));
    this.#key = key;
    return this.#model;
  }

  #forget() {
    this.#model = undefined;
    this.#key = '';
  }

  /** Gives the model's memory back to the instance. */
  close() {
    const model = this.#model;
    this.#forget();
    if (model !== undefined) call(() => close_gonka(model));
  }
}

/**
 * A progress function for wasm: false goes on. Calls that come too fast are dropped, except the first and last.
 * @param {(fraction: number) => void} tell
 */
function throttled(tell) {
  let last = -Infinity;
  return (/** @type {number} */ fraction) => {
    const now = performance.now();
    if (fraction >= 1 || now - last >= QUIET_MS) {
      last = now;
      tell(fraction);
    }
    return false;
  };
}
