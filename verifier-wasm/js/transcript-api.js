// sphere-pow/transcript: reads what callers pass and has it checked in a worker that lives as long as the call.

import { Runtime, failure, timeLeft } from './core.js';
import { Call } from './call.js';
import * as input from './core.js';
import source from './generated/transcript-worker-text.js';
import { readCall } from './options.js';
import { Pieces, whole } from './pieces.js';
import { glue } from './transcript-glue.js';
import { TranscriptHost } from './transcript-host.js';

const GIVEN = ['params', 'blockHash', 'publicKey', 'beacon', 'samples'];
const OPTIONS = ['memoryLimit', 'worker', 'wasm', 'signal', 'onProgress'];
const MAX_SAMPLES = 2 ** 32 - 1;
const MAX_NONCES = 4096;

/**
 * What the wasm says of how far it has come.
 * @typedef {object} State
 * @property {number | null} total
 * @property {number} done
 * @property {number | null} falseShareBound
 * @property {number | null} skippedBound
 * @property {number | null} layer To be repeated now.
 * @property {string[]} nonces
 * @property {import('./transcript.js').TranscriptFault[]} faults Since the last time.
 * @property {boolean} wantsMore
 */

/** Says how far a call has come. */
class Reports {
  #stop;
  #onProgress;
  #began = performance.now();
  /** @type {import('./transcript.js').TranscriptFault[]} */
  #faults = [];
  /** @type {State | undefined} */
  #state;

  /**
   * @param {import('./stop.js').Stop} stop Stopped when the callback throws.
   * @param {((progress: any) => void) | undefined} onProgress
   */
  constructor(stop, onProgress) {
    this.#stop = stop;
    this.#onProgress = onProgress;
  }

  /** @param {State} state */
  at(state) {
    this.#state = state;
    if (state.faults.length > 0) this.#faults = [...this.#faults, ...state.faults];
    this.tell(0);
  }

  /** @param {number} share Of the layers that are being repeated. */
  tell(share) {
    if (!this.#onProgress || !this.#state || this.#state.total === null) return;
    const { total, done, layer, nonces, falseShareBound, skippedBound } = this.#state;
    const fraction = (done + share * nonces.length) / total;
    const eta = timeLeft(fraction, this.#began);
    try {
      this.#onProgress({ done, total, fraction, eta, layer, nonces, falseShareBound, skippedBound, faults: this.#faults });
    } catch (error) {
      this.#stop.now(error);
    }
  }
}

/** @param {() => unknown} own The entry's own wasm. */
export function transcriptApi(own) {
  const runtime = new Runtime(glue);
  const workers = { runtime, source, newHost: () => new TranscriptHost(runtime) };

  return {
    /**
     * @param {unknown} commitment
     * @param {unknown} openings
     * @param {unknown} [options]
     */
    async verifyTranscript(commitment, openings, options) {
      const read = readCall(options, [...OPTIONS, ...GIVEN]);
      const call = new Call(read);
      /** @type {Pieces[]} */
      const opened = [];
      try {
        const open = (/** @type {string} */ what, /** @type {unknown} */ value) => {
          const pieces = new Pieces(what, value);
          opened.push(pieces);
          return pieces;
        };
        const [committed, pieces] = [open('the commitment', commitment), open('the openings', openings)];
        await call.open(workers, own);
        const max = runtime.call(({ max_commitment_bytes }) => max_commitment_bytes());
        const reports = new Reports(call.stop, read.onProgress);
        const run = (/** @type {import('./transcript-host.js').Job} */ job) => call.run(job, (share) => reports.tell(share));

        const bytes = await call.unlessStopped(whole(committed, max));
        const about = await run({ op: 'open', commitment: bytes, given: givenJson(read) });
        const limit = read.memoryLimit ?? Infinity;
        if (about.memoryBytes > limit) throw failure('E_MEMORY', `the worker needs ${about.memoryBytes} bytes, expected at most ${limit}`);
        /** @type {State} */
        let state;
        do {
          const piece = await call.unlessStopped(pieces.next());
          state = await run(piece.length > 0 ? { op: 'feed', bytes: piece } : { op: 'end' });
          reports.at(state);
          while (state.layer !== null) {
            state = await run({ op: 'repeat' });
            reports.at(state);
          }
          if (call.stop.error) throw call.stop.error;
        } while (state.wantsMore);
        return await run({ op: 'report' });
      } finally {
        call.end();
        for (const pieces of opened) pieces.cancel();
      }
    },

    /** @param {unknown} options */
    async transcribe(options) {
      const read = readCall(options, [...OPTIONS, 'params', 'blockHash', 'publicKey', 'nonces']);
      const job = {
        op: /** @type {const} */ ('transcribe'),
        params: input.paramsText(read.params),
        blockHash: input.text('blockHash', read.blockHash, 'E_BLOCK_HASH'),
        publicKey: input.text('publicKey', read.publicKey),
        nonces: BigUint64Array.from(input.list('nonces', read.nonces, MAX_NONCES, input.nonceOf)),
        limit: read.memoryLimit ?? Infinity,
      };
      const call = new Call(read);
      try {
        await call.open(workers, own);
        return await call.run(job, call.told);
      } finally {
        call.end();
      }
    },
  };
}

/**
 * What the verifier said, for the wasm.
 * @param {Record<string, any>} read
 */
function givenJson(read) {
  /** @type {Record<string, unknown>} */
  const given = Object.create(null);
  for (const name of GIVEN) if (read[name] !== undefined) given[name] = read[name];
  if (read.params !== undefined) input.paramsText(read.params);
  if (read.blockHash !== undefined) input.text('blockHash', read.blockHash, 'E_BLOCK_HASH');
  if (read.publicKey !== undefined) input.text('publicKey', read.publicKey);
  if (read.beacon !== undefined) input.text('beacon', read.beacon);
  if (read.samples !== undefined) input.integer('samples', read.samples, 0, MAX_SAMPLES);
  return input.guarded('the options', () => input.json(given));
}
