// A block's weight pool as wasm reads it: in memory that the block's workers share, or a worker's own.

import { failure } from './errors.js';

/** Bytes before the weights, so that these lie on a cache line. */
const HEAD = 64;
/** Places in the head. */
const [STATE, DONE_PPM] = [0, 1];
/** States; of a pool that is being made, it is the number of its maker, from 1. */
const [VACANT, WHOLE] = [0, -1];
/** How long to wait before the share made is told again, in ms. */
const QUIET_MS = 100;
const MILLION = 1e6;

/**
 * Memory for a pool.
 * @param {number} bytes Of weights.
 * @param {boolean} isShared Whether several workers are to have it.
 */
export function newPool(bytes, isShared) {
  try {
    return new (isShared ? SharedArrayBuffer : ArrayBuffer)(HEAD + bytes);
  } catch (error) {
    throw failure('E_MEMORY', `there is no memory for a weight pool of ${bytes} bytes`, error);
  }
}

/** One who has the pool, under a number of its own. */
export class WeightPool {
  #head;
  #weights;
  #maker;

  /**
   * @param {ArrayBuffer | SharedArrayBuffer} buffer Of {@link newPool}.
   * @param {number} maker
   */
  constructor(buffer, maker) {
    this.#head = new Int32Array(buffer, 0, 2);
    this.#weights = new Uint16Array(buffer, HEAD);
    this.#maker = maker;
  }

  get isWhole() {
    return Atomics.load(this.#head, STATE) === WHOLE;
  }

  /** The weights as bytes. */
  get bytes() {
    const { buffer, byteOffset, byteLength } = this.#weights;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  /**
   * Copies weights from `at` on to `to`.
   * @param {number} at
   * @param {Uint16Array} to
   */
  read(at, to) {
    to.set(this.#weights.subarray(at, at + to.length));
  }

  /**
   * Copies weights to the pool, the first to `at`.
   * @param {number} at
   * @param {Uint16Array} from
   */
  write(at, from) {
    this.#weights.set(from, at);
  }

  /**
   * Whether the caller is to make the pool. While another makes it this waits, and tells the share made; a maker that is
   * lost is replaced by one of those that wait.
   * @param {(fraction: number) => boolean | void} told Answers whether to stop.
   */
  claim(told) {
    for (;;) {
      const state = Atomics.compareExchange(this.#head, STATE, VACANT, this.#maker);
      if (state === VACANT) return true;
      if (state === WHOLE) return false;
      if (told(Atomics.load(this.#head, DONE_PPM) / MILLION)) throw failure('E_ABORTED', 'stopped while the weight pool was made');
      Atomics.wait(this.#head, STATE, state, QUIET_MS);
    }
  }

  /** @param {number} fraction Made. */
  keep(fraction) {
    Atomics.store(this.#head, DONE_PPM, Math.floor(fraction * MILLION));
  }

  /** The claimed pool is whole. A maker that was given up and ran on has written the same weights, and changes nothing here. */
  done() {
    this.#leave(WHOLE);
  }

  /** Gives up what is claimed, if it is not whole: another makes it from the start. */
  release() {
    this.#leave(VACANT);
  }

  /** @param {number} state */
  #leave(state) {
    if (Atomics.compareExchange(this.#head, STATE, this.#maker, state) === this.#maker) Atomics.notify(this.#head, STATE);
  }
}
