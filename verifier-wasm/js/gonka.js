// The gonka profile: the network's rule, and beside it what the distances themselves tell.

import { ask } from './ask.js';
import { failure } from './errors.js';
import * as input from './input.js';
import { LOOSEST } from './radius.js';

/** @typedef {import('./types.js').GonkaNonceResult} NonceResult */
/** @typedef {import('./types.js').ParsedGonkaProof} ParsedProof */
/** @typedef {import('./types.js').GonkaBatchReport} BatchReport */
/** @typedef {import('./types.js').GonkaContext} Context */

const FRAUD_THRESHOLD = 1e-7;
/** Distances of honest machines differ by less than this. */
const NOISE = 2e-5;
/** What a weight of the pool costs, in the forward pass's operations: about 15 ns against 20 GFLOP/s. */
const FLOPS_PER_WEIGHT = 300;

/** @typedef {import('./verifier.js').Rules} Rules */

/** @implements {Rules} */
export class GonkaRules {
  static options = ['rTarget', 'fraudThreshold'];
  /** @type {'gonka'} */
  profile = 'gonka';
  phases = /** @type {const} */ (['pool', 'layers', 'distance']);
  keepWeights = false;
  #rTarget;
  #fraudThreshold;

  /** @param {Record<string, any>} options */
  constructor(options) {
    const params = input.paramsText(options.params);
    /** @type {import('./types.js').GonkaModel} */
    this.model = JSON.parse(ask('gonka-model', params));
    this.setup = (this.model.poolLen * FLOPS_PER_WEIGHT) / this.model.flopsPerNonce;
    this.#rTarget = options.rTarget === undefined ? undefined : input.number('rTarget', options.rTarget);
    this.#fraudThreshold =
      options.fraudThreshold === undefined ? FRAUD_THRESHOLD : input.number('fraudThreshold', options.fraudThreshold);
    ask('rule', [this.#rTarget ?? LOOSEST, this.#fraudThreshold]);
  }

  /**
   * @param {import('./host.js').Computed} computed
   * @param {BigUint64Array} nonces
   * @returns {{nonce: string, distance: number}[]}
   */
  values(computed, nonces) {
    const distances = JSON.parse(computed);
    return Array.from(nonces, (nonce, i) => ({ nonce: `${nonce}`, distance: distances[i] ?? NaN }));
  }

  /** @param {NonceResult} result */
  value({ nonce, recomputed }) {
    return { nonce, distance: recomputed === null ? NaN : input.number('the recomputed distance', recomputed) };
  }

  /**
   * @param {ParsedProof} claim
   * @param {import('./types.js').Context} common
   * @returns {Context}
   */
  context(claim, common) {
    const [rTarget, rTargetSource] = this.#radius(claim);
    const winRate = Number(ask('win-rate', [this.model.params.vocab_size, rTarget]));
    const { blockHeight, nodeId } = claim;
    return { ...common, profile: this.profile, blockHeight, nodeId, rTarget, rTargetSource, winRate };
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
   * @param {ParsedProof} claim
   * @param {number} index
   * @param {{nonce: string, distance: number}} value
   * @param {Context} context
   * @returns {NonceResult}
   */
  result(claim, index, { nonce, distance }, { rTarget }) {
    const claimed = /** @type {number} */ (claim.distances[index]);
    const recomputed = Number.isFinite(distance) ? distance : null;
    return {
      index,
      nonce,
      claimed,
      recomputed,
      difference: recomputed === null ? null : claimed - recomputed,
      valid: recomputed !== null && recomputed <= rTarget && claimed < rTarget,
    };
  }

  /**
   * @param {ParsedProof} claim
   * @param {Context} context
   * @param {NonceResult[]} results
   * @param {string | null} seed
   * @returns {BatchReport}
   */
  report(claim, context, results, seed) {
    const lists = [results.map((r) => r.claimed), results.map((r) => r.recomputed)];
    const judgement = JSON.parse(ask('judgement', [context.rTarget, this.#fraudThreshold, ...lists]));
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
   * @param {BatchReport} report
   * @returns {import('./types.js').GonkaProofReport}
   */
  proofReport({ results, verdict, fraudThreshold, nClaimed, seed, ...rest }) {
    const [result] = /** @type {[NonceResult]} */ (results);
    return { ...rest, ...result, state: stateOfOne(result, rest.rTarget) };
  }
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
