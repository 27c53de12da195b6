// What callers pass, read with suspicion: own properties only, limits first, every failure typed.

import { SpherePowError, failure, shown } from './errors.js';

/** Most characters of a hash, key, seed or nonce. */
const MAX_TEXT = 1024;
/** Most entries of one list, as core's. */
const MAX_LIST = 1 << 24;
/** Deepest nesting of a document. */
const MAX_DEPTH = 32;
const MAX_NONCE = (1n << 63n) - 1n;

/**
 * Own properties of an options object; unknown names are refused, since a misspelt one would be ignored.
 * @param {unknown} options
 * @param {readonly string[]} names
 * @returns {Record<string, any>}
 */
export function readOptions(options, names) {
  /** @type {Record<string, any>} */
  const read = Object.create(null);
  if (options === undefined) return read;
  if (typeof options !== 'object' || options === null) {
    throw failure('E_FORMAT', `the options are ${shown(options)}, expected an object`);
  }
  guarded('the options', () => {
    for (const name of Object.keys(options)) {
      if (!names.includes(name)) {
        throw failure('E_FORMAT', `unknown option ${shown(name)}, expected ${names.join(', ')}`);
      }
      read[name] = /** @type {any} */ (options)[name];
    }
  });
  return read;
}

/**
 * Options joined, without a prototype that others may have written to.
 * @param {...object} parts
 * @returns {Record<string, any>}
 */
export function joined(...parts) {
  return Object.assign(Object.create(null), ...parts);
}

/**
 * Runs code of the caller's, such as getters; what it throws comes out typed.
 * @template T
 * @param {string} what
 * @param {() => T} work
 * @returns {T}
 */
export function guarded(what, work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof SpherePowError) throw error;
    throw failure('E_FORMAT', `${what} could not be read: ${shown(error)}`, error);
  }
}

/**
 * @param {string} what
 * @param {unknown} value
 * @param {import('./types.js').ErrorCode} [code]
 * @returns {string}
 */
export function text(what, value, code = 'E_FORMAT') {
  if (typeof value !== 'string') throw failure(code, `${what} is ${shown(value)}, expected text`);
  if (value.length > MAX_TEXT) {
    throw failure(code, `${what} has ${value.length} characters, expected at most ${MAX_TEXT}`);
  }
  return value;
}

/**
 * @param {string} what
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 * @returns {number}
 */
export function integer(what, value, min, max) {
  if (typeof value !== 'number') throw failure('E_FORMAT', `${what} is ${shown(value)}, expected a number`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw failure('E_RANGE', `${what} is ${value}, expected an integer from ${min} to ${max}`);
  }
  return value;
}

/**
 * @param {string} what
 * @param {unknown} value
 * @returns {boolean}
 */
export function boolean(what, value) {
  if (typeof value !== 'boolean') throw failure('E_FORMAT', `${what} is ${shown(value)}, expected true or false`);
  return value;
}

/**
 * @param {string} what
 * @param {unknown} value
 * @returns {number}
 */
export function number(what, value) {
  if (typeof value !== 'number') throw failure('E_FORMAT', `${what} is ${shown(value)}, expected a number`);
  if (!Number.isFinite(value)) throw failure('E_RANGE', `${what} is ${value}, expected a finite number`);
  return value;
}

/**
 * A signal of whichever realm or library.
 * @param {any} value
 * @returns {import('./types.js').Signal | undefined}
 */
export function abortSignal(value) {
  if (value === undefined) return undefined;
  const isSignal =
    typeof value === 'object' &&
    typeof value?.aborted === 'boolean' &&
    typeof value.addEventListener === 'function' &&
    typeof value.removeEventListener === 'function';
  if (isSignal) return value;
  throw failure('E_FORMAT', `signal is ${shown(value)}, expected an AbortSignal`);
}

/**
 * @param {unknown} value
 * @param {string} [name]
 * @returns {((value: any) => void) | undefined}
 */
export function callback(value, name = 'onProgress') {
  if (value === undefined || typeof value === 'function') return /** @type {any} */ (value);
  throw failure('E_FORMAT', `${name} is ${shown(value)}, expected a function`);
}

