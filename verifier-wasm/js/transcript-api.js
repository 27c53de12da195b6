// sphere-pow/transcript: reads what callers pass and has it checked in a worker that lives as long as the call.

import { Runtime, Scheduler, Stop, aborted, compile, failure, timeLeft } from './core.js';
import * as input from './core.js';
import source from './generated/transcript-worker-text.js';
import { Pieces } from './pieces.js';
import { glue } from './transcript-glue.js';
import { TranscriptHost } from './transcript-host.js';

const GIVEN = ['params', 'blockHash', 'publicKey', 'beacon', 'samples'];
const OPTIONS = [...GIVEN, 'memoryLimit', 'worker', 'wasm', 'signal', 'onProgress'];
const MAX_SAMPLES = 2 ** 32 - 1;

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
   * @param {Stop} stop Stopped when the callback throws.
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
      const read = readCall(options);
      const stop = new Stop(read.signal);
      const stopped = new Promise((_, reject) => stop.add(reject));
      stopped.catch(() => {});
      /** @type {<T>(work: Promise<T>) => Promise<T>} */
      const unlessStopped = (work) => Promise.race([work, /** @type {Promise<never>} */ (stopped)]);
      /** @type {Pieces[]} */
      const opened = [];
      /** @type {Scheduler | undefined} */
      let scheduler;
      try {
        const open = (/** @type {string} */ what, /** @type {unknown} */ value) => {
          const pieces = new Pieces(what, value);
          opened.push(pieces);
          return pieces;
        };
        const [committed, pieces] = [open('the commitment', commitment), open('the openings', openings)];
        const wasm = await unlessStopped(runtime.load(() => compile(read.wasm === undefined ? own : () => read.wasm)));
        const max = runtime.call(({ max_commitment_bytes }) => max_commitment_bytes());
        const used = (scheduler = new Scheduler(workers, wasm, read));
        const reports = new Reports(stop, read.onProgress);
        const tell = (/** @type {number} */ _, /** @type {number} */ share) => reports.tell(share);
        const run = async (/** @type {import('./transcript-host.js').Job} */ job) =>
          JSON.parse(await used.run(/** @type {any} */ (job), { stop, tell, limit: 1 }));

        const bytes = await unlessStopped(whole(committed, max));
        const about = await run({ op: 'open', commitment: bytes, given: givenJson(read) });
        const limit = read.memoryLimit ?? Infinity;
        if (about.memoryBytes > limit) throw failure('E_MEMORY', `the worker needs ${about.memoryBytes} bytes, expected at most ${limit}`);
        /** @type {State} */
        let state;
        do {
          const piece = await unlessStopped(pieces.next());
          state = await run(piece.length > 0 ? { op: 'feed', bytes: piece } : { op: 'end' });
          reports.at(state);
          while (state.layer !== null) {
            state = await run({ op: 'repeat' });
            reports.at(state);
          }
          if (stop.error) throw stop.error;
        } while (state.wantsMore);
        return await run({ op: 'report' });
      } finally {
        stop.done();
        for (const pieces of opened) pieces.cancel();
        // A rejection waits for no worker.
        void scheduler?.close();
      }
    },
  };
}

/**
 * All bytes of a short document; of a longer one what is enough to see that.
 * @param {Pieces} pieces
 * @param {number} max
 */
async function whole(pieces, max) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  while (size <= max) {
    const piece = await pieces.next();
    if (piece.length === 0) break;
    parts.push(piece);
    size += piece.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @param {unknown} options */
function readCall(options) {
  const read = input.readOptions(options, OPTIONS);
  read.signal = input.abortSignal(read.signal);
  read.onProgress = input.callback(read.onProgress);
  read.worker = input.workerOption(read.worker);
  if (read.memoryLimit !== undefined) input.integer('memoryLimit', read.memoryLimit, 1, Number.MAX_SAFE_INTEGER);
  if (read.signal?.aborted) throw aborted(read.signal);
  return read;
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
