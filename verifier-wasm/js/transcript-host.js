// What a worker of sphere-pow/transcript does.

import { throttled } from './throttle.js';

/**
 * @typedef {{op: 'open', commitment: Uint8Array, given: string} | {op: 'feed', bytes: Uint8Array} | {op: 'end' | 'repeat' | 'report'}} Step
 * @typedef {{op: 'transcribe', params: string, blockHash: string, publicKey: string, nonces: BigUint64Array, limit: number}} Whole
 * @typedef {Step | Whole} Job
 */

/** Checks one commitment, or computes nonces. */
export class TranscriptHost {
  #runtime;
  /** @type {import('./generated/transcript.js').Transcript | undefined} */
  #transcript;
  #instance = 0;

  /** @param {import('./runtime.js').Runtime<import('./transcript-glue.js').Glue>} runtime */
  constructor(runtime) {
    this.#runtime = runtime;
  }

  /**
   * @param {Job} job
   * @param {import('./host.js').Tell} tell
   * @returns {string} JSON.
   */
  compute(job, tell) {
    if (job.op === 'transcribe') {
      const { params, blockHash, publicKey, nonces, limit } = job;
      return this.#runtime.call((glue) => glue.transcribe(params, blockHash, publicKey, nonces, limit, throttled((share) => tell(1, share))));
    }
    if (job.op === 'open') {
      this.close();
      this.#instance = this.#runtime.instance;
      this.#transcript = this.#runtime.call(({ Transcript }) => new Transcript(job.commitment, job.given));
      return this.#call((transcript) => transcript.about());
    }
    return this.#call((transcript) => {
      switch (job.op) {
        case 'feed':
          return transcript.feed(job.bytes);
        case 'repeat':
          return transcript.repeat(throttled((share) => tell(1, share)));
        default:
          return transcript[job.op]();
      }
    });
  }

  /**
   * @param {(transcript: import('./generated/transcript.js').Transcript) => string} work
   * @returns {string}
   */
  #call(work) {
    const transcript = this.#transcript;
    if (transcript === undefined || this.#instance !== this.#runtime.instance) throw this.#runtime.failed('its instance is gone');
    return this.#runtime.call(() => work(transcript));
  }

  /** Gives the memory back to the instance, if that still is the one that has it. */
  close() {
    const transcript = this.#transcript;
    this.#transcript = undefined;
    if (transcript !== undefined && this.#instance === this.#runtime.instance) this.#runtime.call(() => transcript.free());
  }
}
