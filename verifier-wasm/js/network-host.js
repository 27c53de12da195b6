// What a worker of sphere-pow/network does.

import { throttled } from './throttle.js';

/** Answers rules that take long, and simulates. */
export class NetworkHost {
  #runtime;

  /** @param {import('./runtime.js').Runtime<import('./network-glue.js').Glue>} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /**
   * @param {{op: 'simulate', request: string} | {op: 'rule', name: string, request: string} | {op: 'claims', bytes: Uint8Array}} job
   * @param {import('./host.js').Tell} tell
   * @returns {string} JSON.
   */
  compute(job, tell) {
    return this.#runtime.call(({ claims, rule, simulate }) => {
      if (job.op === 'claims') return claims(job.bytes);
      if (job.op === 'rule') return rule(job.name, job.request);
      return simulate(job.request, throttled((fraction) => tell(1, fraction)));
    });
  }

  close() {}
}