/**
 * @template T
 * @param {string} what
 * @param {unknown} value
 * @param {number} max
 * @param {(value: unknown) => T} read
 * @returns {T[]}
 */
export function list(what, value, max, read) {
  return guarded(what, () => {
    if (!Array.isArray(value)) throw failure('E_FORMAT', `${what} is ${typeof value}, expected a list`);
    if (value.length > max) throw failure('E_RANGE', `${what} has ${value.length} entries, expected at most ${max}`);
    return Array.from(value, read);
  });
}

/**
 * A nonce, exactly as given or not at all.
 * @param {unknown} value
 * @returns {bigint}
 */
export function nonceOf(value) {
  const refuse = (/** @type {string} */ why) =>
    failure('E_RANGE', `nonce ${shown(value)} ${why}, expected an integer from 0 to ${MAX_NONCE}`);
  /** @type {bigint} */
  let nonce;
  if (typeof value === 'bigint') {
    nonce = value;
  } else if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw refuse('is no integer');
    if (!Number.isSafeInteger(value)) throw refuse('is not exact as a number: pass it as text or bigint');
    nonce = BigInt(value);
  } else if (typeof value === 'string') {
    if (!/^[0-9]{1,64}$/.test(value)) throw refuse('is not decimal digits');
    nonce = BigInt(value);
  } else {
    throw failure('E_FORMAT', `the nonce is ${shown(value)}, expected text, a number or a bigint`);
  }
  if (nonce < 0n || nonce > MAX_NONCE) throw refuse('is out of range');
  return nonce;
}

/**
 * Whether this is bytes, of whichever realm.
 * @param {unknown} value
 * @returns {value is ArrayBuffer | ArrayBufferView}
 */
export function isBuffer(value) {
  return ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

/**
 * What a Blob, File or Response of whichever realm holds; anything else as it is.
 * @param {any} value
 * @param {number} max Most bytes.
 * @returns {unknown}
 */
export function opened(value, max) {
  if (typeof value?.arrayBuffer !== 'function') {
    // jsdom's of some years cannot be read.
    if (/Blob|File/.test(Object.prototype.toString.call(value))) throw failure('E_FORMAT', 'a Blob without arrayBuffer(): pass its bytes');
    return value;
  }
  sized(value, value.size, max);
  return value.arrayBuffer().catch((/** @type {unknown} */ error) => {
    throw failure('E_FORMAT', `the proof could not be read: ${shown(error)}`, error);
  });
}

/**
 * The bytes of a document, in whatever form it came.
 * @param {unknown} value
 * @param {number} max Most bytes.
 * @returns {Uint8Array}
 */
export function documentBytes(value, max) {
  if (typeof value === 'string') return new TextEncoder().encode(sized(value, value.length, max));
  if (isBuffer(value)) {
    sized(value, value.byteLength, max);
    return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
  }
  if (typeof value !== 'object' || value === null) {
    throw failure('E_FORMAT', `the proof is ${shown(value)}, expected JSON text, bytes or an object`);
  }
  return new TextEncoder().encode(guarded('the proof', () => json(value, max)));
}

/**
 * @template T
 * @param {T} value
 * @param {number} size
 * @param {number} max
 */
function sized(value, size, max) {
  if (size > max) throw failure('E_FORMAT', `the document has ${size} bytes, expected at most ${max}`);
  return value;
}

/**
 * JSON of own properties: what JSON.stringify gives, but without toJSON, which a polluted prototype may hold,
 * with bigints as decimal text, and with limits.
 * @param {unknown} root
 * @param {number} [max] Most characters.
 * @returns {string}
 */
export function json(root, max = Infinity) {
  /** @type {string[]} */
  const parts = [];
  let size = 0;
  const put = (/** @type {string} */ part) => {
    size += part.length;
    sized(undefined, size, max);
    parts.push(part);
  };
  const write = (/** @type {unknown} */ value, /** @type {string} */ name, /** @type {number} */ depth) => {
    switch (typeof value) {
      case 'string':
        sized(undefined, value.length, max);
        put(JSON.stringify(value));
        return;
      case 'number':
        if ((name === 'nonce' || name === 'nonces') && !Number.isSafeInteger(value)) nonceOf(value);
        put(Number.isFinite(value) ? String(value) : `"${value}"`);
        return;
      case 'bigint':
        put(`"${value}"`);
        return;
      case 'boolean':
        put(String(value));
        return;
      case 'object':
        break;
      default:
        put('null');
        return;
    }
    if (value === null) {
      put('null');
      return;
    }
    if (depth >= MAX_DEPTH) throw failure('E_FORMAT', `the proof is nested more than ${MAX_DEPTH} deep`);
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
      const { length } = /** @type {ArrayLike<unknown>} */ (/** @type {unknown} */ (value));
      if (!(length <= MAX_LIST)) {
        throw failure('E_RANGE', `${name || 'the proof'} has ${length} entries, expected at most ${MAX_LIST}`);
      }
      put('[');
      for (let i = 0; i < length; i++) {
        if (i > 0) put(',');
        write(/** @type {any} */ (value)[i], name, depth + 1);
      }
      put(']');
      return;
    }
    put('{');
    let isFirst = true;
    for (const key of Object.keys(value)) {
      const entry = /** @type {any} */ (value)[key];
      if (entry === undefined || typeof entry === 'function' || typeof entry === 'symbol') continue;
      if (!isFirst) put(',');
      isFirst = false;
      put(JSON.stringify(key));
      put(':');
      write(entry, key, depth + 1);
    }
    put('}');
  };
  write(root, '', 0);
  return parts.join('');
}

