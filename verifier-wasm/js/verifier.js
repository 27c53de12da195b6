// The verifier: one block and one model, whose claims it checks.

import { call } from './engine.js';
import { aborted, failure, shown } from './errors.js';
import * as engine from './generated/verifier.js';
import * as input from './input.js';
import { Meter } from './progress.js';
import { LOOSEST } from './radius.js';
import { Scheduler } from './scheduler.js';
import { Stop } from './stop.js';

/** @typedef {import('./types.js').GonkaNonceResult} NonceResult */
/** @typedef {import('./types.js').ParsedGonkaProof} ParsedProof */
/** @typedef {import('./types.js').GonkaBatchReport} BatchReport */
/** @typedef {import('./types.js').GonkaContext} Context */
/** @typedef {import('./types.js').GonkaVerifier} Verifier */

const OPTIONS = ['profile', 'params', 'blockHash', 'rTarget', 'fraudThreshold', 'concurrency', 'memoryLimit', 'worker'];
const CALL_OPTIONS = ['signal', 'onProgress'];
const MAX_WORKERS = 64;
/** Nonces that the network's validators recompute. */
const SAMPLE = 200;
const FRAUD_THRESHOLD = 1e-7;
/** Distances of honest machines differ by less than this. */
const NOISE = 2e-5;

/**
 * A document of any shape, read.
 * @param {unknown} value
 * @returns {import('./types.js').ParsedDocument}
 */
export function parseDocument(value) {
  const text = input.documentText(value);
  return JSON.parse(call(() => engine.read('proofs', text)));
}

/** @implements {Verifier} */
export class GonkaVerifier {
  /** @type {'gonka'} */
  profile = 'gonka';
  #params;
  #scheduler;
  #rTarget;
  #fraudThreshold;
  #concurrency;
  #memoryLimit;

