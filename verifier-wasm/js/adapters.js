// Around the network's data: what its shapes are called, and the model as the chain writes it.

import { failure, guarded, shown } from './core.js';

/** Shapes that parseProofs reads, by letter. */
export const SHAPES = /* @__PURE__ */ Object.freeze({
  A: 'proof batch of an ML node (POST /generated)',
  B: "validated batch of an ML node (POST /validated): dist is the validator's, received_dist the claim",
  C: 'batches of an API node (GET /v1/poc-batches/{height})',
  D: 'batches of a chain query (poc_batches_for_stage/{height})',
  E: 'transaction with MsgSubmitPocBatch, MsgExec unwrapped',
  G: 'init request of an ML node: context without claims',
  H: 'single proof',
  X: 'proof of the exact profile (JSON or bytes)',
});

const PARAMS = [
  'dim',
  'n_layers',
  'n_heads',
  'n_kv_heads',
  'vocab_size',
  'ffn_dim_multiplier',
  'multiple_of',
  'norm_eps',
  'rope_theta',
  'use_scaled_rope',
  'seq_len',
];

/**
 * Params and radius from the chain's `params`, `poc_params` or `model_params`, where integers are text and
 * fractions `{value, exponent}`.
 * @param {unknown} value
 * @returns {{params: import('./types.js').GonkaParams, rTarget: number | null}}
 */
export function chainModel(value) {
  return guarded('the chain parameters', () => {
    let object = /** @type {any} */ (value);
    for (const name of ['params', 'poc_params', 'model_params']) {
      if (own(object, name) && typeof object[name] === 'object') object = object[name];
    }
    /** @type {Record<string, any>} */
    const params = {};
    for (const name of PARAMS) {
      if (!own(object, name)) throw failure('E_FORMAT', `${name} is missing from the chain parameters`);
      params[name] = name === 'use_scaled_rope' ? object[name] : decimal(name, object[name]);
    }
    if (typeof params.use_scaled_rope !== 'boolean') {
      throw failure('E_FORMAT', `use_scaled_rope is ${shown(params.use_scaled_rope)}, expected true or false`);
    }
    const rTarget = own(object, 'r_target') ? decimal('r_target', object.r_target) : null;
    return { params: /** @type {any} */ (params), rTarget };
  });
}

/**
 * A number, decimal text, or the chain's Decimal.
 * @param {string} name
 * @param {any} value
 */
function decimal(name, value) {
  const text = own(value, 'value') ? `${value.value}e${own(value, 'exponent') ? value.exponent : 0}` : `${value}`;
  const isNumber = /^-?[0-9]{1,40}([.][0-9]{1,40})?(e[-+]?[0-9]{1,3})?$/i.test(text) && Number.isFinite(Number(text));
  if (!isNumber) throw failure('E_RANGE', `${name} is ${shown(text)}, expected a finite decimal`);
  return Number(text);
}

/**
 * @param {any} value
 * @param {string} name
 */
function own(value, name) {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}
