// One wasm instance in this realm: started from a compiled module, thrown away and made anew after a trap.

import { SpherePowError, failure } from './errors.js';
import { __wbg_reset_state, initSync, version } from './generated/verifier.js';
import { lastWords } from './panic.js';

let isStarted = false;
let isBroken = false;

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
}

/**
 * Runs `work` on the instance; whatever it throws comes out typed. A trap costs the instance: `onTrap` is told,
 * and the next call has a new one.
 * @template T
 * @param {() => T} work
 * @param {() => void} [onTrap]
 * @returns {T}
 */
export function call(work, onTrap) {
  if (isBroken) reset();
  try {
    return work();
  } catch (error) {
    throw typed(error, onTrap);
  }
}

/**
 * @param {unknown} error
 * @param {(() => void) | undefined} onTrap
 */
function typed(error, onTrap) {
  if (error instanceof SpherePowError) return error;
  const match = typeof error === 'string' ? /^(E_[A-Z0-9_]+) ([\s\S]*)$/.exec(error) : null;
  if (match) {
    return failure(/** @type {import('./errors.js').ErrorCode} */ (match[1]), match[2] ?? '');
  }
  const words = lastWords();
  isBroken = true;
  onTrap?.();
  return failure('E_INTERNAL', `the verifier failed${words && `: ${words}`}; this is a bug, please report it`, error);
}
