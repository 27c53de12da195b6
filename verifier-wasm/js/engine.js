// One wasm instance in this realm: started from a compiled module, thrown away and made anew after a trap.

import { SpherePowError, failure } from './errors.js';
import { __wbg_reset_state, initSync, version } from './generated/verifier.js';
import { lastWords } from './panic.js';

let isStarted = false;
let isBroken = false;
/** Counts instances: what one held is gone with it. */
let instance = 0;

/** @param {WebAssembly.Module} module */
export function start(module) {
  if (isStarted) return;
  initSync({ module });
  isStarted = true;
  const got = version();
  if (got !== __VERSION__) {
    isStarted = false;
    throw failure('E_WASM_LOAD', `the wasm is of version ${got}, expected ${__VERSION__} as the JavaScript's`);
  }
}

/** Throws the instance away, with all memory it took. */
export function reset() {
  if (!isStarted) return;
  isBroken = true;
  __wbg_reset_state();
  isBroken = false;
  instance += 1;
}

/** The number of the instance that the next call meets. */
export function currentInstance() {
  if (isBroken) reset();
  return instance;
}

/**
 * Runs `work` on the instance; whatever it throws comes out typed. A trap costs the instance, and the next call has
 * a new one.
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function call(work) {
  if (isBroken) reset();
  try {
    return work();
  } catch (error) {
    throw typed(error);
  }
}

/**
 * What anything thrown is to callers; what is none of ours is a trap, which costs the instance.
 * @param {unknown} error
 */
export function typed(error) {
  if (error instanceof SpherePowError) return error;
  const match = typeof error === 'string' ? /^(E_[A-Z0-9_]+) ([\s\S]*)$/.exec(error) : null;
  if (match) {
    return failure(/** @type {import('./errors.js').ErrorCode} */ (match[1]), match[2] ?? '');
  }
  const words = lastWords();
  isBroken = true;
  return failure('E_INTERNAL', `the verifier failed${words && `: ${words}`}; this is a bug, please report it`, error);
}
