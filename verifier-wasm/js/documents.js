// Proof data read: from whatever the caller has to one form.

import { call } from './engine.js';
import { failure } from './errors.js';
import { read_proofs } from './generated/verifier.js';
import { documentBytes } from './input.js';

/** @typedef {import('./types.js').ParsedDocument} ParsedDocument */

/**
 * A document of any shape.
 * @param {unknown} value
 * @returns {ParsedDocument}
 */
export function parseDocument(value) {
  const bytes = documentBytes(value);
  return JSON.parse(call(() => read_proofs(bytes)));
}

/**
 * The one proof of a document, which must be of `profile`.
 * @param {unknown} value
 * @param {string} profile
 * @returns {any} The profile's ParsedProof.
 */
export function onlyProof(value, profile) {
  const { proofs, shapeName } = parseDocument(value);
  const [proof] = proofs;
  if (!proof || proofs.length > 1) {
    const message = `the document (${shapeName}) has ${proofs.length} proofs, expected 1; parseProofs gives each`;
    throw failure('E_FORMAT', message);
  }
  if (proof.profile !== profile) {
    throw failure('E_FORMAT', `the proof is of profile ${proof.profile}, expected ${profile} as the verifier's`);
  }
  return proof;
}
