// Documents of any length and form, read piece by piece.

import { failure, guarded, isBuffer, shown } from './core.js';

/** Bytes of a piece: what is in memory of a document at a time. */
const PIECE = 1 << 18;

/**
 * The bytes of text or a buffer, not copied.
 * @param {string} what
 * @param {unknown} value
 * @returns {Uint8Array}
 */
function bytesOf(what, value) {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (!isBuffer(value)) throw failure('E_FORMAT', `${what} gave ${shown(value)}, expected bytes or text`);
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
}

/**
 * What is next of a source, and how to let go of it.
 * @typedef {object} Source
 * @property {() => Promise<{done?: boolean | undefined, value?: unknown}> | {done?: boolean | undefined, value?: unknown}} read
 * @property {() => unknown} cancel
 */

/**
 * @param {string} what
 * @param {any} value
 * @returns {Source}
 */
function sourceOf(what, value) {
  if (typeof value === 'string' || isBuffer(value)) {
    let isRead = false;
    const read = () => {
      if (isRead) return { done: true };
      isRead = true;
      return { value };
    };
    return { read, cancel: () => {} };
  }
  if (typeof value?.slice === 'function' && typeof value.arrayBuffer === 'function') {
    let at = 0;
    const read = async () => {
      if (at >= value.size) return { done: true };
      const from = at;
      at += PIECE;
      return { value: await value.slice(from, at).arrayBuffer() };
    };
    return { read, cancel: () => {} };
  }
  const stream = typeof value?.arrayBuffer === 'function' && 'body' in value ? value.body : value;
  if (stream === null) throw failure('E_FORMAT', `${what} is ${shown(value)}, expected one with a body`);
  if (typeof stream?.getReader === 'function') {
    const reader = stream.getReader();
    return { read: () => reader.read(), cancel: () => reader.cancel() };
  }
  if (typeof stream?.[Symbol.asyncIterator] === 'function') {
    const iterator = stream[Symbol.asyncIterator]();
    return { read: () => iterator.next(), cancel: () => iterator.return?.() };
  }
  throw failure('E_FORMAT', `${what} is ${shown(value)}, expected text, bytes, a Blob or a stream`);
}

/** Reads one document. */
export class Pieces {
  #what;
  #source;
  /** @type {Uint8Array} */
  #rest = new Uint8Array();

  /**
   * @param {string} what For messages.
   * @param {unknown} value
   */
  constructor(what, value) {
    this.#what = what;
    this.#source = guarded(what, () => sourceOf(what, value));
  }

  /**
   * The next bytes; none at the end.
   * @returns {Promise<Uint8Array>}
   */
  async next() {
    const piece = new Uint8Array(PIECE);
    let size = 0;
    while (size < PIECE) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#read();
        if (done) break;
        this.#rest = bytesOf(this.#what, value);
      }
      const part = this.#rest.subarray(0, PIECE - size);
      piece.set(part, size);
      size += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    // Whoever sends it on would send all that is behind it.
    return size === PIECE ? piece : piece.slice(0, size);
  }

  async #read() {
    try {
      return await this.#source.read();
    } catch (error) {
      throw failure('E_FORMAT', `${this.#what} could not be read: ${shown(error)}`, error);
    }
  }

  /** Lets go of the source, read to its end or not. */
  cancel() {
    // What a caller's stream throws at its end is not of this call.
    Promise.resolve()
      .then(() => this.#source.cancel())
      .catch(() => {});
  }
}

/**
 * All bytes of a short document; of a longer one what is enough to see that.
 * @param {Pieces} pieces
 * @param {number} max
 */
export async function whole(pieces, max) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  while (size <= max) {
    const piece = await pieces.next();
    if (piece.length === 0) break;
    parts.push(piece);
    size += piece.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
