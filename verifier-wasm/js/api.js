// The package's functions, over whatever way its entry loads the wasm.

import { parseDocument } from './documents.js';
import { failure } from './errors.js';
import { readOptions } from './input.js';
import { load } from './loader.js';
import { targetRadii } from './radius.js';
import { Verifier, readVerifierOptions } from './verifier.js';

/** @typedef {import('./types.js').WasmSource} WasmSource */

/** @param {() => WasmSource | Promise<WasmSource>} own The entry's own wasm. */
export function api(own) {
  const ready = (/** @type {any} */ source = undefined) => load(source === undefined ? own : () => source);
  return {
    /** @param {unknown} [options] */
    async init(options) {
      await ready(readOptions(options, ['wasm']).wasm);
    },
    /** @param {unknown} options */
    async createVerifier(options) {
      const read = readVerifierOptions(options);
      return new Verifier(await ready(read.wasm), read);
    },
    /** @param {unknown} document */
    async parseProofs(document) {
      await ready();
      return parseDocument(document);
    },
    targetRadius: targetRadii(() => ready()),
  };
}

/** For entries without wasm of their own. */
export function noWasm() {
  return Promise.reject(
    failure('E_WASM_LOAD', 'this entry has no wasm of its own: pass it to init({ wasm }) or createVerifier({ wasm })'),
  );
}
