// What a worker does, apart from how messages reach it: keeps one model and computes distances with it.

import { call, currentInstance } from './engine.js';
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
  #instance = 0;

  /**
   * @param {Job} job
   * @param {Tell} tell
   * @returns {Float64Array}
   */
  distances(job, tell) {
    const model = this.#open(job, tell);
    const report = throttled((fraction) => tell('layers', fraction));
    const distances = call(() => distances_gonka(model, job.publicKey, job.nonces, report));
    tell('distance', 1);
    return distances;
  }

  /**
   * @param {Job} job
   * @param {Tell} tell
   */
  #open({ params, blockHash }, tell) {
    const key = `${params} ${blockHash} ${currentInstance()}`;
    if (this.#model !== undefined && this.#key === key) return this.#model;
    this.close();
    const report = throttled((fraction) => tell('pool', fraction));
    this.#model = call(() => open_gonka(params, blockHash, report));
    this.#key = key;
    this.#instance = currentInstance();
    return this.#model;
  }

  /** Gives the model's memory back to the instance, if that still is the one that has it. */
  close() {
    const model = this.#model;
    this.#model = undefined;
    if (model !== undefined && this.#instance === currentInstance()) call(() => close_gonka(model));
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