  /**
   * @param {import('./loader.js').Wasm} wasm
   * @param {Record<string, any>} options As {@link readVerifierOptions} gives them.
   */
  constructor(wasm, options) {
    const hash = input.text('blockHash', options.blockHash, 'E_BLOCK_HASH');
    /** @type {string} */
    this.blockHash = call(() => engine.read('block-hash', hash));
    const params = input.paramsText(options.params);
    /** @type {import('./types.js').GonkaModel} */
    this.model = Object.freeze(JSON.parse(call(() => engine.read('gonka-model', params))));
    Object.freeze(this.model.params);
    this.#params = input.json(this.model.params);
    this.#rTarget = options.rTarget === undefined ? undefined : input.number('rTarget', options.rTarget);
    this.#fraudThreshold =
      options.fraudThreshold === undefined ? FRAUD_THRESHOLD : input.number('fraudThreshold', options.fraudThreshold);
    call(() => engine.check_rule(this.#rTarget ?? LOOSEST, this.#fraudThreshold));
    this.#memoryLimit =
      options.memoryLimit === undefined
        ? Infinity
        : input.integer('memoryLimit', options.memoryLimit, 1, Number.MAX_SAFE_INTEGER);
    this.#concurrency = this.#workers(options.concurrency === undefined ? 1 : options.concurrency);
    this.#scheduler = new Scheduler(wasm, workerOption(options.worker));
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
  async distance(publicKey, nonce, options) {
    const { signal, onProgress } = readCallOptions(options, CALL_OPTIONS);
    const key = checkedKey(publicKey);
    const nonces = BigUint64Array.of(input.nonceOf(nonce));
    const stop = new Stop(signal);
    try {
      const [distance] = await this.#compute(key, nonces, stop, new Meter(this.model, 1, stop, onProgress), 1);
      return /** @type {number} */ (distance);
    } finally {
      stop.done();
    }
  }

  /**
   * @param {import('./types.js').ProofInput} proof
   * @param {import('./types.js').VerifyOptions} [options]
   * @returns {Promise<import('./types.js').GonkaProofReport>}
   */
  async verify(proof, options) {
    const read = readCallOptions(options, [...CALL_OPTIONS, 'publicKey']);
    const claim = onlyProof(parseDocument(proof));
    if (claim.nonces.length !== 1) {
      throw failure('E_FORMAT', `the proof has ${claim.nonces.length} nonces, expected 1; verifyBatch takes more`);
    }
    const report = await this.#check(claim, read, [0], null, 1, () => {});
    const { results, verdict, fraudThreshold, nClaimed, seed, ...rest } = report;
    const [result] = /** @type {[NonceResult]} */ (results);
    return { ...rest, ...result, state: stateOfOne(result, report.rTarget) };
  }

  /**
   * @param {import('./types.js').ProofInput} batch
   * @param {import('./types.js').BatchOptions} [options]
   * @returns {Promise<BatchReport> & AsyncIterable<NonceResult>}
   */
  verifyBatch(batch, options) {
    /** @type {Stop | undefined} */
    let stop;
    /** @type {NonceResult[]} */
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
    /** @returns {AsyncGenerator<NonceResult, void, void>} */
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
          while (ready.length > 0) yield /** @type {NonceResult} */ (ready.shift());
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
   * @param {(result: NonceResult) => void} onResult
   * @param {(stop: Stop) => void} onStart
   */
  async #batch(batch, options, onResult, onStart) {
    const read = readCallOptions(options, [...CALL_OPTIONS, 'publicKey', 'sample', 'seed', 'concurrency']);
    const claim = onlyProof(parseDocument(batch));
    const n = claim.nonces.length;
    if (n === 0) throw failure('E_FORMAT', 'the batch has no nonces, expected at least 1');
    if (new Set(claim.nonces).size < n) throw failure('E_FORMAT', 'the batch has a nonce twice, expected each once');
    const { sample: size = SAMPLE } = read;
    const count = size === 'all' ? n : input.integer('sample', size, 1, 2 ** 32 - 1);
    const seed = count >= n ? null : read.seed === undefined ? randomSeed() : input.text('seed', read.seed);
    const sample = seed === null ? claim.nonces.keys() : call(() => engine.sample_indices(n, count, seed));
    const limit = read.concurrency === undefined ? this.#concurrency : this.#workers(read.concurrency);
    try {
      return await this.#check(claim, read, [...sample], seed, limit, onResult, onStart);
    } finally {
      this.#scheduler.shrink(this.#concurrency);
    }
  }

  /**
   * Recomputes a sample and judges it.
   * @param {ParsedProof} claim
   * @param {Record<string, any>} options
   * @param {number[]} sample Indices.
   * @param {string | null} seed
   * @param {number} limit
   * @param {(result: NonceResult) => void} onResult
   * @param {(stop: Stop) => void} [onStart]
   * @returns {Promise<BatchReport>}
   */
  async #check(claim, options, sample, seed, limit, onResult, onStart) {
    const context = this.#context(claim, options.publicKey);
    const stop = new Stop(options.signal);
    onStart?.(stop);
    const meter = new Meter(this.model, sample.length, stop, options.onProgress);
    const parts = chunks(sample, this.model.batch);
    /** @type {NonceResult[]} */
    const results = [];
    const check = async (/** @type {number[]} */ part) => {
      const nonces = BigUint64Array.from(part, (ix) => BigInt(/** @type {string} */ (claim.nonces[ix])));
      const distances = await this.#compute(context.publicKey, nonces, stop, meter, limit);
      for (const [i, ix] of part.entries()) {
        const result = nonceResult(claim, ix, /** @type {number} */ (distances[i]), context.rTarget);
        results.push(result);
        onResult(result);
      }
    };
    try {
      await Promise.all(parts.map(check));
    } catch (error) {
      // The first failure stops the rest.
      stop.now(error);
      throw error;
    } finally {
      stop.done();
    }
    results.sort((a, b) => a.index - b.index);
    const judgement = this.#judge(results, context.rTarget);
    return {
      state: stateOfBatch(judgement),
      ...context,
      verdict: judgement.verdict,
      fraudThreshold: this.#fraudThreshold,
      nClaimed: claim.nonces.length,
      seed,
      advisory: judgement.advisory,
      hint: hintOf(judgement.advisory),
      results,
    };
  }

  /**
   * What a claim is held against: its own words, where they do not contradict ours.
   * @param {ParsedProof} claim
   * @param {unknown} keyOption
   * @returns {Context}
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
    const [rTarget, rTargetSource] = this.#radius(claim);
    const winRate = call(() => engine.win_rate(this.model.params.vocab_size, rTarget));
    const { blockHeight, nodeId } = claim;
    const { profile, blockHash } = this;
    return { profile, blockHash, publicKey, blockHeight, nodeId, rTarget, rTargetSource, winRate };
  }

  /**
   * The radius: ours first. A claim may name a stricter one than at launch, never a looser one, since whoever
   * made it wants it to pass.
   * @param {ParsedProof} claim
   * @returns {[number, Context['rTargetSource']]}
   */
  #radius(claim) {
    if (this.#rTarget !== undefined) return [this.#rTarget, 'option'];
    if (claim.rTarget === null) return [LOOSEST, 'default'];
    if (claim.rTarget > LOOSEST) {
      const message = `the proof names r_target ${claim.rTarget}, expected at most ${LOOSEST} unless the option rTarget says so`;
      throw failure('E_RANGE', message);
    }
    return [claim.rTarget, 'proof'];
  }

  /**
   * @param {string} publicKey
   * @param {BigUint64Array} nonces
   * @param {Stop} stop
   * @param {Meter} meter
   * @param {number} limit
   */
  #compute(publicKey, nonces, stop, meter, limit) {
    const { profile, blockHash } = this;
    const job = { profile, params: this.#params, blockHash, publicKey, nonces };
    return this.#scheduler.run(job, { stop, tell: meter.job(nonces.length), limit });
  }

  /**
   * @param {NonceResult[]} results
   * @param {number} rTarget
   */
  #judge(results, rTarget) {
    const claimed = Float64Array.from(results, (r) => r.claimed);
    const recomputed = Float64Array.from(results, (r) => r.recomputed ?? NaN);
    return JSON.parse(call(() => engine.judge_gonka(claimed, recomputed, rTarget, this.#fraudThreshold)));
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
  const read = input.readOptions(options, [...OPTIONS, 'wasm']);
  if (read.profile !== 'gonka') {
    throw failure('E_PROFILE_UNKNOWN', `profile is ${shown(read.profile)}, expected 'gonka'`);
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

/**
 * @param {unknown} value
 * @returns {import('./types.js').WorkerOption}
 */
function workerOption(value) {
  if (value === undefined || value === false) return value;
  if (typeof value === 'function') return /** @type {() => Worker} */ (value);
  if (typeof value === 'string' || value instanceof URL) return value;
  throw failure('E_FORMAT', `worker is ${shown(value)}, expected false, a URL or a function`);
}

/** @param {unknown} value */
function checkedKey(value) {
  const key = input.text('publicKey', value);
  return call(() => engine.read('public-key', key));
}

/** @param {import('./types.js').ParsedDocument} document */
function onlyProof({ proofs, shapeName }) {
  const [proof] = proofs;
  if (!proof || proofs.length > 1) {
    const message = `the document (${shapeName}) has ${proofs.length} proofs, expected 1; parseProofs gives each`;
    throw failure('E_FORMAT', message);
  }
  if (proof.profile !== 'gonka') throw failure('E_FORMAT', `the proof is of profile ${proof.profile}, expected gonka`);
  return proof;
}

/**
 * @param {ParsedProof} claim
 * @param {number} index
 * @param {number} distance
 * @param {number} rTarget
 * @returns {NonceResult}
 */
function nonceResult(claim, index, distance, rTarget) {
  const claimed = /** @type {number} */ (claim.distances[index]);
  const recomputed = Number.isFinite(distance) ? distance : null;
  return {
    index,
    nonce: /** @type {string} */ (claim.nonces[index]),
    claimed,
    recomputed,
    difference: recomputed === null ? null : claimed - recomputed,
    valid: recomputed !== null && recomputed <= rTarget && claimed < rTarget,
  };
}

/**
 * @param {NonceResult} result
 * @param {number} rTarget
 * @returns {import('./types.js').State}
 */
function stateOfOne({ recomputed, claimed, valid }, rTarget) {
  const isNear = recomputed !== null && Math.abs(recomputed - rTarget) <= NOISE && claimed < rTarget;
  return isNear ? 'inconclusive' : valid ? 'valid' : 'invalid';
}

/**
 * @param {any} judgement
 * @returns {import('./types.js').State}
 */
function stateOfBatch({ verdict, canDetectFraud }) {
  if (verdict.fraudDetected) return 'invalid';
  return verdict.nInvalid > 0 && !canDetectFraud ? 'inconclusive' : 'valid';
}

/** @param {import('./types.js').Advisory} advisory */
function hintOf(advisory) {
  if (advisory.looksLikeWrongContext) {
    return 'the recomputed distances scatter about the square root of 2, as those of unrelated inputs do: another block hash, public key or model was mined';
  }
  return advisory.isWithinHardwareNoise
    ? null
    : 'the claimed distances differ from the recomputed ones by more than honest hardware does';
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