/**
 * Params as the core reads them: a preset's name, or JSON.
 * @param {unknown} value
 * @returns {string}
 */
export function paramsText(value) {
  if (typeof value === 'string') return text('params', value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw failure('E_FORMAT', `params is ${shown(value)}, expected a preset's name or an object`);
  }
  return guarded('params', () => json(value));
}

/** What whoever verifies says, by name: how each is read. */
const GIVEN = {
  params: (/** @type {unknown} */ value) => (paramsText(value), value),
  blockHash: (/** @type {unknown} */ value) => text('blockHash', value, 'E_BLOCK_HASH'),
  publicKey: (/** @type {unknown} */ value) => text('publicKey', value),
  participant: (/** @type {unknown} */ value) => text('participant', value),
  rTarget: (/** @type {unknown} */ value) => number('rTarget', value),
  fraudThreshold: (/** @type {unknown} */ value) => number('fraudThreshold', value),
  blockHeight: (/** @type {unknown} */ value) => integer('blockHeight', value, 0, Number.MAX_SAFE_INTEGER),
};
/** Names of them. */
export const GIVEN_NAMES = Object.keys(GIVEN);
/** Those that may come with a document. */
const SAID_NAMES = ['params', 'blockHash', 'publicKey', 'rTarget', 'blockHeight'];

/**
 * What was given, of options already read, as JSON for the wasm.
 * @param {Record<string, any>} read
 */
export function givenJson(read) {
  /** @type {Record<string, unknown>} */
  const given = Object.create(null);
  for (const [name, check] of Object.entries(GIVEN)) {
    if (read[name] !== undefined) given[name] = check(read[name]);
  }
  return guarded('the options', () => json(given));
}

/**
 * What came with a document, as JSON for the wasm.
 * @param {unknown} said
 */
export function saidJson(said) {
  return givenJson(readOptions(said, SAID_NAMES));
}

/**
 * @param {unknown} value
 * @returns {import('./types.js').WorkerOption}
 */
export function workerOption(value) {
  if (value === undefined || value === false) return value;
  if (typeof value === 'function') return /** @type {() => Worker} */ (value);
  if (typeof value === 'string' || typeof (/** @type {any} */ (value)?.href) === 'string') return /** @type {any} */ (value);
  throw failure('E_FORMAT', `worker is ${shown(value)}, expected false, a URL or a function`);
}

/**
 * Bytes as hex digits.
 * @param {Uint8Array} bytes
 */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
