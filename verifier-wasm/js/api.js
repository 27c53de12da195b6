// The package's functions, over whatever wasm and workers its entry has.

import { readDocument, readModel, verifyDocument } from './document.js';
import { failure } from './errors.js';
import { integer, number, readOptions } from './input.js';
import { compile } from './loader.js';
import { limits, opened } from './reading.js';
import { Verifier, readVerifierOptions } from './verifier.js';

/**
 * What an entry runs on.
 * @typedef {object} Family
 * @property {import('./glue.js').Runtime} runtime
 * @property {readonly string[]} options Names of more options, meant for its scheduler.
 * @property {(wasm: import('./loader.js').Wasm, options: Record<string, any>) => import('./scheduler.js').Scheduler} newScheduler
 */

/**
 * @param {Family} family
 * @param {() => unknown} own The entry's own wasm.
 */
export function api(family, own) {
  const { runtime } = family;
  const ready = (/** @type {unknown} */ source = undefined) => runtime.load(() => compile(source === undefined ? own : () => source));
  return {
    /** @param {unknown} [options] */
    async init(options) {
      await ready(readOptions(options, ['wasm']).wasm);
    },
    /** @param {unknown} options */
    async createVerifier(options) {
      const read = readVerifierOptions(family, options);
      return new Verifier(family, await ready(read.wasm), read);
    },
    /** @param {unknown} document @param {unknown} [options] */
    verifyDocument(document, options) {
      return verifyDocument(family, ready, document, options);
    },
    /** @param {unknown} document @param {unknown} [given] */
    async readDocument(document, given) {
      await ready();
      return readDocument(family, await opened(runtime, document), given);
    },
    /** @param {unknown} profile @param {unknown} document */
    async readModel(profile, document) {
      await ready();
      return readModel(family, profile, await opened(runtime, document));
    },
    async constants() {
      await ready();
      return limits(runtime);
    },
    targetRadius: Object.freeze({
      /** @param {number} height */
      async at(height) {
        await ready();
        const checked = integer('height', height, 0, Number.MAX_SAFE_INTEGER);
        return runtime.call(({ radius_at }) => radius_at(checked));
      },
      /** @param {number} radius @param {number} [vocabSize] */
      async winRate(radius, vocabSize) {
        await ready();
        const vocab = vocabSize === undefined ? undefined : number('vocabSize', vocabSize);
        return runtime.call(({ win_rate }) => win_rate(number('radius', radius), vocab));
      },
      /** @param {number} rate @param {number} [vocabSize] */
      async fromWinRate(rate, vocabSize) {
        await ready();
        const vocab = vocabSize === undefined ? undefined : number('vocabSize', vocabSize);
        return runtime.call(({ radius_of_rate }) => radius_of_rate(number('rate', rate), vocab));
      },
    }),
  };
}

/** For entries without wasm of their own. */
export function noWasm() {
  return Promise.reject(
    failure('E_WASM_LOAD', 'this entry has no wasm of its own: pass it to init({ wasm }) or createVerifier({ wasm })'),
  );
}
