// A verifier: one block and one model, whose claims it checks.

import { failure, shown } from './errors.js';
import * as input from './input.js';
import { Meter } from './progress.js';
import { Check, Reading, drawOf, opened, refusal } from './reading.js';
import { CALL_OPTIONS, ENGINE_OPTIONS, SAMPLE_OPTIONS, computeCheck, keepWeightsOf, memoryLimitOf, readCallOptions, streaming, workersOf } from './run.js';
import { Stop } from './stop.js';

/** @typedef {import('./api.js').Family} Family */

const OPTIONS = ['profile', ...input.GIVEN_NAMES, 'concurrency', ...ENGINE_OPTIONS];
const VERIFY_OPTIONS = [...CALL_OPTIONS, 'publicKey', 'participant'];

/**
 * @param {Family} family
 * @param {unknown} options
 */
export function readVerifierOptions(family, options) {
  const read = input.readOptions(options, [...OPTIONS, ...family.options]);
  const { profile } = read;
  if (typeof profile !== 'string') throw failure('E_PROFILE_UNKNOWN', `profile is ${shown(profile)}, expected 'gonka' or 'exact'`);
  return read;
}

/** Serves every profile; {@link import('./types.js').Verifier} says what each gives. */
export class Verifier {
  #family;
  #scheduler;
  /** @type {Record<string, any>} */
  #given;
  #params;
  #concurrency;
  #memoryLimit;
  #keepWeights;

  /**
   * @param {Family} family
   * @param {import('./loader.js').Wasm} wasm
   * @param {Record<string, any>} options As {@link readVerifierOptions} gives them.
   */
  constructor(family, wasm, options) {
    this.#family = family;
    const { runtime } = family;
    /** @type {string} */
    this.profile = options.profile;
    /** @type {string} */
    this.blockHash = input.text('blockHash', options.blockHash, 'E_BLOCK_HASH');
    runtime.call(({ check_block }) => check_block(this.blockHash));
    this.#keepWeights = keepWeightsOf(options.keepWeights);
    const params = input.paramsText(options.params);
    /** @type {import('./types.js').Model<object>} */
    this.model = JSON.parse(runtime.call(({ describe }) => describe(this.profile, params, this.#keepWeights)));
    Object.freeze(this.model);
    Object.freeze(this.model.params);
    this.#params = input.json(this.model.params);
    this.#given = input.joined(options, { params: this.model.params });
    // What cannot be is known before the first proof comes.
    runtime.call(({ check_given }) => check_given(this.profile, input.givenJson(this.#given)));
    this.#memoryLimit = memoryLimitOf(options.memoryLimit);
    this.#concurrency = this.#workers(options.concurrency ?? 1);
    this.#scheduler = family.newScheduler(wasm, options);
    Object.freeze(this);
  }

  /** @param {unknown} count */
  #workers(count) {
    return workersOf(count, this.model, this.#memoryLimit);
  }

  /**
   * @param {string} publicKey
   * @param {import('./types.js').NonceInput} nonce
   * @param {import('./types.js').CallOptions} [options]
   */
  async compute(publicKey, nonce, options) {
    const { signal, onProgress } = readCallOptions(options, CALL_OPTIONS);
    const key = input.text('publicKey', publicKey);
    const nonces = BigUint64Array.of(input.nonceOf(nonce));
    const stop = new Stop(signal);
    const meter = new Meter(stop, onProgress);
    meter.expect(1, this.model);
    const { profile, blockHash } = this;
    const job = { profile, params: this.#params, blockHash, keepWeights: this.#keepWeights, publicKey: key, nonces, poolBytes: this.model.poolBytes };
    try {
      const computed = await this.#scheduler.run(job, { stop, tell: meter.job(1, this.model), limit: 1 });
      const [outcome] = JSON.parse(computed);
      return { nonce: `${nonces[0]}`, ...outcome, distance: outcome.distance ?? NaN };
    } finally {
      stop.done();
    }
  }

  /**
   * @param {string} publicKey
   * @param {import('./types.js').NonceInput} nonce
   * @param {import('./types.js').CallOptions} [options]
   * @returns {Promise<number>}
   */
  async distance(publicKey, nonce, options) {
    return (await this.compute(publicKey, nonce, options)).distance;
  }

  /**
   * @param {import('./types.js').ProofInput} proof
   * @param {import('./types.js').VerifyOptions} [options]
   */
  async verify(proof, options) {
    const read = readCallOptions(options, VERIFY_OPTIONS);
    return this.#check(proof, input.joined(read, { sample: 'all' }), 1, () => {}, () => {}, ({ head }) => {
      if (head.nClaimed === 1) return;
      throw failure('E_FORMAT', `the proof has ${head.nClaimed} nonces, expected 1; verifyBatch takes more`);
    });
  }

  /**
   * @param {import('./types.js').ProofInput} batch
   * @param {import('./types.js').BatchOptions} [options]
   * @returns {Promise<any> & AsyncIterable<any>}
   */
  verifyBatch(batch, options) {
    return streaming(async (onResult, onStart) => {
      const read = readCallOptions(options, [...VERIFY_OPTIONS, ...SAMPLE_OPTIONS]);
      const limit = read.concurrency === undefined ? this.#concurrency : this.#workers(read.concurrency);
      try {
        return await this.#check(batch, read, limit, onResult, onStart);
      } finally {
        this.#scheduler.shrink(this.#concurrency);
      }
    });
  }

  /**
   * @param {unknown} value The document.
   * @param {Record<string, any>} read Options.
   * @param {number} limit Workers.
   * @param {(result: any) => void} onResult
   * @param {(stop: Stop) => void} onStart
   * @param {(check: Check) => void} [refuse]
   */
  async #check(value, read, limit, onResult, onStart, refuse) {
    const { runtime } = this.#family;
    const { publicKey = this.#given.publicKey, participant = this.#given.participant } = read;
    const given = input.givenJson(input.joined(this.#given, { publicKey, participant }));
    const draw = drawOf(read);
    const reading = new Reading(runtime, await opened(runtime, value), given, '{}', this.profile);
    const stop = new Stop(read.signal);
    onStart(stop);
    try {
      const { submissions, unjudged } = reading.heads;
      const [part] = unjudged;
      if (part) throw refusal(runtime, part);
      if (submissions.length !== 1) {
        throw failure('E_FORMAT', `the document has ${submissions.length} submissions, expected 1; verifyDocument takes more`);
      }
      const check = new Check(reading, 0, draw, this.#keepWeights);
      refuse?.(check);
      check.know(read.known);
      const meter = new Meter(stop, read.onProgress);
      meter.expect(check.open.length, check.cost);
      const how = { scheduler: this.#scheduler, stop, meter, limit, keepWeights: this.#keepWeights };
      await computeCheck(check, how, onResult);
      return JSON.parse(check.judge(this.#scheduler.gpu));
    } finally {
      stop.done();
      reading.free();
    }
  }

  /** What computes, in sphere-pow/webgpu, where there is a choice. */
  get engine() {
    return /** @type {any} */ (this.#scheduler).engine;
  }

  async close() {
    await this.#scheduler.close();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}
