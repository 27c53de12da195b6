// What a worker of sphere-pow/learn does.

import { throttled } from './throttle.js';

/** Computes one request after the other; the wasm keeps the last model. */
export class LearnHost {
  #runtime;

  /** @param {import('./runtime.js').Runtime<import('./learn-glue.js').Glue>} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /**
   * @param {{kind: 'trace' | 'skip', request: string}} job
   * @param {import('./host.js').Tell} tell
   * @returns {string}
   */
  compute({ kind, request }, tell) {
    const weights = throttled((fraction) => tell(0, fraction));
    const layers = throttled((fraction) => tell(1, fraction));
    const answer = this.#runtime.call(({ skip_layers, trace }) => (kind === 'skip' ? skip_layers : trace)(request, weights, layers));
    tell(2, 1);
    return answer;
  }

  close() {}
}
