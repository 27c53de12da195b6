// The verifier: one block and one model, whose claims it checks. What a claim must hold is its profile's.

import { ask } from './ask.js';
import { onlyProof } from './documents.js';
import { aborted, failure, shown } from './errors.js';
import { ExactRules } from './exact.js';
import { GonkaRules } from './gonka.js';
import * as input from './input.js';
import { Meter } from './progress.js';
import { Scheduler } from './scheduler.js';
import { Stop } from './stop.js';

/**
 * What differs between profiles.
 * @typedef {object} Rules
 * @property {import('./types.js').Profile} profile
 * @property {readonly [Phase, Phase, Phase]} phases Making weights, the forward pass, done.
 * @property {boolean} keepWeights
 * @property {{params: object, memoryBytes: number, batch: number}} model
 * @property {number} setup What making weights costs, in nonces.
 * @property {(computed: any, nonces: BigUint64Array) => any[]} values What was computed, by nonce.
 * @property {(result: any) => any} value What was computed, out of a result of an earlier call.
 * @property {(claim: any, common: import('./types.js').Context) => any} context
 * @property {(claim: any, index: number, value: any, context: any) => any} result
 * @property {(claim: any, context: any, results: any[], seed: string | null) => any} report
 * @property {(report: any) => any} proofReport The same for a proof of one nonce.
 */
/** @typedef {import('./types.js').Phase} Phase */
/** @typedef {{index: number}} Result */

const OPTIONS = ['profile', 'params', 'blockHash', 'concurrency', 'memoryLimit', 'worker', 'wasm'];
const CALL_OPTIONS = ['signal', 'onProgress'];
const MAX_WORKERS = 64;
/** Nonces that the network's validators recompute. */
const SAMPLE = 200;

/** Serves both profiles; {@link import('./types.js').Verifier} says what each gives. */
export class Verifier {
  #rules;
  #params;
  #scheduler;
  #concurrency;
  #memoryLimit;

  /**
   * @param {import('./loader.js').Wasm} wasm
   * @param {Record<string, any>} options As {@link readVerifierOptions} gives them.
   */
  constructor(wasm, options) {
    const hash = input.text('blockHash', options.blockHash, 'E_BLOCK_HASH');
    /** @type {string} */
    this.blockHash = ask('block-hash', hash);
    /** @type {Rules} */
    this.#rules = new options.Rules(options);
    this.profile = this.#rules.profile;
    this.model = Object.freeze(this.#rules.model);
    Object.freeze(this.model.params);
    this.#params = input.json(this.model.params);
    this.#memoryLimit =
      options.memoryLimit === undefined
        ? Infinity
        : input.integer('memoryLimit', options.memoryLimit, 1, Number.MAX_SAFE_INTEGER);
    this.#concurrency = this.#workers(options.concurrency === undefined ? 1 : options.concurrency);
    this.#scheduler = new Scheduler(wasm, options);
    Object.freeze(this);
  }

  /**
   * Workers allowed, their memory counted.
   * @param {unknown} value
   */
  #workers(value) {
    const count = input.integer('concurrency', value, 1, MAX_WORKERS);
    const bytes = count * this.model.memoryBytes;
    if (bytes > this.#memoryLimit) {
      throw failure('E_MEMORY', `${count} workers need ${bytes} bytes, expected at most ${this.#memoryLimit}`);
    }
    return count;
  }

