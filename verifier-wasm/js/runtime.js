// One wasm in this realm: loaded once, thrown away and made anew after a trap.

import { SpherePowError, failure } from './errors.js';

/** @typedef {import('./types.js').ErrorCode} ErrorCode */
/** @typedef {import('./loader.js').Wasm} Wasm */
/**
 * What every wasm of ours exports, as wasm-bindgen makes it.
 * @typedef {object} Glue
 * @property {(options: {module: WebAssembly.Module}) => unknown} initSync
 * @property {() => void} reset
 * @property {() => string} version
 * @property {() => string} lastWords Of a panic.
 */

/**
 * Why an instance could not be made: engines reserve gigabytes of address space for a wasm's memory.
 * @param {unknown} error
 */
function startError(error) {
  if (!/memory/.test(String(error))) return error;
  return failure('E_MEMORY', 'too little address space: raise ulimit -v, or use node --disable-wasm-trap-handler', error);
}

/**
 * A wasm and its exports.
 * @template {Glue} G
 */
export class Runtime {
  #isStarted = false;
  #isBroken = false;
  #instance = 0;
  /** @type {Promise<Wasm> | undefined} */
  #loading;

  /** @param {G} glue */
  constructor(glue) {
    this.glue = glue;
  }

  /**
   * Starts the wasm; only the first call's counts. After a failure the next call tries anew.
   * @param {() => Promise<Wasm>} compiled Given, and not the loader's here, which the workers do without.
   * @returns {Promise<Wasm>}
   */
  load(compiled) {
    this.#loading ??= compiled()
      .then((wasm) => {
        this.start(wasm.module);
        return wasm;
      })
      .catch((error) => {
        this.#loading = undefined;
        throw error;
      });
    return this.#loading;
  }

  /** @param {WebAssembly.Module} module */
  start(module) {
    if (this.#isStarted) return;
    try {
      this.glue.initSync({ module });
    } catch (error) {
      throw startError(error);
    }
    const got = this.glue.version();
    if (got !== __VERSION__) {
      throw failure('E_WASM_LOAD', `the wasm is of version ${got}, expected ${__VERSION__} as the JavaScript's`);
    }
    this.#isStarted = true;
  }

  /** The number of the instance that the next call meets: what another one held is gone with it. */
  get instance() {
    if (this.#isBroken) {
      this.glue.reset();
      this.#isBroken = false;
      this.#instance += 1;
    }
    return this.#instance;
  }

  /**
   * Runs `work` on the exports; whatever it throws comes out typed. A trap costs the instance, and the next call has
   * a new one.
   * @template T
   * @param {(glue: G) => T} work
   * @returns {T}
   */
  call(work) {
    void this.instance;
    try {
      return work(this.glue);
    } catch (error) {
      throw this.typed(error);
    }
  }

  /**
   * Something of this realm that will not do.
   * @param {string} message
   */
  failed(message) {
    return failure('E_INTERNAL', message);
  }

  /**
   * What anything thrown is to callers; what is none of ours is a trap, which costs the instance.
   * @param {unknown} error
   */
  typed(error) {
    if (error instanceof SpherePowError) return error;
    // Lines: code, reason, place, message.
    const match = typeof error === 'string' ? /^(E_[A-Z0-9_]+)\n(.*)\n(.*)\n([^]*)$/.exec(error) : null;
    if (match) {
      const [, code, reason, place, message] = match;
      return new SpherePowError(/** @type {ErrorCode} */ (code), message ?? '', { reason: reason || null, place: place || null });
    }
    const words = this.glue.lastWords();
    this.#isBroken = true;
    return failure('E_INTERNAL', `the verifier failed${words && `: ${words}`}; this is a bug, please report it`, error);
  }
}
