// What a worker of sphere-pow/train does.

import { throttled } from './throttle.js';

/**
 * @typedef {object} Check
 * @property {Uint8Array} opening
 * @property {Uint8Array} text
 * @property {Uint8Array | undefined} start
 * @property {string} given JSON.
 */

/** Repeats segments. */
export class TrainHost {
  #runtime;

  /** @param {import('./runtime.js').Runtime<import('./train-glue.js').Glue>} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /**
   * @param {Check} job
   * @param {import('./host.js').Tell} tell
   * @returns {string} JSON.
   */
  compute({ opening, text, start, given }, tell) {
    return this.#runtime.call((glue) => glue.check_segment(opening, text, start, given, throttled((share) => tell(1, share))));
  }

  close() {}
}