  /**
   * @param {string} publicKey
   * @param {import('./types.js').NonceInput} nonce
   * @param {import('./types.js').CallOptions} [options]
   */
  async compute(publicKey, nonce, options) {
    const { signal, onProgress } = readCallOptions(options, CALL_OPTIONS);
    const key = checkedKey(publicKey);
    const nonces = BigUint64Array.of(input.nonceOf(nonce));
    const stop = new Stop(signal);
    try {
      const [value] = await this.#compute(key, nonces, stop, new Meter(this.#rules, 1, stop, onProgress), 1);
      return value;
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
    const read = readCallOptions(options, [...CALL_OPTIONS, 'publicKey']);
    const claim = onlyProof(proof, this.profile);
    if (claim.nonces.length !== 1) {
      throw failure('E_FORMAT', `the proof has ${claim.nonces.length} nonces, expected 1; verifyBatch takes more`);
    }
    return this.#rules.proofReport(await this.#check(claim, read, [0], null, 1, () => {}));
  }

  /**
   * @param {import('./types.js').ProofInput} batch
   * @param {import('./types.js').BatchOptions} [options]
   * @returns {Promise<any> & AsyncIterable<any>}
   */
  verifyBatch(batch, options) {
    /** @type {Stop | undefined} */
    let stop;
    /** @type {Result[]} */
    const ready = [];
    let wake = () => {};
    const report = this.#batch(
      batch,
      options,
      (result) => {
        ready.push(result);
        wake();
      },
      (its) => {
        stop = its;
      },
    );
    /** @returns {AsyncGenerator<Result, void, void>} */
    const iterate = async function* () {
      // Errors come out of the loop; the promise may stay unread.
      let isOver = false;
      const over = report.then(
        () => {},
        () => {},
      );
      void over.then(() => {
        isOver = true;
        wake();
      });
      try {
        for (;;) {
          while (ready.length > 0) yield /** @type {Result} */ (ready.shift());
          if (isOver) break;
          await new Promise((resolve) => {
            wake = () => resolve(undefined);
          });
        }
        await report;
      } finally {
        // Left early: nobody waits for the rest.
        stop?.now(failure('E_ABORTED', 'the loop over the results was left'));
      }
    };
    return Object.assign(report, { [Symbol.asyncIterator]: iterate });
  }

