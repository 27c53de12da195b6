// Questions to the wasm that need no model.

import { call } from './engine.js';
import { ask as answer } from './generated/verifier.js';
import { json } from './input.js';

/**
 * The answer to one of the questions that src/lib.rs lists.
 * @param {string} what
 * @param {unknown} about Text as it is, anything else as JSON.
 * @returns {string}
 */
export function ask(what, about) {
  const text = typeof about === 'string' ? about : json(about);
  return call(() => answer(what, text));
}
