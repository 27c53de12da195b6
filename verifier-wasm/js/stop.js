// Stopping a call: the caller's signal, a failure of one of its jobs or the end of its loop, all in one place.

import { aborted } from './errors.js';

/** Stops what is registered, once, with one error. */
export class Stop {
  /** @type {Set<(error: unknown) => void>} */
  #listeners = new Set();
  #signal;
  #onAbort = () => this.now(aborted(this.#signal));
  /** What stopped it. @type {unknown} */
  error = undefined;

  /** @param {import('./types.js').Signal | undefined} signal */
  constructor(signal) {
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** @param {unknown} error */
  now(error) {
    this.error ??= error;
    for (const listener of [...this.#listeners]) listener(this.error);
    this.done();
  }

  /** @param {(error: unknown) => void} listener */
  add(listener) {
    this.#listeners.add(listener);
  }

  /** @param {(error: unknown) => void} listener */
  delete(listener) {
    this.#listeners.delete(listener);
  }

  /** Lets go of the signal, which may live long. */
  done() {
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