  /**
   * @param {unknown} batch
   * @param {unknown} options
   * @param {(result: Result) => void} onResult
   * @param {(stop: Stop) => void} onStart
   */
  async #batch(batch, options, onResult, onStart) {
    const read = readCallOptions(options, [...CALL_OPTIONS, 'publicKey', 'sample', 'seed', 'concurrency', 'known']);
    const claim = onlyProof(batch, this.profile);
    const n = claim.nonces.length;
    if (n === 0) throw failure('E_FORMAT', 'the batch has no nonces, expected at least 1');
    if (new Set(claim.nonces).size < n) throw failure('E_FORMAT', 'the batch has a nonce twice, expected each once');
    const { sample: size = SAMPLE } = read;
    const count = size === 'all' ? n : input.integer('sample', size, 1, 2 ** 32 - 1);
    const seed = count >= n ? null : read.seed === undefined ? randomSeed() : input.text('seed', read.seed);
    const sample = seed === null ? claim.nonces.keys() : JSON.parse(ask('sample', [n, count, seed]));
    const limit = read.concurrency === undefined ? this.#concurrency : this.#workers(read.concurrency);
    try {
      return await this.#check(claim, read, [...sample], seed, limit, onResult, onStart);
    } finally {
      this.#scheduler.shrink(this.#concurrency);
    }
  }

  /**
   * Recomputes a sample and judges it.
   * @param {any} claim
   * @param {Record<string, any>} options
   * @param {number[]} sample Indices.
   * @param {string | null} seed
   * @param {number} limit
   * @param {(result: Result) => void} onResult
   * @param {(stop: Stop) => void} [onStart]
   */
  async #check(claim, options, sample, seed, limit, onResult, onStart) {
    const context = this.#context(claim, options.publicKey);
    const stop = new Stop(options.signal);
    onStart?.(stop);
    const results = this.#known(claim, new Set(sample), context, options.known);
    const known = new Set(results.map(({ index }) => index));
    const open = sample.filter((ix) => !known.has(ix));
    const meter = new Meter(this.#rules, open.length, stop, options.onProgress);
    const compute = (/** @type {BigUint64Array} */ nonces) =>
      this.#compute(context.publicKey, nonces, stop, meter, limit);
    const check = async (/** @type {number[]} */ part) => {
      const nonces = BigUint64Array.from(part, (ix) => BigInt(claim.nonces[ix]));
      const values = await compute(nonces);
      for (const [i, ix] of part.entries()) {
        const result = this.#rules.result(claim, ix, values[i], context);
        results.push(result);
        onResult(result);
      }
    };
    try {
      if (open.length > 0) {
        const batch = await this.#scheduler.batch(this.model.batch, () => compute(new BigUint64Array()));
        // No worker idles while another has more than one pass left.
        await Promise.all(chunks(open, Math.min(batch, Math.ceil(open.length / limit))).map(check));
      }
    } catch (error) {
      // The first failure stops the rest.
      stop.now(error);
      throw error;
    } finally {
      stop.done();
    }
    results.sort((a, b) => a.index - b.index);
    return this.#rules.report(claim, context, results, seed);
  }

  /**
   * Results of an earlier call that are of this sample, judged anew: what they say of the claim is not believed.
   * @param {any} claim
   * @param {Set<number>} sample
   * @param {any} context
   * @param {unknown} known
   * @returns {Result[]}
   */
  #known(claim, sample, context, known) {
    if (known === undefined) return [];
    if (!Array.isArray(known)) throw failure('E_FORMAT', `known is ${shown(known)}, expected a list of results`);
    /** @type {Map<number, Result>} */
    const results = new Map();
    for (const entry of known) {
      const index = input.integer('the index of a known result', entry?.index, 0, claim.nonces.length - 1);
      if (entry.nonce !== claim.nonces[index]) {
        const message = `the known result of index ${index} is of nonce ${shown(entry.nonce)}, expected ${claim.nonces[index]}`;
        throw failure('E_FORMAT', message);
      }
      if (sample.has(index)) results.set(index, this.#rules.result(claim, index, this.#rules.value(entry), context));
    }
    return [...results.values()];
  }

  /**
   * What a claim is held against: its own words, where they do not contradict ours.
   * @param {any} claim
   * @param {unknown} keyOption
   */
  #context(claim, keyOption) {
    const given = keyOption === undefined ? null : checkedKey(keyOption);
    if (given && claim.publicKey && given !== claim.publicKey) {
      throw failure('E_FORMAT', `the proof is of key ${claim.publicKey}, expected ${given} as in the options`);
    }
    const publicKey = claim.publicKey ?? given;
    if (!publicKey) throw failure('E_FORMAT', 'the proof names no public key, expected the option publicKey');
    if (claim.blockHash && claim.blockHash !== this.blockHash) {
      const message = `the proof is of block ${claim.blockHash}, expected ${this.blockHash} as the verifier's`;
      throw failure('E_BLOCK_HASH', message);
    }
    const model = claim.params && input.json(claim.params);
    if (model && model !== this.#params) {
      throw failure('E_RANGE', `the proof is of the model ${model}, expected ${this.#params}`);
    }
    const { profile, blockHash } = this;
    return this.#rules.context(claim, { profile, blockHash, publicKey });
  }

  /**
   * @param {string} publicKey
   * @param {BigUint64Array} nonces
   * @param {Stop} stop
   * @param {Meter} meter
   * @param {number} limit
   */
  async #compute(publicKey, nonces, stop, meter, limit) {
    const { profile, keepWeights } = this.#rules;
    const job = { profile, params: this.#params, blockHash: this.blockHash, keepWeights, publicKey, nonces };
    const computed = await this.#scheduler.run(job, { stop, tell: meter.job(nonces.length), limit });
    return this.#rules.values(computed, nonces);
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

/** @param {unknown} options */
export function readVerifierOptions(options) {
  const read = input.readOptions(options, [...OPTIONS, ...Scheduler.options, ...GonkaRules.options, ...ExactRules.options]);
  const { profile } = read;
  read.Rules = profile === 'gonka' ? GonkaRules : profile === 'exact' ? ExactRules : null;
  if (!read.Rules) throw failure('E_PROFILE_UNKNOWN', `profile is ${shown(profile)}, expected 'gonka' or 'exact'`);
  for (const name of (profile === 'gonka' ? ExactRules : GonkaRules).options) {
    if (name in read) throw failure('E_FORMAT', `the option ${name} is not one of profile ${profile}`);
  }
  return read;
}

/**
 * @param {unknown} options
 * @param {string[]} names
 */
function readCallOptions(options, names) {
  const read = input.readOptions(options, names);
  read.signal = input.abortSignal(read.signal);
  read.onProgress = input.callback(read.onProgress);
  if (read.signal?.aborted) throw aborted(read.signal);
  return read;
}

/** @param {unknown} value */
function checkedKey(value) {
  return ask('public-key', input.text('publicKey', value));
}

function randomSeed() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {number[]} list
 * @param {number} size
 */
function chunks(list, size) {
  /** @type {number[][]} */
  const parts = [];
  for (let i = 0; i < list.length; i += size) parts.push(list.slice(i, i + size));
  return parts;
}
