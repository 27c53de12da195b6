// The exact profile: a claim is true to the bit or proves fraud.

import { ask } from './ask.js';
import * as input from './input.js';

/** @typedef {import('./types.js').ExactNonce} ExactNonce */
/** @typedef {import('./types.js').ExactNonceResult} NonceResult */
/** @typedef {import('./types.js').ParsedExactProof} ParsedProof */
/** @typedef {import('./types.js').ExactBatchReport} BatchReport */
/** @typedef {import('./types.js').ExactContext} Context */

/** What a weight costs to make, in the forward pass's operations. */
const OPS_PER_WEIGHT = 120;
/** The chance to find no false claim that a bound on their share may leave. */
const MISSED = 0.05;

/** @typedef {import('./verifier.js').Rules} Rules */

/** @implements {Rules} */
export class ExactRules {
  static options = ['keepWeights'];
  /** @type {'exact'} */
  profile = 'exact';
  phases = /** @type {const} */ (['weights', 'layers', 'verdict']);

  /** @param {Record<string, any>} options */
  constructor(options) {
    const params = input.paramsText(options.params);
    this.keepWeights = options.keepWeights !== undefined && input.boolean('keepWeights', options.keepWeights);
    /** @type {import('./types.js').ExactModel} */
    this.model = JSON.parse(ask(this.keepWeights ? 'exact-model-kept' : 'exact-model', params));
    this.setup = (this.model.weightBytes * OPS_PER_WEIGHT) / this.model.opsPerNonce;
  }

  /**
   * @param {any} computed JSON.
   * @returns {ExactNonce[]}
   */
  values(computed) {
    return JSON.parse(computed);
  }

  /**
   * @param {NonceResult} result
   * @returns {ExactNonce}
   */
  value({ nonce, digest, won, dot, logitsSquared, targetSquared, distance }) {
    for (const text of [digest, dot, logitsSquared, targetSquared]) input.text('a known result', text);
    return {
      nonce,
      digest,
      won: input.boolean('won', won),
      dot,
      logitsSquared,
      targetSquared,
      distance: input.number('the distance', distance),
    };
  }

  /**
   * @param {ParsedProof} _claim
   * @param {import('./types.js').Context} common
   * @returns {Context}
   */
  context(_claim, common) {
    const { params, preset, version, winRate } = this.model;
    return { ...common, profile: this.profile, version, params, preset, winRate };
  }

  /**
   * @param {ParsedProof} claim
   * @param {number} index
   * @param {ExactNonce} value
   * @returns {NonceResult}
   */
  result(claim, index, value) {
    const claimedDigest = /** @type {string} */ (claim.digests[index]);
    const digestMatches = value.digest === claimedDigest;
    return { index, ...value, claimedDigest, digestMatches, valid: digestMatches && value.won };
  }

  /**
   * @param {ParsedProof} claim
   * @param {Context} context
   * @param {NonceResult[]} results
   * @param {string | null} seed
   * @returns {BatchReport}
   */
  report(claim, context, results, seed) {
    const bad = results.filter(({ valid }) => !valid);
    const [first] = bad;
    const nChecked = results.length;
    return {
      state: first ? 'invalid' : seed === null ? 'valid' : 'inconclusive',
      ...context,
      nClaimed: claim.nonces.length,
      nChecked,
      nInvalid: bad.length,
      falseShareBound: first ? null : seed === null ? 0 : 1 - MISSED ** (1 / nChecked),
      seed,
      fault: first ? fault(first, context) : null,
      results,
    };
  }

  /**
   * @param {BatchReport} report
   * @returns {import('./types.js').ExactProofReport}
   */
  proofReport({ results, nClaimed, nChecked, nInvalid, falseShareBound, seed, ...rest }) {
    const [result] = /** @type {[NonceResult]} */ (results);
    return { ...rest, ...result, state: result.valid ? 'valid' : 'invalid' };
  }
}

/**
 * @param {NonceResult} result
 * @param {Context} context
 * @returns {import('./types.js').ExactFault}
 */
function fault(result, { params, blockHash, publicKey }) {
  const { index, nonce, claimedDigest, digest, digestMatches, dot, logitsSquared, targetSquared } = result;
  const why = digestMatches
    ? `does not win with dot ${dot}, squares ${logitsSquared} and ${targetSquared}`
    : `digest is ${claimedDigest}, the logits give ${digest}`;
  return {
    code: digestMatches ? 'not-won' : 'digest',
    detail: `claim ${index}, nonce ${nonce}: ${why}`,
    params,
    blockHash,
    publicKey,
    index,
    nonce,
    claimedDigest,
    computedDigest: digest,
    dot,
    logitsSquared,
    targetSquared,
  };
}
